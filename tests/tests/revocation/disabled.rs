//! An account that is switched off has no certificates, whoever switched it off and whatever was under way.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ca_core::cert::UnverifiedCertificate;
use ca_core::ssh::PublicKey;
use countersign_tests::client::Client;
use countersign_tests::journey;
use countersign_tests::openssh::OpenSsh;
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::sshd::Sshd;

use super::{Authority, served};

#[test]
fn switching_an_account_off_revokes_its_certificates() -> Result<()> {
    let authority = Authority::start()?;
    let folder = tempfile::tempdir()?;
    let krl = folder.path().join("krl");
    authority.fetch(&krl)?;
    let line = format!("RevokedKeys {}\n", krl.display());
    let sshd = Sshd::start_with(OpenSsh::of_the_system(), &authority.server.ca_key(), &line)?;
    let lets_in =
        |key: &Path| Ok::<_, anyhow::Error>(sshd.try_login(key, "127.0.0.1")?.status.code() == Some(0));
    let (_carol, carol_key) = authority.engineer("carol")?;
    let (_dave, dave_key) = authority.engineer("dave")?;
    ensure!(lets_in(&carol_key)? && lets_in(&dave_key)?, "{}", sshd.log());

    run(&mut authority.officer.ca(&["admin", "user", "disable", "carol"])?)?;
    authority.fetch(&krl)?;
    ensure!(!lets_in(&carol_key)? && lets_in(&dave_key)?, "by an officer:\n{}", sshd.log());

    // Another process, which only writes into the log.
    run(&mut authority.server.command(&["user", "disable", "dave"])?)?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while lets_in(&dave_key)? {
        ensure!(Instant::now() < deadline, "by the operator:\n{}", sshd.log());
        std::thread::sleep(Duration::from_millis(200));
        authority.fetch(&krl)?;
    }
    // What is revoked stays so when the account is switched on again.
    run(&mut authority.officer.ca(&["admin", "user", "enable", "carol"])?)?;
    authority.fetch(&krl)?;
    ensure!(!lets_in(&carol_key)?, "{}", sshd.log());
    journey::verify(&authority.server, &authority.officer)
}

/// Asks for certificates as fast as possible until the server says no; gives those that came.
async fn issue_until_refused(server: &Server, token: &str) -> Result<Vec<String>> {
    let mut client = Client::connect(server).await?;
    client.token = Some(token.to_owned());
    let mut issued = Vec::new();
    for _ in 0..100_000 {
        let request = signed_request(ORIGIN, "erin", "dev")?;
        let answer = client.post("/v1/certificates", &request).await?;
        if answer.status != 200 {
            ensure!(matches!(answer.status, 401 | 403), "status {}", answer.status);
            return Ok(issued);
        }
        issued.push(answer.json::<ca_api::IssuedCertificate>()?.certificate);
    }
    anyhow::bail!("nobody stopped it")
}

/// Lets somebody ask on several connections while `stop` is run; gives what they got.
async fn race(authority: &Authority, erin: &Person, stop: &[&str]) -> Result<Vec<String>> {
    let mut client = Client::connect(&authority.server).await?;
    client.login(erin).await?;
    let token = client.token.context("a session")?;
    let asking = futures_join(&authority.server, &token);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let mut command = authority.officer.ca(stop)?;
        tokio::task::spawn_blocking(move || run(&mut command)).await??;
        Ok::<_, anyhow::Error>(())
    };
    let (issued, stopped) = tokio::join!(asking, stopping);
    stopped?;
    issued
}

async fn futures_join(server: &Server, token: &str) -> Result<Vec<String>> {
    let (a, b, c) = tokio::join!(
        issue_until_refused(server, token),
        issue_until_refused(server, token),
        issue_until_refused(server, token)
    );
    Ok([a?, b?, c?].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_certificate_gets_away_while_its_owner_is_revoked_or_switched_off() -> Result<()> {
    let authority = Authority::start()?;
    let erin = Person::new(&authority.server, "erin", &["engineers"])?;
    let ca: PublicKey = std::fs::read_to_string(authority.server.ca_key())?.parse()?;
    for stop in [
        &["revoke", "--user", "erin", "--reason", "laptop stolen"][..],
        &["admin", "user", "disable", "erin"],
    ] {
        let issued = race(&authority, &erin, stop).await?;
        ensure!(issued.len() > 20, "{stop:?}: only {} certificates", issued.len());
        // What was entered in the last moment is in the next KRL.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let krl = served(&authority.server).await?;
        for certificate in &issued {
            let certificate = UnverifiedCertificate::from_openssh(certificate)?;
            let content = certificate.unverified_content();
            let why = krl.revokes_certificate(&ca, content.serial, &content.key_id, &content.key);
            ensure!(why.is_some(), "{stop:?}: serial {} got away of {}", content.serial, issued.len());
        }
        eprintln!("{stop:?}: {} certificates, all revoked", issued.len());
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    journey::verify(&authority.server, &authority.officer)
}

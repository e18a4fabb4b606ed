//! An officer invites somebody, who takes the account over; later the officer switches it off. All with the real `ca`.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::{Api, problem};
use countersign_tests::invitation::accept;
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;
use reqwest::Method;
use serde_json::json;

const PASSWORD: &str = "chosen by carol alone";

#[test]
fn an_officer_invites_somebody_and_later_switches_the_account_off() -> Result<()> {
    let server = Server::start()?;
    let officer = Person::new(&server, "olga", &["security-officers"])?;
    officer.login()?;
    let add = ["admin", "user", "add", "carol", "--email", "carol@example.com", "--group", "engineers"];
    let invitation = run(&mut officer.ca(&add)?)?.trim().to_owned();
    let mislaid = invitation;
    let invitation = run(&mut officer.ca(&add)?)?.trim().to_owned();
    ensure!(accept(&officer, &mislaid, PASSWORD).is_err(), "an invitation that was replaced");
    let waiting = run(&mut officer.ca(&["admin", "user", "show", "carol"])?)?;
    ensure!(waiting.contains("invited"), "{waiting}");

    let (secret, welcome) = accept(&officer, &invitation, PASSWORD)?;
    ensure!(welcome["recovery_codes"].as_array().is_some_and(|codes| codes.len() == 8), "{welcome}");
    ensure!(!output(&mut officer.ca(&add)?)?.status.success(), "the same account twice");
    let again = output(officer.ca(&["accept"])?.env("COUNTERSIGN_INVITATION", &invitation))?;
    ensure!(again.status.code() == Some(1), "an invitation was taken twice");

    let home = tempfile::tempdir()?;
    let added = json!({ "email": "carol@example.com", "totp_secret": secret }).to_string();
    let carol = Person::at(&server, "carol", PASSWORD.to_owned(), &added, home.path())?;
    let code = welcome["recovery_codes"][0].as_str().context("a code")?;
    let mut login =
        carol.ca(&["login", "--server", server.url(), "--user", "carol", "--factor", "recovery"])?;
    run(login.env("COUNTERSIGN_PASSWORD", PASSWORD).env("COUNTERSIGN_CODE", code))?;
    let key = carol.new_key("id", &["ed25519"])?;
    let by_recovery = output(&mut carol.ca(&["request", "dev", "--key", &key.to_string_lossy()])?)?;
    ensure!(by_recovery.status.code() == Some(1), "a recovery code is no factor for certificates");
    // The app has shown a code for the invitation already.
    let _ = carol.phone.code();
    carol.login()?;
    carol.request("dev", &key, &[])?;
    let refused = output(&mut carol.ca(&["admin", "user", "list"])?)?;
    ensure!(refused.status.code() == Some(1), "somebody who is no officer");

    run(&mut officer.ca(&["admin", "user", "disable", "carol"])?)?;
    let off = output(&mut carol.ca(&["request", "dev", "--key", &key.to_string_lossy()])?)?;
    ensure!(!off.status.success(), "a certificate for an account that is off");
    let list = run(&mut officer.ca(&["admin", "user", "list"])?)?;
    ensure!(list.lines().any(|line| line.starts_with("carol") && line.contains("off")), "{list}");
    run(&mut officer.ca(&["admin", "user", "enable", "carol@example.com"])?)?;
    for what in ["disable", "unlock"] {
        let own = output(&mut officer.ca(&["admin", "user", what, "olga@example.com"])?)?;
        let said = String::from_utf8_lossy(&own.stderr);
        ensure!(own.status.code() == Some(1) && said.contains("Ask another officer"), "{what}: {own:?}");
    }
    let list = run(&mut officer.ca(&["admin", "user", "list"])?)?;
    ensure!(list.lines().any(|line| line.starts_with("olga") && line.contains(" on ")), "{list}");
    let events = run(&mut officer.ca(&[
        "audit",
        "search",
        &server.log_folder().to_string_lossy(),
        "--key",
        &server.log_key().to_string_lossy(),
        "--text",
        "officer olga",
    ])?)?;
    ensure!(events.contains("user-added") && events.contains("user-enabled"), "{events}");
    journey::verify(&server, &officer)
}

#[test]
fn somebody_may_take_longer_at_a_prompt_than_the_server_keeps_a_connection() -> Result<()> {
    let mut server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    let config = std::fs::read_to_string(server.config())?;
    std::fs::write(server.config(), format!("{config}\n[limits]\nhead = \"1s\"\n"))?;
    server.serve()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let mut login = ann.ca(&["login", "--server", server.url(), "--user", "ann", "--code-fd", "0"])?;
    login.env("COUNTERSIGN_PASSWORD", &ann.password).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut login = login.spawn()?;
    std::thread::sleep(Duration::from_secs(4));
    writeln!(login.stdin.take().context("its input")?, "{}", spaced(&ann.phone.code()))?;
    let done = login.wait_with_output()?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Writes a code as apps show it.
fn spaced(code: &str) -> String {
    let (front, back) = code.split_at(3);
    format!("{front} {back}")
}

#[test]
fn init_makes_the_first_officer_who_logs_in_at_once() -> Result<()> {
    let mut server = Server::make(None)?;
    let half = output(server.init_command()?.args(["--officer", "olga"]))?;
    ensure!(!half.status.success() && !server.config().exists(), "an officer without an address: {half:?}");
    let mut init = server.init_command()?;
    init.args(["--officer", "olga", "--email", "olga@example.com"]);
    let weak = output(init.env("COUNTERSIGN_PASSWORD", "password"))?;
    ensure!(!weak.status.success() && !server.config().exists(), "an officer with a bad password: {weak:?}");
    let shown = run(init.env("COUNTERSIGN_PASSWORD", "of the first officer"))?;
    let secret = shown.lines().find_map(|line| line.trim().strip_prefix("secret ")).context("a secret")?;
    let again = output(init.env("COUNTERSIGN_PASSWORD", "of somebody else"))?;
    ensure!(!again.status.success(), "an authority was overwritten");
    server.serve()?;
    let (home, added) = (
        tempfile::tempdir()?,
        json!({ "email": "olga@example.com", "totp_secret": secret.trim() }).to_string(),
    );
    let olga = Person::at(&server, "olga", "of the first officer".to_owned(), &added, home.path())?;
    olga.login()?;
    let list = run(&mut olga.ca(&["admin", "user", "list"])?)?;
    ensure!(list.contains("olga@example.com") && list.contains("security-officers"), "{list}");
    journey::verify(&server, &olga)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_an_officer_by_an_api_key_a_change_session_or_a_recovery_code() -> Result<()> {
    let server = Server::start()?;
    let officer = Person::new(&server, "olga", &["security-officers"])?;
    let api = Api::new(&server)?;
    let owner = api.own(&officer).await?;
    let key = json!({ "label": "k", "profiles": ["dev"], "networks": ["0.0.0.0/0"], "lasts_secs": 600 });
    let (_, made) = api.call(&owner, Method::POST, "/v1/account/api-keys", &key).await?;
    let (_, codes) = api.call(&owner, Method::POST, "/v1/account/recovery-codes", &json!({})).await?;
    let challenge = api.begin(&officer, "access").await?;
    let code = codes["codes"][0].as_str().context("a code")?;
    let (_, recovered) = api.show(&challenge, "recovery", code).await?;
    for (token, word) in [
        (&made["token"], "no-session"),
        (&recovered["token"], "full-credentials-needed"),
        (&json!(""), "no-session"),
    ] {
        let token = token.as_str().context("a token")?;
        let (status, answer) = api.call(token, Method::GET, "/v1/admin/users", &json!({})).await?;
        ensure!(status == 401 && problem(&answer) == word, "{status} {answer}");
    }
    Ok(())
}

//! Kills the server at random moments under load, again and again, and looks at what it leaves (I2, I7).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_api::IssuedCertificate;
use countersign_tests::client::Client;
use countersign_tests::http::trust;
use countersign_tests::journey;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use tokio::task::JoinSet;

/// How many clients ask while the server is killed.
const CLIENTS: usize = 8;

#[tokio::test]
async fn l4_i2_i7_kill_9_under_load_loses_nothing_that_was_answered() -> Result<()> {
    let kills = std::env::var("COUNTERSIGN_KILLS").map_or(Ok(15), |text| text.parse::<u32>())?;
    let mut server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let mut session = Client::connect(&server).await?;
    session.login(&ann).await?;
    let token = session.token.context("a session")?;
    let mut answered = Vec::new();
    for round in 0..kills {
        let asking = ask(&server, &token)?;
        tokio::time::sleep(Duration::from_millis(u64::from(getrandom::u32()? % 400))).await;
        server.kill()?;
        answered.extend(asking.join_all().await.into_iter().flatten());
        server.serve().with_context(|| format!("no start after kill {round}: {}", server.output()))?;
    }
    ensure!(answered.len() > kills as usize, "only {} answers: the test shows nothing", answered.len());
    server.stop()?;
    let log = LogFolder::read(&server.log_folder(), &server.log_key())?;
    for issued in &answered {
        let certificate = log.check(&issued.certificate)?;
        ensure!(certificate.content().serial == issued.serial, "another serial than answered");
    }
    println!("{kills} kills, {} answered certificates, {} entries", answered.len(), log.size());
    journey::verify(&server, &ann)
}

/// Lets everybody ask until the server is gone; each task ends with the certificates that were answered.
fn ask(server: &Server, token: &str) -> Result<JoinSet<Vec<IssuedCertificate>>> {
    let tls = trust(&server.tls_certificate())?;
    let mut asking = JoinSet::new();
    for _ in 0..CLIENTS {
        let (url, tls, token) = (server.url().to_owned(), tls.clone(), token.to_owned());
        asking.spawn(async move {
            let mut answered = Vec::new();
            let Ok(mut client) = Client::open(&url, &tls).await else { return answered };
            client.token = Some(token);
            while let Ok(request) = signed_request(ORIGIN, "ann", "dev") {
                match client.certify(&request).await {
                    Ok(issued) => answered.push(issued),
                    Err(_) => break,
                }
            }
            answered
        });
    }
    Ok(asking)
}

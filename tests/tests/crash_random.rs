//! Kills the server at random moments under load, again and again, and looks at what it leaves (I2, I7).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::client::{Client, crowd};
use countersign_tests::journey;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::person::Person;
use countersign_tests::server::Server;

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
        let asking = crowd(&server, ("ann", &token), CLIENTS)?;
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

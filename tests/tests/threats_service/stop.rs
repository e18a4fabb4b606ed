//! Told to stop under load, the server finishes what it has begun, and no more.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_tests::client::{Client, crowd};
use countersign_tests::journey;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::person::Person;
use countersign_tests::process::{Running, run};
use countersign_tests::server::Server;
use countersign_tests::wire::Wire;

const CLIENTS: usize = 16;

/// Before, the signal was caught only after the server had said that it is ready, and killed it in between.
#[test]
fn stopped_in_the_very_moment_it_is_ready_it_ends_well() -> Result<()> {
    let server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    // The server waits in opening the pipe until somebody reads that it is ready; by then the signal has come.
    let pipe = server.folder().join("pipe");
    run(Command::new("mkfifo").arg(&pipe))?;
    let mut command = server.command(&["serve"])?;
    command.arg("--ready-file").arg(&pipe);
    let mut process = Running::start("ca-server", &mut command, &server.folder().join("pipe.log"))?;
    let patience = Duration::from_secs(30);
    process.wait_for("listening", patience, |output| output.contains("\"listening\"").then_some(()))?;
    process.signal_stop()?;
    let urls = fs::read_to_string(&pipe)?;
    let status = process.wait(patience)?;
    ensure!(status.success() && urls.contains("127.0.0.1"), "{status}: {}", process.output());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_under_load_it_ends_well_and_what_was_answered_is_published() -> Result<()> {
    let mut server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let mut client = Client::connect(&server).await?;
    client.login(&ann).await?;
    // Connections that say nothing must not keep the server from its end.
    let wire = Wire::to(&server)?;
    let silent = (wire.tls().await?, wire.tcp().await?);
    let asking = crowd(&server, ("ann", client.token.as_deref().unwrap_or_default()), CLIENTS)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Fails unless the server exits 0 within the fixture's patience.
    tokio::task::block_in_place(|| server.stop())?;
    drop(silent);
    let answered: Vec<_> = asking.join_all().await.into_iter().flatten().collect();
    ensure!(answered.len() > CLIENTS, "only {} answers: the test shows nothing", answered.len());
    ensure!(server.output().contains("\"stopped\"") && !server.output().contains("not published"));
    let log = LogFolder::read(&server.log_folder(), &server.log_key())?;
    for issued in &answered {
        log.check(&issued.certificate)?;
    }
    println!("{} answered certificates, all of them published", answered.len());
    journey::verify(&server, &ann)
}

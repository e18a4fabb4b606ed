//! L1, I10: the bucket is gone, hangs, fails, is slow or refuses, while people ask for certificates.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::journey;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::process::run;
use countersign_tests::s3::{Fault, On, S3Server};
use countersign_tests::server::Server;

use crate::scene::Scene;

/// How long the server waits for the store in these tests, in seconds.
const DEADLINE: u64 = 1;

fn server(s3: &S3Server) -> Result<Server> {
    let mut server = Server::make(Some(s3.bucket()))?;
    run(&mut server.init_command()?)?;
    server.set_env("CA_SERVER_LOG__DEADLINE_SECS", &DEADLINE.to_string());
    server.serve()?;
    Ok(server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l1_i10_while_the_bucket_fails_nothing_is_granted_and_then_all_goes_on() -> Result<()> {
    let s3 = S3Server::start()?;
    let mut scene = Scene::new(server(&s3)?, 6).await?;
    let slow = Duration::from_secs(4 * DEADLINE);
    for (name, fault) in [
        ("down", Fault::Reset),
        ("hanging", Fault::Hang),
        ("slow past the deadline", Fault::Late(slow)),
        ("500", Fault::InternalError),
        ("503 SlowDown", Fault::SlowDown),
        ("403", Fault::Forbidden),
    ] {
        s3.faults().always(On::any(), fault);
        scene.assert_denies().await.with_context(|| format!("while the bucket is {name}"))?;
        s3.faults().clear();
        scene.until_ready().await.with_context(|| format!("after the bucket was {name}"))?;
        scene.assert_works().await.with_context(|| format!("after the bucket was {name}"))?;
    }
    everything_is_in_the_log(&s3, scene)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l1_i10_entries_that_were_stored_without_an_answer_are_not_granted_and_do_no_harm() -> Result<()> {
    let s3 = S3Server::start()?;
    let mut scene = Scene::new(server(&s3)?, 1).await?;
    // The journal has the entry, but nobody knows: no certificate may leave, and the next round must find it.
    s3.faults().always(On::puts().to("journal/"), Fault::ReplyLost);
    s3.faults().always(On::gets().to("journal/"), Fault::InternalError);
    scene.assert_denies().await?;
    s3.faults().clear();
    scene.until_ready().await?;
    scene.assert_works().await?;
    everything_is_in_the_log(&s3, scene)
}

/// Lets `ca` verify the log, and finds in a copy of the bucket every certificate that was answered.
fn everything_is_in_the_log(s3: &S3Server, mut scene: Scene) -> Result<()> {
    journey::verify(&scene.server, &scene.ann)?;
    scene.server.stop()?;
    let copy = tempfile::tempdir()?;
    for key in s3.keys() {
        let path = copy.path().join(&key);
        fs::create_dir_all(path.parent().context("a key is a path")?)?;
        let newest = s3.versions(&key).pop().and_then(|version| version.bytes);
        fs::write(path, newest.context("no bytes")?)?;
    }
    let log = LogFolder::read(copy.path(), &scene.server.log_key())?;
    ensure!(scene.certificates.len() > 1, "nothing was granted: the test shows nothing");
    let mut serials = HashSet::new();
    for issued in &scene.certificates {
        log.check(&issued.certificate)?;
        ensure!(serials.insert(issued.serial), "serial {} twice", issued.serial);
    }
    Ok(())
}

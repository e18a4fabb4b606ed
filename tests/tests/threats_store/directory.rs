//! L9: the folder of the log cannot be written any more.

use std::fs;

use anyhow::{Result, ensure};
use countersign_tests::log_folder::LogFolder;
use countersign_tests::server::Server;

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l9_i10_a_file_in_the_place_of_the_journal_denies_and_once_it_is_gone_all_goes_on() -> Result<()> {
    let mut scene = Scene::new(Server::start()?, 1).await?;
    let log = scene.server.log_folder();
    let (journal, aside) = (log.join("journal"), log.join("aside"));
    fs::rename(&journal, &aside)?;
    fs::write(&journal, "not a folder")?;
    scene.assert_denies().await?;
    let output = scene.server.output();
    ensure!(output.contains("a file stands where a folder should be"), "no clear line:\n{output}");
    fs::remove_file(&journal)?;
    fs::rename(&aside, &journal)?;
    scene.until_ready().await?;
    scene.assert_works().await?;
    scene.server.stop()?;
    let log = LogFolder::read(&log, &scene.server.log_key())?;
    for issued in &scene.certificates {
        log.check(&issued.certificate)?;
    }
    Ok(())
}

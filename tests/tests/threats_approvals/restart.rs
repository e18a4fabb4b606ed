//! I7, I8: what waits survives a stop and a kill, and a database that is older than the log issues nothing twice.

use std::fs;

use anyhow::{Result, ensure};
use countersign_tests::log_folder::LogFolder;

use crate::{Scene, accepted, refused};

/// What SQLite keeps a database in.
const FILES: [&str; 3] = ["state.db", "state.db-wal", "state.db-shm"];

impl Scene {
    fn copy_database(&self) -> Vec<Option<Vec<u8>>> {
        FILES.iter().map(|name| fs::read(self.server.folder().join(name)).ok()).collect()
    }

    fn restore_database(&self, copy: Vec<Option<Vec<u8>>>) -> Result<()> {
        for (name, bytes) in FILES.iter().zip(copy) {
            let path = self.server.folder().join(name);
            match bytes {
                Some(bytes) => fs::write(path, bytes)?,
                None => drop(fs::remove_file(path)),
            }
        }
        Ok(())
    }

    fn certificates(&self) -> Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir(self.server.log_folder().join("journal"))? {
            let text = fs::read(entry?.path())?;
            count += String::from_utf8_lossy(&text).matches("\"type\":\"certificate\"").count();
        }
        Ok(count)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_what_waits_survives_a_kill() -> Result<()> {
    let mut scene = Scene::new().await?;
    let id = scene.ann.ask(&scene.api, "vault").await?;
    accepted(scene.bo.approve(&scene.api, &id).await?, "pending")?;
    scene.server.kill()?;
    scene.server.serve()?;
    accepted(scene.chen.approve(&scene.api, &id).await?, "issued")?;
    scene.server.kill()?;
    scene.server.serve()?;
    let issued = scene.ann.look(&scene.api, &id).await?.issued.map(|issued| issued.certificate);
    let log = LogFolder::read(&scene.server.log_folder(), &scene.server.log_key())?;
    log.check(&issued.unwrap_or_default())?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_a_database_that_lost_its_last_seconds_issues_the_same_certificate() -> Result<()> {
    let mut scene = Scene::new().await?;
    let id = scene.ann.ask(&scene.api, "vault").await?;
    accepted(scene.bo.approve(&scene.api, &id).await?, "pending")?;
    scene.server.stop()?;
    let copy = scene.copy_database();
    scene.server.serve()?;
    accepted(scene.chen.approve(&scene.api, &id).await?, "issued")?;
    let first = scene.ann.look(&scene.api, &id).await?.issued.map(|issued| issued.certificate);
    scene.server.kill()?;
    ensure!(scene.certificates()? == 1, "{}", scene.certificates()?);
    // As it was before the last approval, which only the log knows of now: nobody has to approve again, nor can.
    scene.restore_database(copy)?;
    scene.server.serve()?;
    refused(scene.chen.approve(&scene.api, &id).await?, 409, "request-over").or_else(|error| {
        // Taken for closed rather than issued is safe as well; issued anew is not.
        ensure!(!error.to_string().contains("200"), "{error}");
        anyhow::Ok(serde_json::Value::Null)
    })?;
    let again = scene.ann.look(&scene.api, &id).await?;
    ensure!(scene.certificates()? == 1, "{} certificates for one request: {again:?}", scene.certificates()?);
    ensure!(again.issued.is_none() || again.issued.map(|issued| issued.certificate) == first, "another one");
    scene.audit()
}

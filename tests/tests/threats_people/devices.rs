//! F7: the real `ca` gets in where it has been before, while others guess.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::wire::Wire;

use crate::{first_step, server};

const NAME: &str = "f7-device";

/// Finds the file that `ca` keeps the device's token in.
fn device_file(person: &Person) -> Result<PathBuf> {
    let servers = fs::read_dir(person.home("state/countersign/servers"))?;
    let files = servers.filter_map(|folder| Some(folder.ok()?.path().join("device")));
    files.into_iter().find(|file| file.exists()).context("a device's token")
}

/// Tries wrong passwords until the next attempt has to wait for 8 seconds.
async fn guess_until_the_wait_is_long(wire: &Wire) -> Result<()> {
    loop {
        let reply = first_step(wire, NAME, "not the password").await?;
        if reply.status == 401 {
            continue;
        }
        let wait = reply.expect(429, "too-many-failures")?.retry_after_secs.context("how long")?;
        if wait >= 8 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

#[tokio::test]
async fn f7_ca_logs_in_on_its_device_while_others_guess() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let ann = Person::new(&server, NAME, &["engineers"])?;
    ann.login()?;
    let file = device_file(&ann)?;
    ensure!(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "for its owner alone");
    let token = fs::read_to_string(&file)?;

    // The code is for now: waiting for another must not use up the wait that is to be in force.
    let mut login = ann.login_command()?;
    guess_until_the_wait_is_long(&wire).await?;
    run(&mut login)?;
    // Still in force, so it was all the while.
    first_step(&wire, NAME, &ann.password).await?.expect(429, "too-many-failures")?;
    ensure!(fs::read_to_string(&file)? == token, "the token stays good");
    Ok(())
}

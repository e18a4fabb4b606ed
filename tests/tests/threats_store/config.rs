//! L10: a configuration that is not safe does not start.

use std::fs;

use anyhow::{Result, ensure};
use countersign_tests::process::run;
use countersign_tests::server::Server;

use crate::ended::ended;

/// Makes an authority, changes its configuration, and gives what `serve` and `check-config` both refuse with.
fn refusal(change: impl Fn(&str) -> String) -> Result<[String; 2]> {
    let server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    run(&mut server.command(&["check-config"])?)?;
    let config = fs::read_to_string(server.config())?;
    let changed = change(&config);
    ensure!(changed != config, "nothing was changed");
    fs::write(server.config(), changed)?;
    let size = fs::read_dir(server.log_folder().join("journal"))?.count();
    let refuse = |command: &mut std::process::Command| {
        let done = ended(command)?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.code() == Some(1), "{:?} instead of a refusal: {said}", done.status);
        Ok(said)
    };
    let said = [refuse(&mut server.serve_command()?)?, refuse(&mut server.command(&["check-config"])?)?];
    ensure!(fs::read_dir(server.log_folder().join("journal"))?.count() == size, "it wrote into the log");
    Ok(said)
}

#[test]
fn l10_without_a_place_for_the_audit_trail_nothing_starts() -> Result<()> {
    for said in refusal(|config| config.split("[log]").next().unwrap_or_default().to_owned())? {
        ensure!(said.contains("missing field `log`"), "{said}");
    }
    Ok(())
}

#[test]
fn l10_a_folder_that_is_not_there_is_not_made() -> Result<()> {
    let server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    fs::rename(server.log_folder(), server.folder().join("unmounted"))?;
    let done = ended(&mut server.serve_command()?)?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.code() == Some(1) && said.contains("there is no such folder"), "{said}");
    ensure!(!server.log_folder().exists(), "it made another log");
    Ok(())
}

#[test]
fn an_unknown_key_is_refused_with_its_line() -> Result<()> {
    for said in refusal(|config| config.replace("[log]\n", "[log]\nretention = 3\n"))? {
        ensure!(said.contains("retention") && said.contains("line 18"), "{said}");
    }
    for said in refusal(|config| format!("{config}\n[limits]\npatience = \"1s\"\n"))? {
        ensure!(said.contains("patience") && said.contains("line"), "{said}");
    }
    Ok(())
}

#[test]
fn plain_http_beyond_loopback_is_refused() -> Result<()> {
    let open = |config: &str| {
        let (before, after) = config.split_once("[tls]").unwrap_or_default();
        let keys = after.split_once("[keys]").unwrap_or_default().1;
        format!("{}[keys]{keys}", before.replacen("127.0.0.1", "0.0.0.0", 1))
    };
    for said in refusal(open)? {
        ensure!(said.contains("not loopback") && said.contains("allow_plain_http"), "{said}");
    }
    Ok(())
}

#[test]
fn init_never_overwrites() -> Result<()> {
    let server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    let files =
        ["config.toml", "ca_key", "host_ca_key", "log_key", "sealing_key", "pepper", "tls.key", "state.db"];
    let read = || files.map(|name| fs::read(server.folder().join(name)).ok());
    let before = read();
    ensure!(before.iter().all(Option::is_some));
    let again = ended(&mut server.init_command()?)?;
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    ensure!(again.status.code() == Some(1) && said.contains("never overwritten"), "{said}");
    // Without its configuration the keys are still an authority's.
    fs::remove_file(server.config())?;
    let again = ended(&mut server.init_command()?)?;
    ensure!(again.status.code() == Some(1), "{}", String::from_utf8_lossy(&again.stderr));
    let after = read();
    ensure!(before[1..] == after[1..], "a file was overwritten");
    Ok(())
}

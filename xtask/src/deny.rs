//! cargo-deny: licences, sources, who may use what, and known vulnerabilities when their database can be reached.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::cargo::{cargo, root, show, target};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Checks the whole dependency tree; gives a remark on what was left out.
pub(crate) fn check() -> Result<String> {
    let program = program()?;
    show(deny(&program).args(["check", "bans", "licenses", "sources"]))?;
    println!("Fetching the database of known vulnerabilities …");
    let fetched = deny(&program).args(["fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0").output()?;
    if !fetched.status.success() {
        println!("It cannot be reached from here, so known vulnerabilities are NOT checked.");
        return Ok("vulnerabilities not checked, their database is out of reach".to_owned());
    }
    show(deny(&program).args(["check", "--disable-fetch", "advisories"]))?;
    Ok(String::new())
}

fn deny(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    // Warnings are about crates that occur in two versions, which is for reading, not for failing.
    command.current_dir(root()).args(["--log-level", "error"]);
    command
}

/// Finds cargo-deny, or builds it once into the target folder: about two minutes on two cores.
fn program() -> Result<PathBuf> {
    let tools = target().join("tools");
    let program = tools.join("bin/cargo-deny");
    let is_there = Command::new(&program).arg("--version").output();
    if is_there.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == format!("cargo-deny {VERSION}")) {
        return Ok(program);
    }
    println!("cargo-deny {VERSION} is not there yet; building it takes about two minutes, once.");
    let mut install =
        cargo(&["install", "--quiet", "--locked", "cargo-deny", "--version", VERSION, "--root"]);
    install.arg(&tools).env("CARGO_TARGET_DIR", tools.join("build"));
    // It runs for seconds: compiling it quickly matters more than its speed.
    for (setting, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1"), ("DEBUG", "0")] {
        install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    show(&mut install)?;
    std::fs::remove_dir_all(tools.join("build"))?;
    Ok(program)
}

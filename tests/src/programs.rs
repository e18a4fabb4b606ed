//! The programs under test, where cargo put them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// Set by `cargo xtask` after it has built everything, so that nothing is built twice.
pub const BUILT: &str = "COUNTERSIGN_BUILT";

/// Finds `ca`, `ca-server` and the like in cargo's folder; builds them first when they are missing or may be old.
pub fn program(name: &str) -> Result<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| fresh_folder().map_err(|e| format!("{e:#}")));
    match folder {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) => bail!("the programs under test cannot be built: {error}"),
    }
}

/// Builds the client that stands on the `yubico` crate, if `cargo xtask test` has not yet, and finds it.
pub fn yubico_reference() -> Result<PathBuf> {
    let beside = program("ca")?;
    let target = beside.ancestors().nth(2).context("cargo's folder has a parent")?;
    let folder = target.join("tools/yubico-reference");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked", "--manifest-path"]);
    build.arg(repository().join("tests/yubico-reference/Cargo.toml"));
    let status = build.env("CARGO_TARGET_DIR", &folder).status()?;
    if status.success() {
        Ok(folder.join("debug/yubico-reference"))
    } else {
        bail!("the reference client cannot be built ({status}); `cargo xtask test` installs what it needs")
    }
}

/// Gives the folder of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

fn fresh_folder() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("a program lies in a folder")?;
    // Tests lie in `deps`, one below the programs.
    let folder = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    if std::env::var_os(BUILT).is_none() && ["ca", "ca-server"].iter().any(|p| is_old(&folder.join(p), &own))
    {
        build(folder)?;
    }
    Ok(folder.to_owned())
}

/// Our own file is linked anew whenever the server's library changes, so a program older than it may be out of date.
fn is_old(program: &Path, own: &Path) -> bool {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified());
    match (modified(program), modified(own)) {
        (Ok(program), Ok(own)) => program < own,
        _ => true,
    }
}

/// Lets cargo look after the programs, one test process at a time.
fn build(folder: &Path) -> Result<()> {
    let lock = File::create(folder.join("countersign-programs.lock"))?;
    lock.lock()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(repository()).args([
        "build",
        "--quiet",
        "--package",
        "ca-server",
        "--package",
        "ca-cli",
    ]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let target = folder.parent().context("cargo's folder has a parent")?;
    let status = command.env("CARGO_TARGET_DIR", target).status()?;
    if status.success() { Ok(()) } else { bail!("cargo build ended with {status}") }
}

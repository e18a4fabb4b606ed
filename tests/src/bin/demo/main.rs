//! `cargo xtask demo`: from nothing to a login on a real sshd, explained step by step.

mod keep;
mod show;
mod stage;
mod story;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

/// What `cargo xtask demo` passes on.
#[derive(Default)]
struct Options {
    s3: bool,
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match options().and_then(|options| story::tell(options.s3, options.keep.as_deref())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo did not work: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options::default();
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--s3") => options.s3 = true,
            Some("--keep") => options.keep = args.next().map(PathBuf::from),
            _ => bail!("unknown option {}; use `cargo xtask demo`", arg.display()),
        }
    }
    Ok(options)
}

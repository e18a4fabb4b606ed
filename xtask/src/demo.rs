//! The demo and the benchmark: build what they need, then hand over to the programs in `tests/src/bin`.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::cargo::{cargo, show, target};
use crate::machine;

/// From nothing to a login on a real sshd.
pub(crate) fn demo(s3: bool, keep: Option<&Path>) -> Result<()> {
    if let Some(keep) = keep
        && keep.exists()
    {
        bail!("{} exists already; name a folder that does not", keep.display());
    }
    println!("First, what the demo needs: {}.", machine::prepare()?);
    println!("Building; the first time this compiles some 500 crates, which takes a few minutes.");
    show(&mut cargo(&["build", "--workspace", "--bins"]))?;
    let mut demo = Command::new(target().join("debug/demo"));
    demo.env("COUNTERSIGN_BUILT", "1");
    if s3 {
        demo.arg("--s3");
    }
    if let Some(keep) = keep {
        demo.arg("--keep").arg(std::path::absolute(keep)?);
    }
    hand_over(&mut demo)
}

/// How fast it is on this machine.
pub(crate) fn bench(flood: bool) -> Result<()> {
    println!("First, what the benchmark needs: {}.", machine::prepare()?);
    println!("Building with optimisation; the first time this takes several minutes.");
    show(&mut cargo(&["build", "--workspace", "--bins", "--release"]))?;
    let what = if flood { "flood".into() } else { target().join("bench.json") };
    hand_over(Command::new(target().join("release/bench")).arg(what).env("COUNTERSIGN_BUILT", "1"))
}

fn hand_over(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { bail!("it did not work; see above") }
}

//! Everything that is checked before a change is taken.

use anyhow::Result;

use crate::cargo::{cargo, root, show};
use crate::steps::Steps;
use crate::{deny, machine};

/// Runs every check, cheap ones first.
pub(crate) fn test() -> Result<()> {
    let mut steps = Steps::new();
    steps.step("what the machine must have", machine::prepare)?;
    steps.step("formatting", || quiet(&["fmt", "--all", "--check"]))?;
    steps.step("lints", || {
        quiet(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
    })?;
    steps.step("dependencies", deny::check)?;
    steps.step("build", || quiet(&["build", "--workspace", "--all-targets", "--quiet"]))?;
    steps.step("tests", tests)?;
    steps.step("documentation", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
        show(doc.env("RUSTDOCFLAGS", "-D warnings")).map(|()| String::new())
    })?;
    steps.finish();
    Ok(())
}

fn quiet(args: &[&str]) -> Result<String> {
    show(&mut cargo(args)).map(|()| String::new())
}

/// Runs all tests, documentation tests included; tells them what lies where, and that all programs are built.
fn tests() -> Result<String> {
    let vectors =
        std::env::var_os("COUNTERSIGN_VECTORS").map_or_else(|| root().join("../shared/vectors"), Into::into);
    let remark = if vectors.is_dir() {
        String::new()
    } else {
        format!("public test vectors left out, {} is not there (COUNTERSIGN_VECTORS)", vectors.display())
    };
    let mut test = cargo(&["test", "--workspace", "--no-fail-fast"]);
    show(test.env("COUNTERSIGN_VECTORS", vectors).env("COUNTERSIGN_BUILT", "1"))?;
    Ok(remark)
}

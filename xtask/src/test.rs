//! Everything that is checked before a change is taken.

use anyhow::Result;

use crate::cargo::{cargo, root, show, target};
use crate::steps::Steps;
use crate::{deny, machine, openssh};

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
    steps.step("fuzz targets", fuzz)?;
    steps.step("the yubico crate, to compare with", reference)?;
    steps.step("tests", tests)?;
    steps.step("documentation", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
        show(doc.env("RUSTDOCFLAGS", "-D warnings")).map(|()| String::new())
    })?;
    steps.finish();
    Ok(())
}

/// Checks that the fuzz targets are up to date; without the fuzzer itself, which takes a C++ compiler and is not linked here.
fn fuzz() -> Result<String> {
    let mut check = cargo(&["check", "--quiet", "--locked", "--manifest-path", "fuzz/Cargo.toml"]);
    check.env("CARGO_TARGET_DIR", target().join("tools/fuzz"));
    check.env("CUSTOM_LIBFUZZER_PATH", target().join("tools/libfuzzer.a"));
    show(&mut check).map(|()| "not run, only checked".to_owned())
}

/// Builds the client of `tests/yubico-reference`, a workspace of its own, where the tests look for it.
fn reference() -> Result<String> {
    let folder = target().join("tools/yubico-reference");
    let mut build =
        cargo(&["build", "--quiet", "--locked", "--manifest-path", "tests/yubico-reference/Cargo.toml"]);
    show(build.env("CARGO_TARGET_DIR", folder)).map(|()| String::new())
}

fn quiet(args: &[&str]) -> Result<String> {
    show(&mut cargo(args)).map(|()| String::new())
}

/// Runs all tests, documentation tests included; tells them what lies where, and that all programs are built.
fn tests() -> Result<String> {
    let mut remarks = Vec::new();
    let mut test = cargo(&["test", "--workspace", "--no-fail-fast"]);
    test.env("COUNTERSIGN_BUILT", "1");
    let vectors =
        std::env::var_os("COUNTERSIGN_VECTORS").map_or_else(|| root().join("../shared/vectors"), Into::into);
    if !vectors.is_dir() {
        remarks.push(format!("without the public test vectors, {} is not there", vectors.display()));
    }
    test.env("COUNTERSIGN_VECTORS", vectors);
    match openssh::newer() {
        Some(programs) => {
            remarks.extend(openssh::version(&programs));
            test.env("COUNTERSIGN_OPENSSH", programs);
        }
        None => remarks.push("without a current OpenSSH, it cannot be had".to_owned()),
    }
    show(&mut test)?;
    Ok(remarks.join("; "))
}

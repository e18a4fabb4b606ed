//! Programs that ought to refuse, and so to end.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::Result;
use countersign_tests::process::wait_until;

/// Runs a program and gives what it said; one that does not end, because it took what it should refuse, is an error.
pub(crate) fn ended(command: &mut Command) -> Result<Output> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let waited = wait_until("the refusal", Duration::from_mins(1), || Ok(child.try_wait()?));
    if waited.is_err() {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    waited.map(|_| output)
}

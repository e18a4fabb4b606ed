//! Taking an account over with the real `ca accept`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::person::Person;
use crate::totp::Phone;

/// Takes an invitation with this password, from somebody's home; gives the secret of the new app and the welcome.
pub fn accept(somebody: &Person, invitation: &str, password: &str) -> Result<(String, Value)> {
    let mut command = somebody.ca(&["accept", "--json", "--new-code-fd", "0"])?;
    command.env("COUNTERSIGN_INVITATION", invitation).env("COUNTERSIGN_NEW_PASSWORD", password);
    let mut accepting = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut shown = BufReader::new(accepting.stdout.take().context("its output")?);
    let mut pending = String::new();
    while !pending.ends_with("}\n") {
        ensure!(shown.read_line(&mut pending)? > 0, "`ca accept` ended early: {pending}");
    }
    let pending: Value = serde_json::from_str(&pending)?;
    let secret = pending["secret"].as_str().context("a secret")?.to_owned();
    writeln!(accepting.stdin.take().context("its input")?, "{}", Phone::new(&secret)?.code())?;
    let mut welcome = String::new();
    shown.read_to_string(&mut welcome)?;
    ensure!(accepting.wait()?.success(), "`ca accept` failed");
    Ok((secret, serde_json::from_str(&welcome)?))
}

//! Yubikeys, SMS and API keys against those who have half of what they need: each try is denied, and recorded.

mod api_key_calls;
mod api_keys;
mod canaries;
mod cross_site;
mod own_keys;
mod passwords;
mod sms;
mod sms_limits;
mod warnings;
mod webhook;
mod yubikey;

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::server::Server;

/// Starts a server with more configuration; `secrets` are files beside it.
fn server(more: &str, secrets: &[(&str, &str)]) -> Result<Server> {
    server_with("", more, secrets)
}

/// Starts a server with more configuration, before the first table and at the end.
fn server_with(top: &str, more: &str, secrets: &[(&str, &str)]) -> Result<Server> {
    let mut server = prepare(top, more, secrets)?;
    server.serve()?;
    Ok(server)
}

/// Makes such a server, not started yet.
fn prepare(top: &str, more: &str, secrets: &[(&str, &str)]) -> Result<Server> {
    let server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    for (name, secret) in secrets {
        write_secret(&server.folder().join(name), secret)?;
    }
    let config = fs::read_to_string(server.config())?;
    fs::write(server.config(), format!("{top}{config}\n{more}"))?;
    Ok(server)
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(std::io::Write::write_all(&mut file, secret.as_bytes())?)
}

/// Makes sure that the log has events of a kind about somebody that say this.
fn ensure_logged(server: &Server, person: &Person, kind: &str, text: &str) -> Result<()> {
    let log = server.log_folder();
    let (log, key) = (log.to_string_lossy(), server.log_key());
    let search = ["audit", "search", &log, "--key", &key.to_string_lossy(), "--type", kind, "--text", text];
    let found = run(&mut person.ca(&search)?)?;
    ensure!(!found.trim().is_empty(), "the log has no {kind} with {text}");
    Ok(())
}

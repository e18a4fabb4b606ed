//! Messages to people against the services that carry them: what arrives, and what each failure turns into.

mod mail;
mod mail_fails;
mod sns;
mod twilio;
mod twilio_fails;
mod webhook;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::Result;
use ca_server::messages::phone::Phone;
use tempfile::TempDir;

/// A number that nobody has, and a text with a code.
const NUMBER: &str = "+4915550001742";
const TEXT: &str = "739201 is your Countersign code. It ends in 5 minutes.";
/// The code in the text.
const CODE: &str = "739201";

fn phone() -> Result<Phone> {
    Ok(NUMBER.parse()?)
}

/// A secret in a file that its owner alone can read.
fn secret_file(secret: &str) -> Result<(TempDir, PathBuf)> {
    let folder = TempDir::new()?;
    let path = folder.path().join("secret");
    fs::write(&path, format!("{secret}\n"))?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok((folder, path))
}

/// Asserts that neither form of an error holds any of what must stay private.
fn says_nothing_of(error: &(impl std::fmt::Debug + std::fmt::Display), private: &[&str]) {
    let said = format!("{error} {error:?} {error:#?}");
    for private in private {
        assert!(!said.contains(private), "{said} holds {private}");
    }
}

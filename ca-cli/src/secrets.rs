//! Secrets: from the environment, from a file descriptor, or from a prompt without echo. Never from an argument.

use std::fs::File;
use std::io::Read as _;

use ca_api::Secret;
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// The longest secret that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Where one kind of secret can come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// What it is called, for people.
    pub(crate) name: &'static str,
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The option that names a file descriptor.
    pub(crate) option: &'static str,
}

/// The password of an account.
pub(crate) const PASSWORD: Source =
    Source { name: "password", variable: "COUNTERSIGN_PASSWORD", option: "--password-fd" };
/// What a second factor shows.
pub(crate) const CODE: Source = Source { name: "code", variable: "COUNTERSIGN_CODE", option: "--code-fd" };
/// What a factor shows that is being added.
pub(crate) const NEW_CODE: Source =
    Source { name: "new code", variable: "COUNTERSIGN_NEW_CODE", option: "--new-code-fd" };
/// What an officer sent to somebody new.
pub(crate) const INVITATION: Source =
    Source { name: "invitation", variable: "COUNTERSIGN_INVITATION", option: "--invitation-fd" };
/// A password to be.
pub(crate) const NEW_PASSWORD: Source =
    Source { name: "new password", variable: "COUNTERSIGN_NEW_PASSWORD", option: "--new-password-fd" };
/// What officers sealed for an emergency.
pub(crate) const VOUCHER: Source =
    Source { name: "voucher", variable: "COUNTERSIGN_VOUCHER", option: "--voucher-fd" };
/// What a key file is encrypted with.
pub(crate) const PASSPHRASE: Source =
    Source { name: "passphrase", variable: "COUNTERSIGN_PASSPHRASE", option: "--passphrase-fd" };

impl Source {
    /// Reads the secret: the descriptor if one is named, else the variable, else whoever sits at the terminal.
    pub(crate) fn read(self, fd: Option<u32>, prompt: &str) -> Result<Zeroizing<String>> {
        if let Some(fd) = fd {
            return self.read_descriptor(fd);
        }
        if let Ok(value) = std::env::var(self.variable) {
            return Ok(Zeroizing::new(value));
        }
        rpassword::prompt_password(format!("{prompt}: ")).map(Zeroizing::new).map_err(|error| {
            Failure::new("no-terminal", format!("cannot ask for the {}: {error}", self.name))
                .hint(format!("Without a terminal, set {} or use {} N.", self.variable, self.option))
        })
    }

    /// Reads a code. Apps and messages show digits with a gap, which is no part of it.
    pub(crate) fn read_code(self, fd: Option<u32>, prompt: &str) -> Result<Secret> {
        let typed = self.read(fd, prompt)?;
        let typed = typed.trim();
        let is_gapped = typed.chars().all(|c| c == ' ' || c.is_ascii_digit());
        Ok(Secret(if is_gapped { typed.replace(' ', "") } else { typed.to_owned() }))
    }

    /// Reads a secret that is chosen now: at a terminal it is typed twice.
    pub(crate) fn read_new(self, fd: Option<u32>, prompt: &str) -> Result<Zeroizing<String>> {
        let first = self.read(fd, prompt)?;
        if self.is_typed(fd) && *self.read(None, "Again")? != *first {
            return Err(Failure::new("usage", "the two differ: nothing was changed"));
        }
        Ok(first)
    }

    /// Tells whether somebody at the terminal is asked.
    pub(crate) fn is_typed(self, fd: Option<u32>) -> bool {
        fd.is_none() && std::env::var_os(self.variable).is_none()
    }

    /// Reads one line from a descriptor that the caller left open.
    fn read_descriptor(self, fd: u32) -> Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        let read = File::open(format!("/dev/fd/{fd}"))
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        read.map_err(|error| {
            Failure::new("usage", format!("cannot read the {} from descriptor {fd}: {error}", self.name))
        })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }
}

/// Gives the session token from the environment, for programs that keep it themselves.
pub(crate) fn token_variable() -> Option<String> {
    std::env::var("COUNTERSIGN_TOKEN").ok().filter(|token| !token.is_empty())
}

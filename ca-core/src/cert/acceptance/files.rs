//! The files on a host that decide, read as sshd reads them.

use std::fmt;

use super::Revoked;
use crate::cert::Content;
use crate::krl::{Krl, KrlError};
use crate::ssh::{KeyError, PublicKey};

/// Reads `TrustedUserCAKeys`; sshd stops at the first line that it cannot read, which is given by its number.
pub fn trusted_keys(text: &str) -> (Vec<PublicKey>, Option<usize>) {
    let mut keys = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        match line.trim_start() {
            line if line.is_empty() || line.starts_with(['#', '\0']) => {}
            line => match line.parse() {
                Ok(key) => keys.push(key),
                // A kind that we do not know and sshd may.
                Err(KeyError::Algorithm { .. }) => {}
                Err(_) => return (keys, Some(number)),
            },
        }
    }
    (keys, None)
}

/// Reads an `AuthorizedPrincipalsFile`: the last word of each line is a principal, and `#` ends a line.
///
/// Options before the principal, which could narrow a login further, are not judged; the second value says whether there are any.
pub fn principals_in(text: &str) -> (Vec<String>, bool) {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let word = |line: &&str| line.rsplit([' ', '\t']).next().unwrap_or_default().to_owned();
    (lines.iter().map(word).collect(), lines.iter().any(|line| line.contains([' ', '\t'])))
}

/// What a `RevokedKeys` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokedKeys {
    /// It is a KRL.
    Krl(Krl),
    /// It is no KRL, so sshd takes it for a list of keys: an empty one revokes nothing.
    Keys(Vec<PublicKey>),
    /// It is a KRL that sshd cannot read, so it refuses everybody.
    Unreadable(KrlError),
}

impl RevokedKeys {
    /// Reads a file.
    pub fn read(bytes: &[u8]) -> Self {
        match Krl::parse(bytes) {
            Ok(krl) => Self::Krl(krl),
            Err(KrlError::Empty | KrlError::Nul | KrlError::OnlyComments | KrlError::NotAKrl) => {
                match trusted_keys(&String::from_utf8_lossy(bytes)) {
                    (keys, None) => Self::Keys(keys),
                    // sshd refuses everybody when it comes to a line that is no key.
                    (_, Some(_)) => Self::Unreadable(KrlError::NotAKrl),
                }
            }
            Err(error) => Self::Unreadable(error),
        }
    }

    /// Tells what it has against a certificate.
    pub(super) fn refuses(&self, content: &Content) -> Option<Revoked> {
        match self {
            Self::Krl(krl) => krl
                .revokes_certificate(&content.ca, content.serial, &content.key_id, &content.key)
                .map(Revoked::from),
            Self::Keys(keys) if keys.contains(&content.key) => Some(Revoked::Key),
            Self::Keys(keys) if keys.contains(&content.ca) => Some(Revoked::CaKey),
            Self::Keys(_) => None,
            Self::Unreadable(_) => Some(Revoked::Everybody),
        }
    }
}

impl fmt::Display for RevokedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Krl(krl) => write!(f, "KRL {} of {}", krl.version(), krl.generated()),
            Self::Keys(keys) if keys.is_empty() => f.write_str("not a KRL: sshd takes it for an empty list"),
            Self::Keys(keys) => write!(f, "not a KRL but a list of {} keys", keys.len()),
            Self::Unreadable(error) => write!(f, "not readable: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5nJ0sxYrbsdKVjy5fFQyVV4ifcXVpqSMoW+pvCQ6oG ca";

    #[test]
    fn trusted_keys_are_read_up_to_the_first_bad_line() {
        let (keys, bad) = trusted_keys(&format!("# users\n\n  {KEY}\nnonsense\n{KEY}\n"));
        assert_eq!((keys.len(), bad), (1, Some(4)));
    }

    #[test]
    fn principals_are_the_last_words() {
        let (principals, options) = principals_in("# who\nroot\n  deploy # team\nfrom=\"10.0.0.0/8\" ops\n");
        assert_eq!(principals, ["root", "deploy", "ops"]);
        assert!(options);
        assert!(!principals_in("root\n").1);
    }

    #[test]
    fn h3_an_empty_file_revokes_nothing_and_a_cut_krl_everybody() {
        for nothing in [&b""[..], b"# none\n", &[0; 64]] {
            assert_eq!(RevokedKeys::read(nothing), RevokedKeys::Keys(Vec::new()));
        }
        for unreadable in [&b"SSHKRL\n\0\0\0"[..], b"#!/bin/sh\nexit 0\n"] {
            assert!(matches!(RevokedKeys::read(unreadable), RevokedKeys::Unreadable(_)));
        }
        assert!(matches!(RevokedKeys::read(KEY.as_bytes()), RevokedKeys::Keys(keys) if keys.len() == 1));
    }
}

//! Registering the key that an officer approves with.

use std::fmt::Write as _;

use super::{ApprovalError, check_fresh};
use crate::lines::Lines;
use crate::log::checkpoint::Origin;
use crate::names::{ApprovalId, UserName};
use crate::ssh::{CertifiableKey, UnverifiedSshSig};
use crate::time::UnixMillis;

/// The SSHSIG namespace of a registration.
pub const KEY_NAMESPACE: &str = "signing-key@countersign.v1";

const FIRST_LINE: &str = "countersign signing-key v1";

/// A key that somebody wants to approve with, in the text that the key itself signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// The authority it is for, by the origin of its log.
    pub authority: Origin,
    /// The identity and time of this registration.
    pub id: ApprovalId,
    /// Whose key it is.
    pub user: UserName,
    /// The key; an RSA key of fewer than 3072 bits cannot be one.
    pub key: CertifiableKey,
}

impl SigningKey {
    /// Writes the canonical text.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(256);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{FIRST_LINE}");
        let _ = writeln!(text, "authority {}", self.authority);
        let _ = writeln!(text, "id {}", self.id);
        let _ = writeln!(text, "user {}", self.user);
        let _ = writeln!(text, "key {}", self.key.key());
        text
    }

    /// Parses canonical text and nothing else.
    pub fn from_text(text: &str) -> Result<Self, ApprovalError> {
        let mut lines = Lines::new(text, FIRST_LINE)?;
        let key = Self {
            authority: lines.parse("authority")?,
            id: lines.value("id")?.parse()?,
            user: lines.value("user")?.parse()?,
            key: lines.value("key")?.parse()?,
        };
        if key.to_text() == text { Ok(key) } else { Err(ApprovalError::NotCanonical) }
    }

    /// Checks that it was made just now, for this authority, in this name.
    pub fn check(&self, authority: &Origin, user: &UserName, now: UnixMillis) -> Result<(), ApprovalError> {
        if self.authority != *authority {
            return Err(ApprovalError::OtherAuthority);
        }
        if self.user != *user {
            return Err(ApprovalError::OtherApprover);
        }
        check_fresh(self.id, now)
    }
}

/// A key whose holder has shown that they hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenSigningKey(SigningKey);

impl ProvenSigningKey {
    /// Verifies the armoured SSHSIG over the text by the key in it.
    pub fn verify(key: SigningKey, signature: &str) -> Result<Self, ApprovalError> {
        let parsed = UnverifiedSshSig::from_armoured(signature)?;
        parsed.verify(key.key.key(), KEY_NAMESPACE, key.to_text().as_bytes())?;
        Ok(Self(key))
    }

    /// Gives the key.
    pub fn key(&self) -> &CertifiableKey {
        &self.0.key
    }
}

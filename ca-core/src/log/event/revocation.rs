//! What was revoked, and which lists of it were published.

use serde::{Deserialize, Serialize};

use crate::krl::KrlVersion;
use crate::names::{Reason, RequestId, Serial, UserName};
use crate::policy::{Facts, PolicyId};
use crate::ssh::Fingerprint;
use crate::time::UnixSeconds;

/// What can be revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationTarget {
    /// Every live certificate of a person, and every later one that rests on a login before this.
    User(UserName),
    /// A key, for ever: alone, and in every certificate for it.
    Key(Fingerprint),
    /// The certificate with this serial, which is the entry with this index.
    Serial(Serial),
    /// The certificate that answers this request.
    Certificate(RequestId),
    /// A CA's key, for ever, and with it every certificate by it.
    CaKey(Fingerprint),
}

impl std::fmt::Display for RevocationTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Serial(serial) => write!(f, "serial {serial}"),
            Self::Certificate(request) => write!(f, "certificate {request}"),
            Self::CaKey(key) => write!(f, "CA key {key}"),
        }
    }
}

/// An officer's revocation, with what their right to it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// What.
    pub target: RevocationTarget,
    /// Why.
    pub reason: Reason,
    /// Who did it, how they were logged in, and where from.
    pub facts: Facts,
    /// The policy that permitted it.
    pub policy: PolicyId,
    /// When that was decided.
    pub decided_at: UnixSeconds,
}

/// A KRL, by what makes it reproducible: everything in it follows from the entries before `covers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KrlPublished {
    /// Its number, which rises.
    pub version: KrlVersion,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// How many entries of the log it takes into account.
    pub covers: u64,
    /// The time it bears; what no longer mattered then is left out.
    pub generated: UnixSeconds,
    /// How many certificates it revokes by serial.
    pub certificates: u64,
    /// How many keys it revokes, those of CAs among them.
    pub keys: u64,
}

//! The event: one thing that happened, as one line of JSON in the log.
//!
//! The line's exact bytes are what the leaf commits to. A random salt in every line keeps anyone who holds only
//! the tree from guessing what an event says.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::checkpoint::Origin;
use super::hash::sha256;
use super::leaf::{EntryType, Leaf};
use crate::names::{Email, GroupName, Label, ProfileName, Reason, RequestId, UserName};
use crate::policy::{FactorKind, Facts, KeyScope, PolicyId, Purpose, Source};
use crate::time::{Ttl, UnixMillis, UnixSeconds};

/// An event with what every event has: the salt, the time of its entry, and the node that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// 16 random bytes in base64.
    pub salt: String,
    /// When it was entered, in milliseconds; never before the entry ahead of it.
    pub time: UnixMillis,
    /// The same time for people, RFC 3339 in UTC.
    pub at: String,
    /// The server that wrote it.
    pub node: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// The log began; always entry 0.
    LogCreated {
        /// The log's name.
        origin: Origin,
        /// The fingerprints of the CA keys whose certificates this log records.
        ca: Vec<String>,
    },
    /// From here on decisions follow this policy.
    PolicyAdopted {
        /// The SHA-256 of the text.
        policy: PolicyId,
        /// The text, whole.
        text: String,
    },
    /// An account was made.
    UserAdded {
        /// Its name.
        user: UserName,
        /// Its address.
        email: Email,
        /// Its groups.
        groups: Vec<GroupName>,
        /// The factors it was given.
        factors: Vec<FactorKind>,
        /// Who did it.
        by: String,
    },
    /// An account was switched off or on again.
    UserEnabled {
        /// Its name.
        user: UserName,
        /// What it is now.
        enabled: bool,
        /// Who did it.
        by: String,
    },
    /// An account was given a new password and new factors in place of all it had.
    UserReset {
        /// Its name.
        user: UserName,
        /// The factors it was given.
        factors: Vec<FactorKind>,
        /// Who did it.
        by: String,
    },
    /// An account's failures were forgotten, so that disabled factors work again.
    UserUnlocked {
        /// Its name.
        user: UserName,
        /// Who did it.
        by: String,
    },
    /// Somebody logged in with a password and a factor.
    LoginSucceeded {
        /// Who.
        user: UserName,
        /// Their address.
        email: Email,
        /// The session's name, which opens nothing.
        session: String,
        /// What the session can do.
        purpose: Purpose,
        /// The factors presented after the password.
        factors: Vec<FactorKind>,
        /// Where from.
        source: Source,
    },
    /// Logins failed; one event stands for all of one account and source within a window.
    LoginFailed {
        /// The account, or what stands for an unknown one.
        account: String,
        /// Where from.
        source: IpAddr,
        /// Why.
        reason: String,
        /// How many there were.
        count: u64,
        /// How long the window was, in seconds; 0 for a first failure.
        window_secs: u64,
    },
    /// Too many failures in a row: a factor does not work any more until an officer resets it.
    FactorDisabled {
        /// Whose.
        user: UserName,
        /// Which.
        factor: String,
        /// How many failures it took.
        failures: u64,
    },
    /// An invitation was accepted: the account has its password and first factor, which its owner chose.
    InvitationAccepted {
        /// Whose.
        user: UserName,
        /// The factor's kind.
        kind: FactorKind,
        /// The factor's identity.
        factor: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account added a factor, after showing that it works.
    FactorAdded {
        /// Whose.
        user: UserName,
        /// Its kind.
        kind: FactorKind,
        /// Its identity.
        factor: String,
        /// What its owner calls it.
        label: Label,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account removed a factor.
    FactorRemoved {
        /// Whose.
        user: UserName,
        /// Its kind.
        kind: FactorKind,
        /// Its identity.
        factor: String,
        /// What its owner called it.
        label: Label,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account changed its password.
    PasswordChanged {
        /// Whose.
        user: UserName,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account was given new recovery codes in place of all before.
    RecoveryCodesMade {
        /// Whose.
        user: UserName,
        /// How many.
        count: u64,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account made an API key.
    ApiKeyMade {
        /// Whose.
        user: UserName,
        /// Its identity, which opens nothing; sessions are named by it.
        key: String,
        /// What its owner calls it.
        label: Label,
        /// What it may be used for.
        scope: KeyScope,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// An API key was revoked.
    ApiKeyRevoked {
        /// Whose.
        user: UserName,
        /// Its identity.
        key: String,
        /// The session it was done with.
        session: String,
        /// Where from.
        source: Source,
    },
    /// The owner of an account said that a change was not theirs, and it was switched off.
    AccountFrozen {
        /// Whose.
        user: UserName,
        /// Where from.
        source: Source,
    },
    /// The key that seals secrets in the database was changed; recorded before the key file is.
    SealingKeyRotated {
        /// The ids of the keys in the file from here on, newest first: more than one until all is sealed anew.
        keys: Vec<String>,
        /// Who did it.
        by: String,
    },
    /// The policy said no.
    RequestDenied(Box<RequestDenied>),
    /// The policy said yes: this certificate will be signed, and is taken to exist from here on.
    Certificate(Box<CertificateIntent>),
    /// The signer did not give a good signature for an entry: that certificate was not handed out.
    SigningFailed {
        /// The entry.
        index: u64,
        /// What was wrong.
        cause: String,
    },
}

impl What {
    /// Gives the kind of entry this is in the log.
    pub fn entry_type(&self) -> EntryType {
        match self {
            Self::Certificate(_) => EntryType::Certificate,
            _ => EntryType::Event,
        }
    }
}

/// A request that was denied, with what the decision was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDenied {
    /// The canonical request.
    pub request: String,
    /// The armoured proof of possession.
    pub signature: String,
    /// The facts.
    pub facts: Facts,
    /// The policy that was asked.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// Why not.
    pub reasons: Vec<String>,
}

/// Everything a certificate rests on, and the certificate but for its proof and signature.
///
/// The first six fields are the evidence that [`crate::audit`] replays. The rest repeats, for people and queries, what
/// follows from them, and the audit checks that it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateIntent {
    /// The canonical request.
    pub request: String,
    /// The armoured proof of possession.
    pub signature: String,
    /// The facts.
    pub facts: Facts,
    /// The policy that granted.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// The to-be-signed bytes without the proof extension, in base64.
    pub precert: String,
    /// The request's identity.
    pub request_id: RequestId,
    /// The profile.
    pub profile: ProfileName,
    /// The accounts.
    pub principals: Vec<String>,
    /// The lifetime from the decision on.
    pub ttl: Ttl,
    /// Why.
    pub reason: Option<Reason>,
    /// Who approved.
    pub approvers: Vec<UserName>,
    /// The certified key's fingerprint.
    pub key: String,
    /// What sshd logs.
    pub key_id: String,
    /// The serial, which is the index of this entry.
    pub serial: u64,
    /// The CA key's fingerprint.
    pub ca: String,
    /// The first second of validity.
    pub valid_after: UnixSeconds,
    /// The first second after validity.
    pub valid_before: UnixSeconds,
}

/// When an event was entered, and whose request it granted: what can be read of a line without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Mark {
    /// When it was entered, in milliseconds.
    pub time: UnixMillis,
    /// The request, if the event is a certificate.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

impl Mark {
    /// Reads it from a line of the log, which is taken to be an event.
    pub fn from_line(line: &str) -> Result<Self, EventError> {
        Ok(serde_json::from_str(line)?)
    }
}

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// It is not JSON of an event's shape.
    #[error("the line is not an event: {0}")]
    Json(#[from] serde_json::Error),
    /// The precert is not base64.
    #[error("the precert in the event is not base64")]
    Precert,
}

impl Event {
    /// Stamps what happened with its salt, time and node.
    pub fn new(what: What, salt: [u8; 16], time: UnixMillis, node: &str) -> Self {
        Self {
            salt: STANDARD.encode(salt),
            time,
            at: time.seconds().to_string(),
            node: node.to_owned(),
            what,
        }
    }

    /// Writes the line, without a newline at its end.
    pub fn to_line(&self) -> Result<String, EventError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads a line.
    pub fn from_line(line: &str) -> Result<Self, EventError> {
        Ok(serde_json::from_str(line)?)
    }

    /// Gives the precert's bytes if this is a certificate.
    pub fn precert(&self) -> Result<Option<Vec<u8>>, EventError> {
        let What::Certificate(intent) = &self.what else { return Ok(None) };
        STANDARD.decode(&intent.precert).map(Some).map_err(|_| EventError::Precert)
    }

    /// Computes the leaf of this event's `line`.
    pub fn leaf(&self, line: &str) -> Result<Leaf, EventError> {
        let precert = self.precert()?;
        Ok(Leaf::new(self.what.entry_type(), self.time, precert.as_deref(), sha256(line.as_bytes())))
    }
}

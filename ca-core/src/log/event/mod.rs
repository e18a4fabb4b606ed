//! The event: one thing that happened, as one line of JSON in the log.
//!
//! The line's exact bytes are what the leaf commits to. A random salt in every line keeps anyone who holds only
//! the tree from guessing what an event says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

mod approvals;
mod decisions;
mod hosts;
mod recovery;
mod revocation;
mod vouchers;
mod what;

pub use approvals::{
    Closing, OfficerVerdict, RequestClosed, RequestPending, SignedApproval, SigningKeyChange,
};
pub use decisions::{CertificateIntent, RequestDenied};
pub use hosts::{HostCertificateIntent, HostRequestDenied};
pub use recovery::{
    RecoveryClosed, RecoveryClosing, RecoveryDue, RecoveryFinished, RecoveryOpened, RecoveryVetoed,
    RecoveryVote,
};
pub use revocation::{KrlPublished, RevocationTarget, Revoked};
pub use vouchers::{BreakGlassUsed, VoucherSealed, VoucherWithdrawn};
pub use what::What;

use super::hash::sha256;
use super::leaf::Leaf;
use crate::names::RequestId;
use crate::time::UnixMillis;

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
        let precert = match &self.what {
            What::Certificate(intent) => &intent.precert,
            What::HostCertificate(intent) => &intent.precert,
            _ => return Ok(None),
        };
        STANDARD.decode(precert).map(Some).map_err(|_| EventError::Precert)
    }

    /// Computes the leaf of this event's `line`.
    pub fn leaf(&self, line: &str) -> Result<Leaf, EventError> {
        let precert = self.precert()?;
        Ok(Leaf::new(self.what.entry_type(), self.time, precert.as_deref(), sha256(line.as_bytes())))
    }
}

//! Why something is not an approval.

use crate::lines::Malformed;
use crate::names::NameError;
use crate::request::FRESHNESS_SECS;
use crate::ssh::{KeyError, SshSigError};

/// Why something is not an approval, or not one of this request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// A line is missing, out of order or not known.
    #[error("the signed text is malformed: expected {expected:?}")]
    Line {
        /// What the line should have started with.
        expected: &'static str,
    },
    /// The text means something, but is not the one way to write it.
    #[error("the signed text is not in canonical form")]
    NotCanonical,
    /// It is for another log, and so for another authority.
    #[error("it was signed for another authority")]
    OtherAuthority,
    /// It was made too long ago or too far ahead.
    #[error("it was not signed just now: its id may be {FRESHNESS_SECS} s off the server's clock")]
    Stale,
    /// It is about another request, or the request is not what it was.
    #[error("it is about another request, or the request is not what was signed")]
    OtherRequest,
    /// It is about another recovery, or the recovery of another account.
    #[error("it is about another recovery, or the recovery of another account")]
    OtherRecovery,
    /// It was given under another policy.
    #[error("it was given under another policy")]
    OtherPolicy,
    /// It is about another wait of the request.
    #[error("it is for a request that waits until another time")]
    OtherExpiry,
    /// It is by somebody else than who sends it.
    #[error("it is in another name")]
    OtherApprover,
    /// It is not signed by a key of the officer.
    #[error("it is not signed by a key that is registered to the officer")]
    NoSuchKey,
    /// A voucher is over already, or good for longer than there are vouchers.
    #[error("a voucher must be good for some time, and at most 366 days")]
    Life,
    /// A name is not allowed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The key is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SshSigError),
}

impl From<Malformed> for ApprovalError {
    fn from(malformed: Malformed) -> Self {
        Self::Line { expected: malformed.expected }
    }
}

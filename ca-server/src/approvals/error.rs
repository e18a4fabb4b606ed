//! Why a request does not go on, or is not decided.

use ca_core::approval::ApprovalError;

use super::LIMITS;

/// Why a request does not go on, or what was said to it does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestProblem {
    /// There is none of that id for this caller.
    #[error("there is no such request, or it is not for you to see")]
    Unknown,
    /// It is the caller's own, be it by another account of theirs (A1).
    #[error("nobody decides about a request of their own")]
    Own,
    /// The policy does not let the caller decide about it.
    #[error("the policy does not let you decide about this request")]
    NotYours,
    /// It does not wait any more.
    #[error("the request does not wait any more: it is {0}")]
    Over(String),
    /// The caller has approved it already (A3).
    #[error("you have approved this request already")]
    Again,
    /// What was signed is not acceptable.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// As many wait already as may.
    #[error("{} of your requests, or {} altogether, wait already", LIMITS.each, LIMITS.all)]
    TooMany,
}

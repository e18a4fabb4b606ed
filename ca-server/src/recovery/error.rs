//! Why a recovery does not go on.

use ca_core::approval::ApprovalError;
use ca_core::time::UnixSeconds;

/// Why a recovery does not go on, or what was said to it does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryProblem {
    /// There is none of that id for this caller.
    #[error("there is no such recovery, or it is not for you to see")]
    Unknown,
    /// It is of an account of the caller's own.
    #[error("nobody decides about the recovery of an account of their own")]
    Own,
    /// The policy does not let the caller decide about it.
    #[error("the policy does not let you recover accounts")]
    NotYours,
    /// The account has one under way, or the id was used.
    #[error("a recovery of this account is under way, or this one was opened before")]
    Already,
    /// The account is switched off.
    #[error("the account is switched off")]
    Disabled,
    /// The caller has signed it already.
    #[error("you have signed this recovery already")]
    Again,
    /// It is over, or too far on for this.
    #[error("the recovery is {0}")]
    Over(String),
    /// Too few have signed it.
    #[error("{have} of {needed} people have signed the recovery")]
    NotSigned {
        /// How many have.
        have: usize,
        /// How many have to.
        needed: u8,
    },
    /// Its waiting period runs still.
    #[error("the owner has until {0} to veto it")]
    TooEarly(UnixSeconds),
    /// What was signed is not acceptable.
    #[error(transparent)]
    Vote(#[from] ApprovalError),
}

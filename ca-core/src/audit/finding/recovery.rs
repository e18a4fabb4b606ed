//! What an audit finds about the recovery of accounts.

use crate::names::{RecoveryId, UserName};
use crate::time::UnixSeconds;

/// What is wrong with a recovery.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryFlaw {
    /// A recovery id was used before.
    #[error("the recovery {id} was opened before")]
    Twice {
        /// The id.
        id: RecoveryId,
    },
    /// Something is said of a recovery that nobody opened.
    #[error("no recovery {id} was opened before")]
    Unknown {
        /// The id.
        id: RecoveryId,
    },
    /// What an officer is said to have signed about a recovery cannot be read, or is about something else.
    #[error("the vote: {0}")]
    Vote(String),
    /// Somebody signed or finished the recovery of an account of their own.
    #[error("{user} decided about the recovery of their own account")]
    Own {
        /// Who.
        user: UserName,
    },
    /// A recovery went on without the signatures it takes.
    #[error("the recovery {id} has the signatures of {have} people that count, and takes {needed}")]
    Unsigned {
        /// The recovery.
        id: RecoveryId,
        /// How many signed, and may still.
        have: usize,
        /// How many have to.
        needed: u8,
    },
    /// A recovery was finished whose waiting period never began.
    #[error("the waiting period of the recovery {id} had not begun")]
    NotDue {
        /// The recovery.
        id: RecoveryId,
    },
    /// A recovery was finished before its waiting period had ended.
    #[error("the recovery {id} had to wait until {until}")]
    TooEarly {
        /// The recovery.
        id: RecoveryId,
        /// When its waiting period ended.
        until: UnixSeconds,
    },
    /// A recovery was finished that had been denied or vetoed, or had ended otherwise.
    #[error("the recovery {id} had been ended by entry {by}")]
    Over {
        /// The recovery.
        id: RecoveryId,
        /// The entry that ended it.
        by: u64,
    },
    /// Facts do not say of a recovered account what the log does, or say it of one that was not.
    #[error("until when {user} can do less after a recovery is not what the log says")]
    ReducedRights {
        /// The account.
        user: UserName,
    },
}

impl RecoveryFlaw {
    /// Tells whether it is that something was not said before, which a round that was lost may have said.
    pub(super) fn is_an_absence(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::Unsigned { .. } | Self::NotDue { .. } | Self::ReducedRights { .. }
        )
    }
}

//! What happened on the way to giving an account back to an owner who had lost everything.

use serde::{Deserialize, Serialize};

use super::SignedApproval;
use crate::names::{RecoveryId, UserName};
use crate::policy::{Approver, PolicyId, Source};
use crate::time::{Ttl, UnixSeconds};

/// What an officer said to a recovery, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryVote {
    /// The recovery.
    pub recovery_id: RecoveryId,
    /// Whose account it is about.
    pub user: UserName,
    /// What was signed.
    #[serde(flatten)]
    pub signed: SignedApproval,
    /// Who, how they had logged in, where and when.
    pub officer: Approver,
    /// The policy that permitted it.
    pub policy: PolicyId,
}

/// The first officer's word, and what the recovery takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryOpened {
    /// What the officer signed.
    #[serde(flatten)]
    pub vote: RecoveryVote,
    /// How many people have to sign.
    pub needed: u8,
    /// How long it waits once they have.
    pub wait: Ttl,
}

/// The owner's word that they can log in still, and do not want it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryVetoed {
    /// The recovery.
    pub recovery_id: RecoveryId,
    /// The owner.
    pub user: UserName,
    /// The session it was done with.
    pub session: String,
    /// Where from.
    pub source: Source,
}

/// Why a recovery ended that nobody denied and no owner vetoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RecoveryClosing {
    /// The account was switched off, be it by the link in the warning.
    UserDisabled,
    /// Too few signed in time, or nobody finished it.
    Expired,
    /// One who signed may not decide any more.
    NotPermitted,
    /// What the server remembers of it cannot be relied on.
    Void,
}

impl RecoveryClosing {
    /// Gives its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserDisabled => "user-disabled",
            Self::Expired => "expired",
            Self::NotPermitted => "not-permitted",
            Self::Void => "void",
        }
    }
}

/// The end of a recovery that nobody denied and no owner vetoed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryClosed {
    /// The recovery.
    pub recovery_id: RecoveryId,
    /// Whose account it was about.
    pub user: UserName,
    /// Why.
    pub outcome: RecoveryClosing,
}

/// Enough people have signed: the waiting period has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryDue {
    /// The recovery.
    pub recovery_id: RecoveryId,
    /// Whose account it is about.
    pub user: UserName,
    /// Who signed, each person once.
    pub officers: Vec<UserName>,
    /// When the waiting period ends.
    pub until: UnixSeconds,
}

/// An account was taken from whoever had it, and an invitation to it handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryFinished {
    /// The recovery.
    pub recovery_id: RecoveryId,
    /// Whose account.
    pub user: UserName,
    /// Who got the invitation to hand on, how they had logged in, where and when.
    pub officer: Approver,
    /// The policy that permitted it.
    pub policy: PolicyId,
    /// Until when the account can do less.
    pub reduced_until: UnixSeconds,
}

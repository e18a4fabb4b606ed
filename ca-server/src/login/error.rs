//! Why there is no login.

use ca_core::names::Label;
use ca_core::policy::FactorKind;

use super::audit::AuditUnavailable;
use crate::ceremony::CeremonyError;
use crate::factors::hash_pool::PoolError;
use crate::factors::sealing::SealError;
use crate::ids::NoRandomness;
use crate::store::StoreError;

/// Why a login or a session is refused; every variant denies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The name is unknown, the password wrong, or the account or password disabled: which, is nobody's business (F9).
    #[error("wrong name or password")]
    Refused,
    /// The password is longer than any can be.
    #[error("the password is too long to be one")]
    PasswordTooLong,
    /// The password is right, and the account has no factor to go on with.
    #[error("the account has no second factor: ask an officer to reset it")]
    NoFactor,
    /// The challenge is unknown, expired, used, or from another address.
    #[error("this login has expired or was begun elsewhere: start again")]
    ChallengeInvalid,
    /// The code is wrong.
    #[error("wrong code")]
    WrongCode,
    /// The code, or a later one, was used before.
    #[error("the code was used already")]
    CodeUsed {
        /// When there is another, in seconds, if it is of a kind that comes by itself.
        next_in_secs: Option<u64>,
    },
    /// The account has no factor of the kind that was shown.
    #[error("the account has no factor of that kind")]
    NoSuchFactor {
        /// The kinds it has.
        has: Vec<FactorKind>,
    },
    /// The account has no phone of that label.
    #[error("the account has no phone of that name")]
    NoSuchPhone {
        /// Those it has.
        has: Vec<Label>,
    },
    /// Whoever validates or delivers a factor is down; it is never skipped (F6).
    #[error("{kind} does not work at the moment")]
    FactorDown {
        /// The kind that does not work.
        kind: FactorKind,
        /// What the account has besides.
        others: Vec<FactorKind>,
    },
    /// Enough codes were sent for now.
    #[error("too many messages were sent")]
    SmsLimit {
        /// When there may be another, in seconds.
        retry_after_secs: u64,
    },
    /// There were failures before; the next attempt has to wait.
    #[error("too many failures in a row: wait {retry_after_secs} s")]
    Delayed {
        /// How long, in seconds.
        retry_after_secs: u64,
    },
    /// The factor had too many failures; the password before it was right.
    #[error("the factor is disabled after too many failures: ask an officer to reset it")]
    FactorDisabled,
    /// The token is nobody's session, or not any more.
    #[error("not logged in")]
    NoSession,
    /// The ceremony with the security key does not go on.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// Too many log in at the moment.
    #[error("too many logins at the moment")]
    Overloaded {
        /// When to try again, in seconds.
        retry_after_secs: u64,
    },
    /// Something that logging in needs does not work; nothing was granted (I10).
    #[error("logging in does not work at the moment: {cause}")]
    Unavailable {
        /// What, for the server's own log.
        cause: String,
    },
}

impl LoginError {
    pub(super) fn factor_down(kind: FactorKind, has: Vec<FactorKind>) -> Self {
        Self::FactorDown { kind, others: has.into_iter().filter(|other| *other != kind).collect() }
    }

    /// Says that what was shown is not good.
    pub(super) fn wrong(kind: FactorKind) -> Self {
        match kind {
            FactorKind::Webauthn => Self::Ceremony(CeremonyError::Refused),
            _ => Self::WrongCode,
        }
    }

    fn unavailable(cause: &dyn std::error::Error) -> Self {
        Self::Unavailable { cause: cause.to_string() }
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<AuditUnavailable> for LoginError {
    fn from(error: AuditUnavailable) -> Self {
        Self::unavailable(&error)
    }
}

impl From<SealError> for LoginError {
    fn from(error: SealError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<NoRandomness> for LoginError {
    fn from(error: NoRandomness) -> Self {
        Self::unavailable(&error)
    }
}

impl From<PoolError> for LoginError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded => Self::Overloaded { retry_after_secs: 1 },
            other => Self::unavailable(&other),
        }
    }
}

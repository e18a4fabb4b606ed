//! Why a ceremony does not go on.

use crate::factors::sealing::SealError;
use crate::factors::webauthn::WebauthnUnusable;
use crate::ids::NoRandomness;
use crate::store::StoreError;

/// Why a ceremony is not opened, shown, answered or taken; every variant denies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The server has no address for browsers.
    #[error("this server does not take security keys")]
    NotConfigured,
    /// The link, code or poll secret leads nowhere: it is wrong, expired, or was used.
    #[error("this link or code is not good, or not any more")]
    Unknown,
    /// Nobody has answered yet.
    #[error("the security key was not shown yet")]
    Pending,
    /// The link was opened from another address than the one it was made for.
    #[error("this link is for a browser on the machine that asked for it")]
    Elsewhere,
    /// Too many wrong codes; none is looked at for a while.
    #[error("too many wrong codes")]
    TooManyGuesses {
        /// How long, in seconds.
        retry_after_secs: u64,
    },
    /// The call comes from a page that is not ours (S5).
    #[error("this call is only for the server's own page")]
    WrongOrigin,
    /// The answer does not stand up to the challenge (F13).
    #[error("the security key was not accepted")]
    Refused,
    /// Something that it needs does not work.
    #[error("security keys cannot be used at the moment: {cause}")]
    Unavailable {
        /// What, for the server's own log.
        cause: String,
    },
}

impl CeremonyError {
    pub(super) fn unavailable(cause: &dyn std::fmt::Display) -> Self {
        Self::Unavailable { cause: cause.to_string() }
    }
}

impl From<StoreError> for CeremonyError {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<SealError> for CeremonyError {
    fn from(error: SealError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<NoRandomness> for CeremonyError {
    fn from(error: NoRandomness) -> Self {
        Self::unavailable(&error)
    }
}

impl From<WebauthnUnusable> for CeremonyError {
    fn from(error: WebauthnUnusable) -> Self {
        Self::unavailable(&error)
    }
}

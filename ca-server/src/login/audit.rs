//! What logins and accounts have to say to the audit trail.

use std::fmt;

use async_trait::async_trait;
use ca_core::log::event::What;

/// Where events go. When `record` returns, the event is durably in the log (I10).
#[async_trait]
pub trait Audit: fmt::Debug + Send + Sync + 'static {
    /// Records an event; an error means that what it is about must not happen.
    async fn record(&self, event: What) -> Result<(), AuditUnavailable>;
}

/// The audit trail cannot be written now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot be written: {cause}")]
pub struct AuditUnavailable {
    /// Why.
    pub cause: String,
}

/// Why a login failed. The answer to the client says less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// There is no such account.
    UnknownAccount,
    /// The account is disabled.
    AccountDisabled,
    /// The password is wrong.
    WrongPassword,
    /// The password, or every factor, was disabled by failures before.
    FactorDisabled,
    /// It came too soon after failures.
    TooSoon,
    /// The account has no factor.
    NoFactor,
    /// The challenge is unknown, expired, used, or from another address.
    Challenge,
    /// The code is wrong or not a code.
    WrongCode,
    /// The code, or a later one, was used before.
    CodeUsed,
    /// The API key is unknown, or was revoked.
    UnknownApiKey,
    /// The API key has expired, or is not for where it was used from.
    ApiKeyNotGood,
    /// More than one of these.
    Several,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAccount => "unknown-account",
            Self::AccountDisabled => "account-disabled",
            Self::WrongPassword => "wrong-password",
            Self::FactorDisabled => "factor-disabled",
            Self::TooSoon => "too-soon",
            Self::NoFactor => "no-factor",
            Self::Challenge => "challenge-invalid",
            Self::WrongCode => "wrong-code",
            Self::CodeUsed => "code-used",
            Self::UnknownApiKey => "unknown-api-key",
            Self::ApiKeyNotGood => "api-key-not-good",
            Self::Several => "several",
        })
    }
}

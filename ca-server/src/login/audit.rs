//! What logins and accounts have to say to the audit trail.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use ca_core::names::{Email, GroupName, UserName};
use ca_core::policy::{FactorKind, Source};

/// Where events go. When `record` returns, the event is durably in the log (I10).
#[async_trait]
pub trait Audit: fmt::Debug + Send + Sync + 'static {
    /// Records an event; an error means that what it is about must not happen.
    async fn record(&self, event: AuditEvent) -> Result<(), AuditUnavailable>;
}

/// The audit trail cannot be written now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot be written: {cause}")]
pub struct AuditUnavailable {
    /// Why.
    pub cause: String,
}

/// One thing that happened to a login or an account; it holds no secret (I9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// Somebody logged in; recorded before they get their session.
    LoginSucceeded {
        /// Who.
        user: UserName,
        /// Their address.
        email: Email,
        /// The session's name, which opens nothing.
        session: String,
        /// What was presented after the password.
        factors: Vec<FactorKind>,
        /// Where from.
        source: Source,
    },
    /// Logins failed; one event stands for all of one account and source within a window (L12).
    LoginFailed {
        /// The account's name; `unknown:` and a keyed hash when there is no such account, since what was typed as a
        /// name may have been a password.
        account: String,
        /// Where from; the unspecified address when it stands for more sources than are told apart.
        source: IpAddr,
        /// Why.
        reason: FailureReason,
        /// How many.
        count: u64,
        /// The length of the window in seconds; 0 for the first failure, which is recorded at once.
        window_secs: u64,
    },
    /// An authenticator had too many failures in a row and works no more until an officer resets it.
    FactorDisabled {
        /// Whose.
        user: UserName,
        /// Which: `password`, or `totp` and its id.
        factor: String,
        /// How many failures it took.
        failures: u64,
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
    /// An account was switched off or on.
    UserEnabled {
        /// Its name.
        user: UserName,
        /// What it is now.
        enabled: bool,
        /// Who did it.
        by: String,
    },
    /// An account was given a new password and a new factor in place of all it had.
    UserReset {
        /// Its name.
        user: UserName,
        /// The factors it was given.
        factors: Vec<FactorKind>,
        /// Who did it.
        by: String,
    },
    /// The failures of an account's password and factors were forgotten, so that disabled ones work again.
    UserUnlocked {
        /// Its name.
        user: UserName,
        /// Who did it.
        by: String,
    },
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
            Self::Several => "several",
        })
    }
}

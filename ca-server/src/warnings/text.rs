//! What warnings say.

use std::fmt;

use ca_core::names::{Label, UserName};
use ca_core::policy::{FactorKind, Source};
use ca_core::time::UnixSeconds;

use crate::login::Setup;
use crate::store::User;

/// What was changed.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A factor was added.
    FactorAdded(FactorKind, &'a Label),
    /// A factor was removed.
    FactorRemoved(FactorKind, &'a Label),
    /// The password was changed.
    PasswordChanged,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used to log in.
    RecoveryCodeUsed,
    /// Somebody tried a recovery code that was used before (F12).
    RecoveryCodeReused,
    /// An API key was made.
    ApiKeyMade(&'a Label),
    /// An API key was revoked.
    ApiKeyRevoked(&'a Label),
    /// A key to approve requests with was registered.
    SigningKeyAdded(&'a Label),
    /// A key to approve requests with was removed.
    SigningKeyRemoved(&'a Label),
    /// An officer replaced the password and all factors (F15).
    Reset(&'a str),
    /// An officer made disabled factors work again.
    Unlocked(&'a str),
    /// An officer wants to give the account to somebody who says that they have lost everything.
    RecoveryOpened(&'a UserName),
    /// Enough officers have signed that; it can be finished from this time on.
    RecoveryDue(UnixSeconds),
    /// The same, with a quarter of the wait left.
    RecoveryEnding(UnixSeconds),
    /// It has ended, for this reason.
    RecoveryEnded(&'a str),
    /// It was done; the account can do less until this time.
    RecoveryFinished(UnixSeconds),
    /// An officer made another invitation to the recovered account, in place of the last one.
    InvitedAgain(&'a UserName),
    /// Somebody took the account by its invitation.
    InvitationAccepted,
}

impl Change<'_> {
    /// Tells what an owner can do who knows nothing of it.
    fn advice(&self) -> &'static str {
        match self {
            Self::RecoveryOpened(_) | Self::RecoveryDue(_) | Self::RecoveryEnding(_) => {
                "Somebody says that you have lost everything you log in with. If you can log in still, end this:\n  \
                 ca login, then ca recovery veto\n\n"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FactorAdded(kind, label) => write!(f, "a factor was added: {kind} \"{label}\""),
            Self::FactorRemoved(kind, label) => write!(f, "a factor was removed: {kind} \"{label}\""),
            Self::PasswordChanged => f.write_str("the password was changed"),
            Self::RecoveryCodesMade => f.write_str("new recovery codes were made; the old ones work no more"),
            Self::RecoveryCodeUsed => f.write_str("a recovery code was used to log in"),
            Self::RecoveryCodeReused => f.write_str("somebody tried a recovery code that was used before"),
            Self::ApiKeyMade(label) => write!(f, "an API key was made: \"{label}\""),
            Self::ApiKeyRevoked(label) => write!(f, "an API key was revoked: \"{label}\""),
            Self::SigningKeyAdded(label) => {
                write!(f, "a key to approve requests with was registered: \"{label}\"")
            }
            Self::SigningKeyRemoved(label) => {
                write!(f, "a key to approve requests with was removed: \"{label}\"")
            }
            Self::Reset(by) => write!(f, "the password and all factors were replaced by {by}"),
            Self::RecoveryOpened(officer) => write!(f, "officer {officer} asks to recover the account"),
            Self::RecoveryDue(until) => write!(f, "the account can be recovered from {until} on"),
            Self::RecoveryEnding(until) => {
                write!(f, "you have until {until} to veto that the account is recovered")
            }
            Self::RecoveryEnded(outcome) => write!(f, "the recovery of the account has ended: {outcome}"),
            Self::RecoveryFinished(until) => {
                write!(f, "the account was recovered; until {until} it can do less")
            }
            Self::InvitedAgain(officer) => {
                write!(f, "officer {officer} made another invitation to it, in place of the last one")
            }
            Self::InvitationAccepted => {
                f.write_str("somebody accepted its invitation and chose a password and a factor")
            }
            Self::Unlocked(by) => write!(f, "disabled factors were made to work again by {by}"),
        }
    }
}

/// All that a warning tells.
pub(super) struct Words<'a> {
    pub(super) setup: &'a Setup,
    pub(super) user: &'a User,
    pub(super) change: &'a Change<'a>,
    pub(super) source: Option<&'a Source>,
    pub(super) link: Option<&'a str>,
}

impl Words<'_> {
    pub(super) fn subject(&self) -> String {
        format!("Your account at {}: {}", self.setup.issuer, self.change)
    }

    /// Says it in one line, for SMS.
    pub(super) fn line(&self) -> String {
        let link = self.link.map(|link| format!(" Not you? {link}")).unwrap_or_default();
        format!("{}: {}{}.{link}", self.setup.issuer, self.change, self.from())
    }

    /// Says it in a letter, for mail.
    pub(super) fn letter(&self) -> String {
        let Self { setup, user, change, .. } = self;
        let not_you = match self.link {
            Some(link) => {
                format!(
                    "If this was not you, freeze the account at once; your officers will hear of it:\n{link}"
                )
            }
            None => "If this was not you, tell your security officers at once.".to_owned(),
        };
        format!(
            "Hello {},\n\nabout your account at {}: {change}.\n\n  when  {}\n{}\n{}{not_you}\n",
            user.name,
            setup.issuer,
            setup.clock.now().seconds(),
            self.source_lines(),
            change.advice()
        )
    }

    fn from(&self) -> String {
        self.source.map(|source| format!(", from {}", source.ip)).unwrap_or_default()
    }

    fn source_lines(&self) -> String {
        let Some(source) = self.source else { return String::new() };
        let agent = source.user_agent.as_deref().unwrap_or("a program that does not say");
        format!("  from  {} with {agent}\n", source.ip)
    }
}

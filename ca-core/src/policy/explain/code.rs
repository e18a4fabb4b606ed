//! Denials for programs.

use crate::policy::{Denial, HostDenial};

impl Denial {
    /// Gives the word for this kind of denial, which never changes once it is out.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherUser { .. } => "other-user",
            Self::UserDisabled { .. } => "user-disabled",
            Self::NoSuchProfile { .. } => "no-such-profile",
            Self::NotPermitted { .. } => "not-permitted",
            Self::Forbidden { .. } => "forbidden",
            Self::RuleFailed { .. } => "rule-failed",
            Self::FactorMissing { .. } => "factor-missing",
            Self::LoginTooOld { .. } => "login-too-old",
            Self::TtlAboveCap { .. } => "ttl-above-cap",
            Self::PrincipalNotGranted { .. } => "principal-not-granted",
            Self::NoPrincipal { .. } => "no-principal",
            Self::KeyKind { .. } => "key-kind",
            Self::KeyRevoked { .. } => "key-revoked",
            Self::KeyProfile { .. } => "api-key-profile",
            Self::KeySource { .. } => "api-key-source",
            Self::KeyExpired { .. } => "api-key-expired",
            Self::ReasonMissing { .. } => "reason-missing",
            Self::TicketMissing { .. } => "ticket-missing",
            Self::Recovered { .. } => "recovered",
            Self::Voucher(_) => "voucher",
            Self::Host(HostDenial::NoSuchProfile { .. }) => "no-such-host-profile",
            Self::Host(HostDenial::NameNotGranted { .. }) => "name-not-granted",
            Self::Host(HostDenial::Wildcard { .. }) => "wildcard",
            Self::Host(HostDenial::PossessionMissing { .. }) => "possession-missing",
        }
    }
}

//! What people and programs do, as far as the policy has a say in it.

use std::fmt;
use std::str::FromStr;

/// Something the policy permits or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Asking for a certificate of a profile.
    Request,
    /// Approving or denying what somebody else asks for under a profile.
    Approve,
    /// Taking certificates and keys away.
    Revoke,
    /// Reading what the log says about everybody.
    Audit,
    /// Looking after other people's accounts.
    Administer,
    /// Having a host's key certified under a profile for hosts.
    CertifyHost,
}

impl Action {
    /// Every action there is.
    pub const ALL: [Self; 6] =
        [Self::Request, Self::Approve, Self::Revoke, Self::Audit, Self::Administer, Self::CertifyHost];

    /// Gives the name that rules use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Audit => "audit",
            Self::Administer => "administer",
            Self::CertifyHost => "certify-host",
        }
    }

    /// Tells whether it is done to a profile; the others are done to the authority as a whole.
    pub fn is_about_a_profile(self) -> bool {
        matches!(self, Self::Request | Self::Approve | Self::CertifyHost)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no action has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such action: there are request, approve, revoke, audit, administer and certify-host")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.name() == text).ok_or(UnknownAction)
    }
}

//! What people and programs do, as far as the policy has a say in it.

use std::fmt;

use super::{Facts, Policy};
use crate::names::ProfileName;
use crate::time::UnixSeconds;

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

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Audit => "audit",
            Self::Administer => "administer",
            Self::CertifyHost => "certify-host",
        })
    }
}

/// Who may read what the log says about everybody, besides the officers.
const AUDITORS: &str = "auditors";

/// Who may have hosts certified besides the officers: the accounts of programs that do it.
const HOST_ENROLLERS: &str = "host-enrollers";

impl Policy {
    /// Tells whether somebody may do something, on one profile where it is about one. Denies what nothing permits.
    pub fn permits(
        &self,
        action: Action,
        on: Option<&ProfileName>,
        facts: &Facts,
        _now: UnixSeconds,
    ) -> bool {
        let groups = &facts.user.groups;
        let officer = !self.officers.is_disjoint(groups);
        facts.user.enabled
            && match action {
                Action::Request => on
                    .and_then(|name| self.profile(name))
                    .is_some_and(|profile| !profile.groups.is_disjoint(groups)),
                Action::Audit => officer || groups.iter().any(|group| group.as_str() == AUDITORS),
                Action::CertifyHost => officer || groups.iter().any(|group| group.as_str() == HOST_ENROLLERS),
                Action::Approve | Action::Revoke | Action::Administer => officer,
            }
    }
}

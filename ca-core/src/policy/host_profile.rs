//! A host profile: which hosts can be certified under it, and what that costs.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::facts::FactorKind;
use super::host_pattern::HostPattern;
use crate::names::{HostName, HostNames};
use crate::ssh::KeyKind;
use crate::time::Ttl;

/// A named kind of host. Every key is written out in `policies/profiles.toml`, with what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostProfile {
    /// What it is for, for people.
    pub description: String,
    /// The names that hosts may have.
    pub names: BTreeSet<HostPattern>,
    /// Whether a certificate itself may carry a `*.` name.
    #[serde(default)]
    pub wildcards: bool,
    /// The lifetime when none is asked for.
    pub default_ttl: Ttl,
    /// The longest lifetime.
    pub max_ttl: Ttl,
    /// The factors of which one must have been presented after the password.
    pub factors: BTreeSet<FactorKind>,
    /// How long ago the login may be, at most.
    pub login_max_age: Ttl,
    /// The kinds of key that may be certified; all but those of security keys when left out.
    #[serde(default)]
    pub key_kinds: Option<BTreeSet<KeyKind>>,
    /// Whether the host's key must have signed the request.
    #[serde(default)]
    pub require_possession: bool,
    /// Whether a reason must be given.
    #[serde(default)]
    pub require_reason: bool,
}

impl HostProfile {
    /// Tells whether every one of these names may be in a certificate.
    pub fn takes_all(&self, names: &HostNames) -> bool {
        names.iter().all(|name| self.takes_name(name) && self.takes_form(name))
    }

    /// Tells whether a pattern takes a name.
    pub(super) fn takes_name(&self, name: &HostName) -> bool {
        self.names.iter().any(|pattern| pattern.takes(name))
    }

    /// Tells whether a name is of a form that certificates may carry.
    pub(super) fn takes_form(&self, name: &HostName) -> bool {
        self.wildcards || !matches!(name, HostName::Wildcard(_))
    }

    /// Tells whether keys of this kind may be certified. A security key wants a finger, and a host has none.
    pub(super) fn takes_key(&self, kind: KeyKind) -> bool {
        !kind.is_security_key() && self.key_kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Checks what the types alone do not.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let mut kinds = self.key_kinds.iter().flatten();
        let rules = [
            (!self.names.is_empty(), "names must name at least one host"),
            (!self.factors.is_empty(), "factors must name at least one factor"),
            (self.default_ttl <= self.max_ttl, "default_ttl must not be above max_ttl"),
            (
                self.key_kinds.as_ref().is_none_or(|kinds| !kinds.is_empty()),
                "key_kinds must name at least one kind",
            ),
            (
                !kinds.any(|kind| kind.is_security_key()),
                "key_kinds must not name an sk- kind: hosts have none",
            ),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

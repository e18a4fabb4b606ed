//! The decision about a host: pure, as the one about a person is.

use super::decide::{account_rules, key_rules, login_rules, recovery_rules, rules_say_no};
use super::host_profile::HostProfile;
use super::{Action, BACKDATE_SECS, Denial, Denials, Facts, Policy};
use crate::host_request::{CheckedHostRequest, HostRequest};
use crate::issuance::HostGrant;
use crate::names::{HostName, KeyId, ProfileName};
use crate::time::{Ttl, UnixSeconds};

/// A rule about hosts that says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostDenial {
    /// There is no such host profile.
    #[error("there is no host profile {profile}")]
    NoSuchProfile {
        /// The name asked for.
        profile: ProfileName,
    },
    /// No pattern of the profile takes the name.
    #[error("{profile} is not for a host called {name}")]
    NameNotGranted {
        /// The profile.
        profile: ProfileName,
        /// The name.
        name: HostName,
    },
    /// The name is a wildcard, and the profile's certificates carry none.
    #[error("{profile} gives no certificates for wildcards such as {name}")]
    Wildcard {
        /// The profile.
        profile: ProfileName,
        /// The name.
        name: HostName,
    },
    /// The host's key did not sign the request.
    #[error("{profile} needs a request signed by the host's own key")]
    PossessionMissing {
        /// The profile.
        profile: ProfileName,
    },
}

/// Decides a request for a host: every rule is asked, and a single no denies.
pub fn decide_host(
    policy: &Policy,
    checked: &CheckedHostRequest,
    facts: &Facts,
    now: UnixSeconds,
) -> Result<HostGrant, Denials> {
    let request = checked.request();
    let name = || request.profile.clone();
    let deny = |reasons| Err(Denials { policy: policy.id(), reasons });
    let Some(profile) = policy.host_profile(&request.profile) else {
        return deny(vec![HostDenial::NoSuchProfile { profile: name() }.into()]);
    };
    let mut reasons = account_rules(&request.user, &request.key, facts);
    reasons.extend(recovery_rules(&request.profile, false, facts, now));
    reasons.extend(key_rules(&request.profile, facts, now));
    reasons.extend(rules_say_no(policy, Action::CertifyHost, &request.profile, facts, now));
    reasons.extend(login_rules(&request.profile, &profile.factors, profile.login_max_age, facts, now));
    reasons.extend(profile_rules(profile, request));
    reasons.extend(name_rules(profile, request));
    if profile.require_possession && !checked.is_proven() {
        reasons.push(HostDenial::PossessionMissing { profile: name() }.into());
    }
    if reasons.is_empty() { Ok(grant(profile, request, now)) } else { deny(reasons) }
}

fn profile_rules(profile: &HostProfile, request: &HostRequest) -> Vec<Denial> {
    let name = || request.profile.clone();
    let (kind, ttl) = (request.key.key().kind(), ttl(profile, request));
    let rules = [
        (ttl <= profile.max_ttl, Denial::TtlAboveCap { profile: name(), asked: ttl, cap: profile.max_ttl }),
        (profile.takes_key(kind), Denial::KeyKind { profile: name(), kind }),
        (!profile.require_reason || request.reason.is_some(), Denial::ReasonMissing { profile: name() }),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, denial)| denial).collect()
}

fn name_rules(profile: &HostProfile, request: &HostRequest) -> impl Iterator<Item = Denial> {
    request.names.iter().filter_map(|host| {
        let (profile_name, name) = (request.profile.clone(), host.clone());
        let denial = if !profile.takes_name(host) {
            HostDenial::NameNotGranted { profile: profile_name, name }
        } else if !profile.takes_form(host) {
            HostDenial::Wildcard { profile: profile_name, name }
        } else {
            return None;
        };
        Some(denial.into())
    })
}

fn ttl(profile: &HostProfile, request: &HostRequest) -> Ttl {
    request.ttl.unwrap_or(profile.default_ttl)
}

fn grant(profile: &HostProfile, request: &HostRequest, now: UnixSeconds) -> HostGrant {
    let ttl = ttl(profile, request);
    HostGrant {
        key: request.key.clone(),
        key_id: KeyId::of_host(&request.names, request.id),
        names: request.names.clone(),
        ttl,
        valid_after: now.minus_secs(BACKDATE_SECS),
        valid_before: now.plus_secs(ttl.secs()),
    }
}

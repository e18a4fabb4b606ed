//! The decision: one pure function that the server, the auditor and the policy's test cases all call.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::decide_host::HostDenial;
use super::facts::{FactorKind, Facts};
use super::profile::{Profile, SourceAddress};
use super::rules::{RuleId, Verdict};
use super::ticket::TicketPattern;
use super::voucher::{VoucherDenial, voucher_rules};
use super::{Action, Policy, PolicyId, Quorum, quorum};
use crate::cert::{Options, flag, text_value};
use crate::issuance::Grant;
use crate::names::{KeyId, Principal, Principals, ProfileName, UserName};
use crate::request::CertRequest;
use crate::ssh::{CertifiableKey, Fingerprint, KeyKind};
use crate::time::{Ttl, UnixSeconds};

/// How far before the decision a certificate's validity begins, in seconds, so that a host whose clock is a little
/// behind takes a fresh one. The lifetime asked for is counted from the decision, not from there.
pub const BACKDATE_SECS: u64 = 30;

/// What the policy says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, and this is the certificate.
    Grant(Box<Grant>),
    /// Not yet: everything else holds, and people have to approve.
    NeedsApproval(Quorum),
    /// No, for all of these reasons.
    Deny(Denials),
}

/// Every rule that said no, with the policy it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denials {
    /// The policy that was asked.
    pub policy: PolicyId,
    /// At least one reason.
    pub reasons: Vec<Denial>,
}

impl fmt::Display for Denials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.reasons.iter().enumerate() {
            write!(f, "{}{reason}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

/// A rule that says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The request is for somebody else than who is logged in.
    #[error("the request is for {asked}, but {session} is logged in")]
    OtherUser {
        /// The user in the request.
        asked: UserName,
        /// The user of the session.
        session: UserName,
    },
    /// The account is disabled.
    #[error("the account {user} is disabled")]
    UserDisabled {
        /// The account.
        user: UserName,
    },
    /// There is no such profile.
    #[error("there is no profile {profile}")]
    NoSuchProfile {
        /// The name asked for.
        profile: ProfileName,
    },
    /// No rule permits the user to have the profile.
    #[error("no rule lets this account have {profile}")]
    NotPermitted {
        /// The profile.
        profile: ProfileName,
    },
    /// Rules forbid the user to have the profile now.
    #[error("{} forbids {profile}", rules(by))]
    Forbidden {
        /// The profile.
        profile: ProfileName,
        /// The rules, by their names.
        by: BTreeSet<RuleId>,
    },
    /// Rules that may forbid the profile could not be evaluated.
    #[error("{} could not be evaluated, so {profile} is denied", rules(by))]
    RuleFailed {
        /// The profile.
        profile: ProfileName,
        /// The rules, by their names.
        by: BTreeSet<RuleId>,
    },
    /// None of the factors that the profile asks for was presented.
    #[error("{profile} needs a login with {}", list(factors))]
    FactorMissing {
        /// The profile.
        profile: ProfileName,
        /// The factors of which one is needed.
        factors: BTreeSet<FactorKind>,
    },
    /// The login is too old for the profile.
    #[error("{profile} needs a login within the last {max_age}")]
    LoginTooOld {
        /// The profile.
        profile: ProfileName,
        /// How old it may be.
        max_age: Ttl,
    },
    /// The lifetime is above the profile's cap.
    #[error("{profile} lasts at most {cap}, not {asked}")]
    TtlAboveCap {
        /// The profile.
        profile: ProfileName,
        /// What was asked for.
        asked: Ttl,
        /// The most there is.
        cap: Ttl,
    },
    /// An account was asked for that the profile does not grant.
    #[error("{profile} does not log in as {principal}")]
    PrincipalNotGranted {
        /// The profile.
        profile: ProfileName,
        /// The account.
        principal: Principal,
    },
    /// None of the profile's accounts is for a group that the user is in.
    #[error("{profile} has no account for any of the groups of {user}")]
    NoPrincipal {
        /// The profile.
        profile: ProfileName,
        /// The user.
        user: UserName,
    },
    /// The key is not of a kind the profile takes.
    #[error("{profile} does not take keys of type {}", kind.algorithm())]
    KeyKind {
        /// The profile.
        profile: ProfileName,
        /// The kind of the key.
        kind: KeyKind,
    },
    /// The key to be certified was revoked.
    #[error("the key {key} was revoked")]
    KeyRevoked {
        /// The key.
        key: Fingerprint,
    },
    /// The API key is not for this profile.
    #[error("the API key is not for {profile}")]
    KeyProfile {
        /// The profile.
        profile: ProfileName,
    },
    /// The API key is not good where the request came from.
    #[error("the API key is not good from {source_ip}")]
    KeySource {
        /// The address.
        source_ip: IpAddr,
    },
    /// The API key is over.
    #[error("the API key ended {ended}")]
    KeyExpired {
        /// When it ended.
        ended: UnixSeconds,
    },
    /// The profile asks for a reason and none was given.
    #[error("{profile} needs a reason")]
    ReasonMissing {
        /// The profile.
        profile: ProfileName,
    },
    /// The account was recovered not long ago, and the profile is not one that it can have then.
    #[error("{user} was recovered, and cannot have {profile} until {until}")]
    Recovered {
        /// The account.
        user: UserName,
        /// The profile.
        profile: ProfileName,
        /// When it can again.
        until: UnixSeconds,
    },
    /// A rule about hosts says no.
    #[error(transparent)]
    Host(#[from] HostDenial),
    /// A voucher that was shown is not good for this.
    #[error(transparent)]
    Voucher(#[from] VoucherDenial),
    /// The reason holds no word of the form that the profile asks for.
    #[error("{profile} needs a reason with a word like {pattern}")]
    TicketMissing {
        /// The profile.
        profile: ProfileName,
        /// The form.
        pattern: TicketPattern,
    },
}

fn rules(ids: &BTreeSet<RuleId>) -> String {
    format!("rule {}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))
}

fn list<T: ToString>(items: &BTreeSet<T>) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// Decides a request: every rule is asked, and a single no denies.
pub fn decide(policy: &Policy, request: &CertRequest, facts: &Facts, now: UnixSeconds) -> Decision {
    let deny = |reasons| Decision::Deny(Denials { policy: policy.id(), reasons });
    let Some(profile) = policy.profile(&request.profile) else {
        return deny(vec![Denial::NoSuchProfile { profile: request.profile.clone() }]);
    };
    let mut reasons = account_rules(&request.user, &request.key, facts);
    reasons.extend(recovery_rules(&request.profile, profile.after_recovery, facts, now));
    reasons.extend(key_rules(&request.profile, facts, now));
    reasons.extend(rules_say_no(policy, Action::Request, &request.profile, facts, now));
    reasons.extend(login_rules(&request.profile, &profile.factors, profile.login_max_age, facts, now));
    reasons.extend(profile_rules(profile, request));
    let vouchers = voucher_rules(policy, (&request.profile, profile), facts, now);
    reasons.extend(vouchers.into_iter().map(Denial::Voucher));
    match principals(profile, request, facts) {
        Ok(principals) if reasons.is_empty() => {
            let approvals = profile.approvals.as_ref().map(|approvals| (&request.profile, approvals));
            match approvals.and_then(|approvals| quorum::missing(policy, approvals, facts, now)) {
                Some(quorum) => Decision::NeedsApproval(quorum),
                None => Decision::Grant(Box::new(grant(profile, principals, request, facts, now))),
            }
        }
        Ok(_) => deny(reasons),
        Err(not_granted) => {
            reasons.push(not_granted);
            deny(reasons)
        }
    }
}

pub(super) fn rules_say_no(
    policy: &Policy,
    action: Action,
    profile: &ProfileName,
    facts: &Facts,
    now: UnixSeconds,
) -> Option<Denial> {
    let profile = profile.clone();
    match policy.ask(action, Some(&profile), facts, now) {
        Verdict::Permitted { .. } => None,
        Verdict::Forbidden { by } => Some(Denial::Forbidden { profile, by }),
        Verdict::Failed { rules } => Some(Denial::RuleFailed { profile, by: rules }),
        Verdict::NotPermitted => Some(Denial::NotPermitted { profile }),
    }
}

pub(super) fn account_rules(asked: &UserName, key: &CertifiableKey, facts: &Facts) -> Vec<Denial> {
    let user = &facts.user;
    let rules = [
        (user.enabled, Denial::UserDisabled { user: user.name.clone() }),
        (*asked == user.name, Denial::OtherUser { asked: asked.clone(), session: user.name.clone() }),
        (!facts.key_revoked, Denial::KeyRevoked { key: key.key().fingerprint() }),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, denial)| denial).collect()
}

/// Holds back what an account does not get in the time after it was recovered.
pub(super) fn recovery_rules(
    profile: &ProfileName,
    after_recovery: bool,
    facts: &Facts,
    now: UnixSeconds,
) -> Option<Denial> {
    let until = facts.user.reduced(now).filter(|_| !after_recovery)?;
    Some(Denial::Recovered { user: facts.user.name.clone(), profile: profile.clone(), until })
}

/// Holds a request made with an API key against what the key is for (F18).
pub(super) fn key_rules(profile: &ProfileName, facts: &Facts, now: UnixSeconds) -> Vec<Denial> {
    let Some(key) = &facts.session.key else { return Vec::new() };
    let source_ip = facts.source.ip.to_canonical();
    let rules = [
        (key.profiles.contains(profile), Denial::KeyProfile { profile: profile.clone() }),
        (key.is_from(source_ip), Denial::KeySource { source_ip }),
        (now < key.expires_at, Denial::KeyExpired { ended: key.expires_at }),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, denial)| denial).collect()
}

/// Holds the login against what a profile asks for.
pub(super) fn login_rules(
    profile: &ProfileName,
    factors: &BTreeSet<FactorKind>,
    max_age: Ttl,
    facts: &Facts,
    now: UnixSeconds,
) -> Option<Denial> {
    let mut presented = facts.session.factors.iter().filter(|f| factors.contains(&f.kind)).peekable();
    if presented.peek().is_none() {
        return Some(Denial::FactorMissing { profile: profile.clone(), factors: factors.clone() });
    }
    // Who waits for an approval has logged in for what they asked then, not for when others find the time.
    let asked = facts.waited.as_ref().map_or(now, |waited| waited.since);
    let fresh = presented.any(|f| f.at.plus_secs(max_age.secs()) >= asked);
    (!fresh).then(|| Denial::LoginTooOld { profile: profile.clone(), max_age })
}

fn profile_rules(profile: &Profile, request: &CertRequest) -> Vec<Denial> {
    let name = || request.profile.clone();
    let kind = request.key.key().kind();
    let ttl = profile.ttl_of(request);
    let rules = [
        (ttl <= profile.max_ttl, Denial::TtlAboveCap { profile: name(), asked: ttl, cap: profile.max_ttl }),
        (profile.takes(kind), Denial::KeyKind { profile: name(), kind }),
        (!profile.needs_reason() || request.reason.is_some(), Denial::ReasonMissing { profile: name() }),
    ];
    let missing = rules.into_iter().filter(|(holds, _)| !holds).map(|(_, denial)| denial);
    missing.chain(ticket_missing(profile, request)).collect()
}

fn ticket_missing(profile: &Profile, request: &CertRequest) -> Option<Denial> {
    let (pattern, reason) = (profile.ticket_pattern.as_ref()?, request.reason.as_ref()?);
    let missing = || Denial::TicketMissing { profile: request.profile.clone(), pattern: pattern.clone() };
    (!pattern.is_in(reason)).then(missing)
}

/// Resolves the profile's accounts and narrows them to those asked for.
fn principals(profile: &Profile, request: &CertRequest, facts: &Facts) -> Result<Principals, Denial> {
    let none = |_| Denial::NoPrincipal { profile: request.profile.clone(), user: facts.user.name.clone() };
    let granted = Principals::try_from(profile.accounts_of(&facts.user)).map_err(none)?;
    let Some(asked) = &request.principals else { return Ok(granted) };
    match asked.iter().find(|p| !granted.iter().any(|g| g == *p)) {
        None => Ok(asked.clone()),
        Some(other) => {
            Err(Denial::PrincipalNotGranted { profile: request.profile.clone(), principal: other.clone() })
        }
    }
}

fn grant(
    profile: &Profile,
    principals: Principals,
    request: &CertRequest,
    facts: &Facts,
    now: UnixSeconds,
) -> Grant {
    Grant {
        ca: profile.ca,
        key: request.key.clone(),
        key_id: KeyId::new(&facts.user.email, request.id),
        principals,
        ttl: profile.ttl_of(request),
        valid_after: now.minus_secs(BACKDATE_SECS),
        valid_before: now.plus_secs(profile.ttl_of(request).secs()),
        critical_options: critical_options(profile, facts),
        extensions: profile.extensions.iter().map(|e| (e.name().to_owned(), flag())).collect(),
    }
}

fn critical_options(profile: &Profile, facts: &Facts) -> Options {
    let source_address = match &profile.source_address {
        SourceAddress::Any => None,
        SourceAddress::Requester => Some(ipnet::IpNet::from(facts.source.ip.to_canonical()).to_string()),
        SourceAddress::Networks(networks) => {
            Some(networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        }
    };
    let options = [
        ("force-command", profile.force_command.as_deref().map(text_value)),
        ("source-address", source_address.as_deref().map(text_value)),
        ("verify-required", profile.verify_required.then(flag)),
    ];
    options.into_iter().filter_map(|(name, data)| Some((name.to_owned(), data?))).collect()
}

//! A question to the policy, and what can be changed about it.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Remedy;
use crate::names::{GroupName, Principals};
use crate::policy::cases::sample_key;
use crate::policy::{
    Action, Decision, Denial, Factor, FactorKind, Facts, Policy, PrincipalTemplate, Profile, decide,
};
use crate::request::CertRequest;
use crate::ssh::KeyKind;
use crate::time::UnixSeconds;

const HOUR: u64 = 3600;

/// How many hours ahead a better time is looked for: a week, as rules know days and hours.
const HOURS: u64 = 7 * 24;

/// What a person can show at a login; a recovery code is for getting back in.
const SHOWN: [FactorKind; 4] = [FactorKind::Webauthn, FactorKind::Yubikey, FactorKind::Totp, FactorKind::Sms];

/// All that a decision rests on, but for the policy.
#[derive(Clone, Debug)]
pub(super) struct Question {
    request: CertRequest,
    facts: Facts,
    now: UnixSeconds,
    /// Whether the reason is taken to have a word of the form that the profile asks for.
    ticket: bool,
}

impl Question {
    pub(super) fn new(request: CertRequest, facts: Facts, now: UnixSeconds) -> Self {
        Self { request, facts, now, ticket: false }
    }

    /// Asks the policy.
    pub(super) fn ask(&self, policy: &Policy) -> Decision {
        if !self.ticket {
            return decide(policy, &self.request, &self.facts, self.now);
        }
        // No word can be made up from a pattern; a reason that has one is a reason where none is asked for.
        let mut policy = policy.clone();
        if let Some(profile) = policy.profiles.get_mut(&self.request.profile) {
            profile.ticket_pattern = None;
        }
        decide(&policy, &self.request, &self.facts, self.now)
    }

    /// Changes one thing.
    pub(super) fn with(&self, remedy: &Remedy) -> Self {
        let mut changed = self.clone();
        let Self { request, facts, now, ticket } = &mut changed;
        match remedy {
            Remedy::AsUser(user) => request.user = user.clone(),
            Remedy::Ttl(ttl) => request.ttl = Some(*ttl),
            Remedy::Accounts(accounts) => request.principals = Some(accounts.clone()),
            Remedy::Reason => request.reason = "a reason".parse().ok(),
            Remedy::Ticket(_) => {
                request.reason = request.reason.take().or_else(|| "a reason".parse().ok());
                *ticket = true;
            }
            Remedy::OtherKey => facts.key_revoked = false,
            Remedy::Key(kind) => {
                if let Ok(key) = sample_key(*kind) {
                    (request.key, facts.key_revoked) = (key, false);
                }
            }
            Remedy::LogIn(kind) => {
                facts.session.factors = vec![Factor { kind: *kind, at: *now }];
                facts.session.key = None;
            }
            Remedy::From(network) => facts.source.ip = network.network(),
            Remedy::At(time) => {
                let later = time.0.saturating_sub(now.0);
                for factor in &mut facts.session.factors {
                    factor.at = factor.at.plus_secs(later);
                }
                *now = *time;
            }
            Remedy::Profile(profile) => request.profile = profile.clone(),
            Remedy::Group(group) => facts.user.groups.extend([group.clone()]),
            Remedy::Enable(_) => facts.user.enabled = true,
        }
        changed
    }

    /// Gives everything worth trying against these denials.
    pub(super) fn remedies(
        &self,
        policy: &Policy,
        has: &BTreeSet<FactorKind>,
        denials: &[Denial],
    ) -> Vec<Remedy> {
        let Some(profile) = policy.profile(&self.request.profile) else {
            return policy.profiles().map(|(name, _)| Remedy::Profile(name.clone())).collect();
        };
        let user = &self.facts.user.name;
        let mut remedies = vec![Remedy::AsUser(user.clone()), Remedy::Ttl(profile.max_ttl)];
        remedies.extend(self.accounts(profile).map(Remedy::Accounts));
        remedies.push(Remedy::Reason);
        remedies.extend(profile.ticket_pattern.clone().map(Remedy::Ticket));
        remedies.push(Remedy::OtherKey);
        if denials.iter().any(|denial| matches!(denial, Denial::KeyKind { .. })) {
            remedies.extend(KeyKind::ALL.into_iter().filter(|kind| profile.takes(*kind)).map(Remedy::Key));
        }
        let (own, others): (Vec<FactorKind>, _) = SHOWN.into_iter().partition(|kind| has.contains(kind));
        remedies.extend(own.into_iter().chain(others).map(Remedy::LogIn));
        remedies.extend(self.networks(policy).into_iter().map(Remedy::From));
        if denials.iter().any(is_by_rules) {
            remedies.extend(self.better_time(policy, denials));
        }
        remedies.extend(self.groups(policy, profile).into_iter().map(Remedy::Group));
        remedies.push(Remedy::Enable(user.clone()));
        remedies
    }

    /// Gives those of the accounts asked for that are granted, or else all that are.
    fn accounts(&self, profile: &Profile) -> Option<Principals> {
        let granted = profile.accounts_of(&self.facts.user);
        let asked = self.request.principals.iter().flat_map(Principals::iter);
        let both: Vec<_> = asked.filter(|account| granted.contains(account)).cloned().collect();
        Principals::try_from(if both.is_empty() { granted } else { both }).ok()
    }

    /// Gives the networks that the rules about the profile name, and those of the API key.
    fn networks(&self, policy: &Policy) -> Vec<IpNet> {
        let named = policy.rules.networks(Action::Request, Some(&self.request.profile));
        let of_key = self.facts.session.key.iter().flat_map(|key| key.networks.iter().copied());
        named.into_iter().chain(of_key).collect()
    }

    fn groups(&self, policy: &Policy, profile: &Profile) -> BTreeSet<GroupName> {
        let of_accounts = profile.principals.iter().filter_map(|template| match template {
            PrincipalTemplate::Members(mapped) => Some(mapped.group.clone()),
            PrincipalTemplate::Everybody(_) => None,
        });
        let named = policy.rules.groups().chain(of_accounts);
        named.filter(|group| !self.facts.user.groups.contains(group)).collect()
    }

    /// Finds the next full hour at which rules that say no now do not.
    fn better_time(&self, policy: &Policy, denials: &[Denial]) -> Option<Remedy> {
        let next = self.now.0 / HOUR + 1;
        let times = (next..next + HOURS).map(|hour| Remedy::At(UnixSeconds(hour * HOUR)));
        let by_rules: Vec<&Denial> = denials.iter().filter(|denial| is_by_rules(denial)).collect();
        times.into_iter().find(|time| {
            let after = super::denials(&self.with(time).ask(policy));
            by_rules.iter().any(|denial| !after.contains(denial))
                && after.iter().all(|denial| denials.contains(denial))
        })
    }
}

fn is_by_rules(denial: &Denial) -> bool {
    matches!(denial, Denial::Forbidden { .. } | Denial::RuleFailed { .. } | Denial::NotPermitted { .. })
}

//! Why a request is denied and what would change that, each answer tried by asking [`decide`] again.
//!
//! Nothing here knows the rules a second time: a remedy is one change of the request, the facts or the time, and it is
//! named only when the same decision, asked with that change, does without the denial and makes no other.

mod code;
mod question;
mod remedy;

pub use remedy::Remedy;

use std::collections::BTreeSet;

use super::{Decision, Denial, FactorKind, Facts, Policy, RuleId, decide};
use crate::request::CertRequest;
use crate::time::UnixSeconds;
use question::Question;

/// What a request would be answered with, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the policy says.
    pub decision: Decision,
    /// Every denial, each rule that forbids by itself; empty unless denied.
    pub denials: Vec<Explained>,
    /// What takes all denials away together, and what comes of that; none when there is no such thing.
    pub together: Option<Together>,
}

/// A denial, and what would take it away.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The denial.
    pub denial: Denial,
    /// Each of these alone takes it away without bringing another; what is in the requester's own power comes first.
    pub remedies: Vec<Remedy>,
}

/// Some remedies, and what the policy says once all of them are taken.
#[derive(Clone, Debug)]
pub struct Together {
    /// The remedies.
    pub remedies: Vec<Remedy>,
    /// What the policy says then: never a denial.
    pub decision: Decision,
}

/// Explains what the policy says to a request; `has` are the kinds of factor that the account has, which are named first.
pub fn explain(
    policy: &Policy,
    request: &CertRequest,
    facts: &Facts,
    has: &BTreeSet<FactorKind>,
    now: UnixSeconds,
) -> Explanation {
    let question = Question::new(request.clone(), facts.clone(), now);
    let decision = decide(policy, request, facts, now);
    let before = denials(&decision);
    if before.is_empty() {
        return Explanation { decision, denials: Vec::new(), together: None };
    }
    let tried: Vec<(Remedy, Vec<Denial>)> = question
        .remedies(policy, has, &before)
        .into_iter()
        .map(|remedy| {
            let after = denials(&question.with(&remedy).ask(policy));
            (remedy, after)
        })
        .filter(|(_, after)| after.iter().all(|denial| before.contains(denial)))
        .collect();
    let works = |denial: &Denial| -> Vec<Remedy> {
        let working = tried.iter().filter(|(_, after)| !after.contains(denial));
        working.map(|(remedy, _)| remedy.clone()).collect()
    };
    let denials: Vec<Explained> =
        before.iter().map(|denial| Explained { denial: denial.clone(), remedies: works(denial) }).collect();
    let together = together(policy, &question, &denials);
    Explanation { decision, denials, together }
}

/// Gives the denials of a decision, one for each rule that says no.
fn denials(decision: &Decision) -> Vec<Denial> {
    let Decision::Deny(denials) = decision else { return Vec::new() };
    denials.reasons.iter().flat_map(one_for_each_rule).collect()
}

fn one_for_each_rule(denial: &Denial) -> Vec<Denial> {
    let each = |by: &BTreeSet<RuleId>, make: &dyn Fn(BTreeSet<RuleId>) -> Denial| {
        by.iter().map(|rule| make([rule.clone()].into())).collect()
    };
    match denial {
        Denial::Forbidden { profile, by } => {
            each(by, &|by| Denial::Forbidden { profile: profile.clone(), by })
        }
        Denial::RuleFailed { profile, by } => {
            each(by, &|by| Denial::RuleFailed { profile: profile.clone(), by })
        }
        other => vec![other.clone()],
    }
}

/// Chooses remedies until every denial has one, those that serve most denials first, and asks with all of them.
fn together(policy: &Policy, question: &Question, denials: &[Explained]) -> Option<Together> {
    let mut open: Vec<&Explained> = denials.iter().collect();
    let mut remedies: Vec<Remedy> = Vec::new();
    while !open.is_empty() {
        let serves = |remedy: &Remedy| open.iter().filter(|one| one.remedies.contains(remedy)).count();
        let candidates = open.iter().flat_map(|one| &one.remedies);
        // Of equals the last is taken, and the first is wanted.
        let best = candidates.rev().max_by_key(|remedy| serves(remedy))?.clone();
        open.retain(|one| !one.remedies.contains(&best));
        remedies.push(best);
    }
    let changed = remedies.iter().fold(question.clone(), |question, remedy| question.with(remedy));
    let decision = changed.ask(policy);
    (!matches!(decision, Decision::Deny(_))).then_some(Together { remedies, decision })
}

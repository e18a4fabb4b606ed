//! The rules that can match one action on one profile, sorted by who they are about.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Effect, Entities, Entity, EntityUid, Policy, PolicySet,
    PrincipalConstraint, Request, ResourceConstraint, Response,
};

use super::question::{asker, attributes_in, circumstances};
use super::read::Rule;
use super::types::Types;
use super::{ProfileKind, RuleId, Verdict};
use crate::names::ProfileName;
use crate::policy::{Action, Facts};
use crate::time::UnixSeconds;

#[derive(Clone, Debug)]
pub(super) struct Slice {
    action: EntityUid,
    resource: Entity,
    /// What of `context` the rules speak of.
    attributes: Vec<&'static str>,
    anybody: PolicySet,
    /// By the group or user that the rules' scope names.
    named: BTreeMap<EntityUid, PolicySet>,
}

impl Slice {
    /// Takes the rules that can match.
    pub(super) fn cut(
        types: &Types,
        rules: &[Rule],
        action: Action,
        on: Option<&ProfileName>,
        kind: Option<ProfileKind>,
    ) -> Result<Self, String> {
        let action = types.action(action.name());
        let resource = resource(types, on, kind)?;
        let mut slice = Self {
            action,
            resource,
            attributes: Vec::new(),
            anybody: PolicySet::new(),
            named: BTreeMap::new(),
        };
        let mut texts = Vec::new();
        for rule in rules {
            if !slice.can_match(rule) {
                continue;
            }
            let set = match rule.policy.principal_constraint() {
                PrincipalConstraint::Any | PrincipalConstraint::Is(_) => &mut slice.anybody,
                PrincipalConstraint::In(uid)
                | PrincipalConstraint::Eq(uid)
                | PrincipalConstraint::IsIn(_, uid) => slice.named.entry(uid).or_default(),
            };
            set.add(rule.policy.clone()).map_err(|error| error.to_string())?;
            texts.push(rule.text.as_str());
        }
        slice.attributes = attributes_in(texts.into_iter());
        Ok(slice)
    }

    /// Judges by the scope alone; conditions are evaluated when somebody asks.
    fn can_match(&self, rule: &Rule) -> bool {
        let action = match rule.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::In(actions) => actions.contains(&self.action),
            ActionConstraint::Eq(action) => action == self.action,
        };
        let uid = self.resource.uid();
        action
            && match rule.policy.resource_constraint() {
                ResourceConstraint::Any => true,
                ResourceConstraint::In(resource) | ResourceConstraint::Eq(resource) => resource == uid,
                ResourceConstraint::Is(kind) => kind == *uid.type_name(),
                ResourceConstraint::IsIn(kind, resource) => kind == *uid.type_name() && resource == uid,
            }
    }

    /// Tells whether one of its rules permits.
    pub(super) fn can_permit(&self) -> bool {
        self.rules().any(|rule| rule.effect() == Effect::Permit)
    }

    /// Gives the names of its rules.
    pub(super) fn ids(&self) -> impl Iterator<Item = RuleId> {
        self.rules().map(|rule| RuleId::of(rule.id()))
    }

    fn rules(&self) -> impl Iterator<Item = &Policy> {
        self.anybody.policies().chain(self.named.values().flat_map(PolicySet::policies))
    }

    /// Asks the sets of whoever it is. What cannot be asked is not permitted.
    pub(super) fn ask(&self, types: &Types, facts: &Facts, now: UnixSeconds) -> Verdict {
        let Some((request, entities)) = self.question(types, facts, now) else {
            return Verdict::NotPermitted;
        };
        let mut answer = Answer::default();
        for set in self.sets_of(types, facts) {
            answer.take(set, &Authorizer::new().is_authorized(&request, set, &entities));
        }
        answer.verdict()
    }

    fn question(&self, types: &Types, facts: &Facts, now: UnixSeconds) -> Option<(Request, Entities)> {
        let asker = asker(types, facts)?;
        let context = circumstances(types, &self.attributes, facts, now)?;
        let (action, resource) = (self.action.clone(), self.resource.uid());
        let request = Request::new(asker.uid(), action, resource, context, None).ok()?;
        Some((request, Entities::from_entities([asker, self.resource.clone()], None).ok()?))
    }

    fn sets_of(&self, types: &Types, facts: &Facts) -> impl Iterator<Item = &PolicySet> {
        let names = facts.user.groups.iter().map(|group| types.group(group.as_str()));
        let names = names.chain([types.user(facts.user.name.as_str())]);
        let sets = names.filter_map(|uid| self.named.get(&uid));
        sets.chain([&self.anybody]).filter(|set| !set.is_empty())
    }
}

fn resource(types: &Types, on: Option<&ProfileName>, kind: Option<ProfileKind>) -> Result<Entity, String> {
    let Some(name) = on else { return Ok(Entity::with_uid(types.authority())) };
    let kind = kind.map_or("user", ProfileKind::name);
    let attributes =
        [("kind".to_owned(), cedar_policy::RestrictedExpression::new_entity_uid(types.kind(kind)))];
    Entity::new_with_tags(types.profile(name.as_str()), attributes, [], []).map_err(|error| error.to_string())
}

/// What the sets said together.
#[derive(Debug, Default)]
struct Answer {
    permits: BTreeSet<RuleId>,
    forbids: BTreeSet<RuleId>,
    failed: BTreeSet<RuleId>,
}

impl Answer {
    /// Cedar skips a rule that it cannot evaluate. For one that permits that is right; for one that forbids it is not,
    /// since nobody knows whether it would have: it denies.
    fn take(&mut self, set: &PolicySet, response: &Response) {
        let reasons = response.diagnostics().reason().map(RuleId::of);
        match response.decision() {
            Decision::Allow => self.permits.extend(reasons),
            Decision::Deny => self.forbids.extend(reasons),
        }
        for error in response.diagnostics().errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            let permits = set.policy(error.policy_id()).is_some_and(|rule| rule.effect() == Effect::Permit);
            if !permits {
                self.failed.insert(RuleId::of(error.policy_id()));
            }
        }
    }

    fn verdict(self) -> Verdict {
        if !self.forbids.is_empty() {
            Verdict::Forbidden { by: self.forbids }
        } else if !self.failed.is_empty() {
            Verdict::Failed { rules: self.failed }
        } else if !self.permits.is_empty() {
            Verdict::Permitted { by: self.permits }
        } else {
            Verdict::NotPermitted
        }
    }
}

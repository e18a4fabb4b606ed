//! Reading rules: what Cedar's strict validation finds, and what only we can know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr as _;

use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::{ProfileKind, SCHEMA};
use crate::names::{GroupName, ProfileName, UserName};
use crate::policy::{PolicyError, Problem, RULES};

/// What a rule is called: its `@id`, 1 to 64 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Box<str>);

impl RuleId {
    fn new(text: &str) -> Option<Self> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((1..=64).contains(&text.len()) && text.bytes().all(good)).then(|| Self(text.into()))
    }

    pub(super) fn of(id: &PolicyId) -> Self {
        Self(id.to_string().into())
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One rule, called by its `@id` also in Cedar.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) id: RuleId,
    pub(super) policy: Policy,
    /// As it is written in the file.
    pub(super) text: String,
    /// Where it begins in the file, in bytes.
    at: usize,
}

/// Reads and checks rules; also gives what is worth a look.
pub(super) fn read(
    text: &str,
    profiles: &BTreeMap<ProfileName, ProfileKind>,
) -> Result<(Vec<Rule>, Vec<Problem>), PolicyError> {
    let set = PolicySet::from_str(text).map_err(|errors| syntax(text, &errors))?;
    if let Some(template) = set.templates().next() {
        let at = text.find(&template.to_cedar()).unwrap_or_default();
        return Err(Problem::new(RULES, "a rule with ?principal or ?resource is a template, not a rule")
            .at(text, at)
            .into());
    }
    let rules = name(text, &set)?;
    let unknown: Vec<Problem> = rules.iter().flat_map(|rule| unknown_names(text, rule, profiles)).collect();
    let (errors, warnings) = validate(text, &rules)?;
    let problems: Vec<Problem> = unknown.into_iter().chain(errors).collect();
    if problems.is_empty() { Ok((rules, warnings)) } else { Err(problems.into()) }
}

fn syntax(text: &str, errors: &cedar_policy::ParseErrors) -> PolicyError {
    let problems: Vec<Problem> = errors.iter().map(|error| diagnosed(text, error, 0)).collect();
    problems.into()
}

/// Turns what Cedar says into a problem, at the place it speaks of or else at the rule's.
fn diagnosed(text: &str, error: &dyn Diagnostic, rule_at: usize) -> Problem {
    let label = error.labels().and_then(|mut labels| labels.next());
    let at = label.map_or(rule_at, |label| label.offset());
    let problem = Problem::new(RULES, error.to_string()).at(text, at);
    match error.help() {
        Some(help) => problem.hint(help.to_string()),
        None => problem,
    }
}

/// Finds every rule's place and `@id`, and gives it that name; Cedar itself counts them only.
fn name(text: &str, set: &PolicySet) -> Result<Vec<Rule>, PolicyError> {
    let number =
        |rule: &Policy| rule.id().to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX);
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|rule| number(rule));
    let (mut rules, mut problems, mut seen, mut end) = (Vec::new(), Vec::new(), BTreeSet::new(), 0);
    for policy in policies {
        let written = policy.to_cedar().unwrap_or_default();
        let at = text.get(end..).and_then(|rest| rest.find(&written)).map_or(end, |found| end + found);
        end = at + written.len();
        match policy.annotation("id").map(|id| (id, RuleId::new(id))) {
            None => problems.push(
                Problem::new(RULES, "a rule has no name")
                    .at(text, at)
                    .hint("Write @id(\"who-may-do-what\") above it"),
            ),
            Some((id, None)) => problems.push(
                Problem::new(RULES, format!("{id:?} is no name for a rule"))
                    .at(text, at)
                    .hint("1 to 64 lower-case letters, digits and hyphens are"),
            ),
            Some((_, Some(id))) if !seen.insert(id.clone()) => problems
                .push(Problem::new(RULES, format!("there are two rules with the name {id}")).at(text, at)),
            Some((_, Some(id))) => {
                let policy = policy.new_id(PolicyId::new(&id.0));
                rules.push(Rule { id, policy, text: written, at });
            }
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems.into()) }
}

/// Finds profiles that do not exist, and names that no group and no user can have.
fn unknown_names(text: &str, rule: &Rule, profiles: &BTreeMap<ProfileName, ProfileKind>) -> Vec<Problem> {
    let mut literals = rule.policy.entity_literals();
    literals.sort();
    literals.dedup();
    let problem = |uid: EntityUid| {
        let name = uid.id().unescaped().to_owned();
        let (what, hint) = match uid.type_name().to_string().as_str() {
            "Profile" if !profiles.keys().any(|known| known.as_str() == name) => {
                (format!("there is no profile {name:?}"), Some(nearest(&name, profiles)))
            }
            "Group" => (name.parse::<GroupName>().err()?.to_string(), None),
            "User" => (name.parse::<UserName>().err()?.to_string(), None),
            _ => return None,
        };
        let place = rule.text.find(&format!("{name:?}")).unwrap_or_default();
        let problem = Problem::new(RULES, format!("rule {}: {what}", rule.id)).at(text, rule.at + place);
        Some(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        })
    };
    literals.into_iter().filter_map(problem).collect()
}

/// Says which profile was probably meant, or which there are.
fn nearest(name: &str, profiles: &BTreeMap<ProfileName, ProfileKind>) -> String {
    let near = profiles.keys().filter(|known| distance(known.as_str(), name) <= 2);
    if let Some(known) = near.min_by_key(|known| distance(known.as_str(), name)) {
        return format!("Did you mean {:?}?", known.as_str());
    }
    let all: Vec<&str> = profiles.keys().map(ProfileName::as_str).collect();
    if all.is_empty() { "profiles.toml has none".to_owned() } else { format!("There are {}", all.join(", ")) }
}

/// Gives how many letters have to change (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut last = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let next = (diagonal + usize::from(a != b)).min(last + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, next);
            last = next;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Holds the rules against the schema, strictly: a misspelt attribute, factor or action is an error.
fn validate(text: &str, rules: &[Rule]) -> Result<(Vec<Problem>, Vec<Problem>), PolicyError> {
    let ours = |cause: String| Problem::new(RULES, cause);
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| ours(error.to_string()))?;
    let set = PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone()));
    let set = set.map_err(|error| ours(error.to_string()))?;
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let at = |id: &PolicyId| {
        let id = RuleId::of(id);
        rules.iter().find(|rule| rule.id == id).map_or(0, |rule| rule.at)
    };
    let errors = result.validation_errors().map(|error| diagnosed(text, error, at(error.policy_id())));
    let warnings = result.validation_warnings().map(|error| diagnosed(text, error, at(error.policy_id())));
    Ok((once_each(errors), once_each(warnings)))
}

/// Cedar says the same of a rule once for every action it is about, in no order.
fn once_each(problems: impl Iterator<Item = Problem>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = problems
        .map(|problem| Problem { what: problem.what.replacen("for policy `", "rule `", 1), ..problem })
        .collect();
    problems.sort_by(|a, b| (a.line, &a.what).cmp(&(b.line, &b.what)));
    problems.dedup_by(|a, b| a.line == b.line && a.hint == b.hint);
    problems
}

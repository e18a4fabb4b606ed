//! Facts as Cedar's values: who asks, and under which circumstances.

use std::collections::BTreeSet;

use cedar_policy::{Context, Entity, RestrictedExpression as Value};

use super::types::Types;
use crate::policy::Facts;
use crate::time::UnixSeconds;

const WEEKDAYS: [&str; 7] = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];

/// What rules can find in `context`, as in the schema.
const ATTRIBUTES: [&str; 7] = ["ip", "now", "hour", "weekday", "factors", "login_age", "api_key"];

/// Finds what of `context` rules speak of, so that the rest need not be made for every question.
///
/// Judged by the words in the rules. A rule with a backslash in it could spell a name otherwise: it gets everything.
pub(super) fn attributes_in<'a>(rules: impl Iterator<Item = &'a str> + Clone) -> Vec<&'static str> {
    let mut spelt_otherwise = rules.clone();
    if spelt_otherwise.any(|rule| rule.contains('\\')) {
        return ATTRIBUTES.to_vec();
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = rules.flat_map(|rule| rule.split(move |c| !is_letter(c))).collect();
    ATTRIBUTES.into_iter().filter(|name| words.contains(name)).collect()
}

/// Writes who asks as an entity; `None` when that cannot be said in Cedar.
pub(super) fn asker(types: &Types, facts: &Facts) -> Option<Entity> {
    let user = &facts.user;
    let text = |text: &str| Value::new_string(text.to_owned());
    let attributes =
        [("name".to_owned(), text(user.name.as_str())), ("email".to_owned(), text(user.email.as_str()))];
    let groups = user.groups.iter().map(|group| types.group(group.as_str()));
    Entity::new_with_tags(types.user(user.name.as_str()), attributes, groups, []).ok()
}

/// Writes these of the circumstances; `None` when they cannot be said in Cedar, such as a time beyond the calendar.
pub(super) fn circumstances(
    types: &Types,
    attributes: &[&'static str],
    facts: &Facts,
    now: UnixSeconds,
) -> Option<Context> {
    let now = jiff::Timestamp::from_second(i64::try_from(now.0).ok()?).ok()?;
    let value = |name: &str| Some((name.to_owned(), value(name, types, facts, now)?));
    let pairs: Option<Vec<_>> = attributes.iter().map(|name| value(name)).collect();
    Context::from_pairs(pairs?).ok()
}

fn value(name: &str, types: &Types, facts: &Facts, now: jiff::Timestamp) -> Option<Value> {
    let (secs, session) = (now.as_second(), &facts.session);
    Some(match name {
        "ip" => types.address(facts.source.ip.to_canonical()),
        "now" => Value::new_datetime(now.to_string()),
        "hour" => Value::new_long(secs / 3600 % 24),
        "weekday" => {
            let day = WEEKDAYS.get(usize::try_from(secs / 86_400 % 7).ok()?)?;
            Value::new_entity_uid(types.weekday(day))
        }
        "factors" => {
            let kinds = session.factors.iter().map(|factor| factor.kind.to_string());
            Value::new_set(kinds.map(|kind| Value::new_entity_uid(types.factor(&kind))))
        }
        "login_age" => Value::new_long(login_age(facts, secs)),
        "api_key" => Value::new_bool(session.key.is_some()),
        _ => return None,
    })
}

/// Gives how long ago the oldest factor was shown, in seconds; the end of time when none was.
fn login_age(facts: &Facts, now: i64) -> i64 {
    let oldest = facts.session.factors.iter().map(|factor| factor.at).min();
    let oldest = oldest.and_then(|at| i64::try_from(at.0).ok());
    oldest.map_or(i64::MAX, |at| now.saturating_sub(at).max(0))
}

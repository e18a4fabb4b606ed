//! Facts as Cedar's values: who asks, and under which circumstances.

use cedar_policy::{Context, Entity, RestrictedExpression as Value};

use super::types::Types;
use crate::policy::Facts;
use crate::time::UnixSeconds;

const WEEKDAYS: [&str; 7] = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];

/// Writes who asks as an entity; `None` when that cannot be said in Cedar.
pub(super) fn asker(types: &Types, facts: &Facts) -> Option<Entity> {
    let user = &facts.user;
    let text = |text: &str| Value::new_string(text.to_owned());
    let attributes =
        [("name".to_owned(), text(user.name.as_str())), ("email".to_owned(), text(user.email.as_str()))];
    let groups = user.groups.iter().map(|group| types.group(group.as_str()));
    Entity::new_with_tags(types.user(user.name.as_str()), attributes, groups, []).ok()
}

/// Writes the circumstances; `None` when they cannot be said in Cedar, such as a time beyond the calendar.
pub(super) fn circumstances(types: &Types, facts: &Facts, now: UnixSeconds) -> Option<Context> {
    let secs = i64::try_from(now.0).ok()?;
    let weekday = WEEKDAYS.get(usize::try_from(secs / 86_400 % 7).ok()?)?;
    let session = &facts.session;
    let factors =
        session.factors.iter().map(|factor| Value::new_entity_uid(types.factor(&factor.kind.to_string())));
    let pairs = [
        ("ip", Value::new_ip(facts.source.ip.to_canonical().to_string())),
        ("now", Value::new_datetime(jiff::Timestamp::from_second(secs).ok()?.to_string())),
        ("hour", Value::new_long(secs / 3600 % 24)),
        ("weekday", Value::new_entity_uid(types.weekday(weekday))),
        ("factors", Value::new_set(factors)),
        ("login_age", Value::new_long(login_age(facts, now))),
        ("api_key", Value::new_bool(session.key.is_some())),
    ];
    Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value))).ok()
}

/// Gives how long ago the oldest factor was shown, in seconds; the end of time when none was.
fn login_age(facts: &Facts, now: UnixSeconds) -> i64 {
    let oldest = facts.session.factors.iter().map(|factor| factor.at).min();
    oldest.and_then(|at| i64::try_from(now.0.saturating_sub(at.0)).ok()).unwrap_or(i64::MAX)
}

//! What differs in how many people have to agree, and in which hosts can be certified: each said as more or as less.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::Change;
use super::shape::list;
use crate::names::{GroupName, ProfileName};
use crate::policy::{Approvals, HostPattern, HostProfile};

/// Gives what differs in the approvals of a profile. Fewer approvals, more groups and a longer wait are more access.
pub(super) fn approvals(name: &ProfileName, old: Option<&Approvals>, new: Option<&Approvals>) -> Vec<Change> {
    let said = |grows: bool, words: String| Change::Reach { profile: name.clone(), grows, words };
    match (old, new) {
        (None, None) => Vec::new(),
        (Some(old), None) => {
            vec![said(true, format!("no longer needs approval; it needed {}", in_words(old)))]
        }
        (None, Some(new)) => vec![said(false, format!("now needs {}", in_words(new)))],
        (Some(old), Some(new)) => {
            let count = match new.count.cmp(&old.count) {
                Ordering::Less => {
                    Some(said(true, format!("needs fewer approvals: {} -> {}", old.count, new.count)))
                }
                Ordering::Greater => {
                    Some(said(false, format!("needs more approvals: {} -> {}", old.count, new.count)))
                }
                Ordering::Equal => None,
            };
            let by = |group: &GroupName, grows| {
                let now = if grows { "can now" } else { "can no longer" };
                said(grows, format!("{now} be approved by {group}"))
            };
            let more = new.groups.difference(&old.groups).map(|group| by(group, true));
            let fewer = old.groups.difference(&new.groups).map(|group| by(group, false));
            let wait = match new.wait.cmp(&old.wait) {
                Ordering::Greater => {
                    Some(said(true, format!("waits longer for approval: {} -> {}", old.wait, new.wait)))
                }
                Ordering::Less => {
                    Some(said(false, format!("waits less long for approval: {} -> {}", old.wait, new.wait)))
                }
                Ordering::Equal => None,
            };
            count.into_iter().chain(more).chain(fewer).chain(wait).collect()
        }
    }
}

fn in_words(approvals: &Approvals) -> String {
    let Approvals { count, groups, wait } = approvals;
    let groups: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
    let noun = if *count == 1 { "approval" } else { "approvals" };
    format!("{count} {noun} by {} within {wait}", groups.join(" or "))
}

/// Gives what differs between two host profiles of one name.
pub(super) fn host(name: &ProfileName, old: &HostProfile, new: &HostProfile) -> Vec<Change> {
    let said = |grows: bool, words: String| Change::Reach { profile: name.clone(), grows, words };
    let more =
        beyond(&new.names, &old.names).map(|pattern| said(true, format!("now takes hosts called {pattern}")));
    let fewer = beyond(&old.names, &new.names)
        .map(|pattern| said(false, format!("no longer takes hosts called {pattern}")));
    let wildcards = match (old.wildcards, new.wildcards) {
        (false, true) => Some(said(true, "now gives certificates for wildcards".to_owned())),
        (true, false) => Some(said(false, "no longer gives certificates for wildcards".to_owned())),
        _ => None,
    };
    let (old, new) = (host_fields(old), host_fields(new));
    let pairs = old.into_iter().zip(new).filter(|((_, old), (_, new))| old != new);
    let shape = pairs.map(|((what, old), (_, new))| Change::Shape { profile: name.clone(), what, old, new });
    more.chain(fewer).chain(wildcards).chain(shape).collect()
}

/// Gives the patterns that take a name which none of the others takes; one within another is no difference.
fn beyond<'a>(
    patterns: &'a BTreeSet<HostPattern>,
    others: &'a BTreeSet<HostPattern>,
) -> impl Iterator<Item = &'a HostPattern> {
    patterns.iter().filter(|pattern| !others.iter().any(|other| other.covers(pattern)))
}

fn host_fields(profile: &HostProfile) -> [(&'static str, String); 8] {
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let kinds = profile.key_kinds.as_ref();
    let kinds = kinds.map(|kinds| list(kinds.iter().map(|kind| kind.algorithm().to_owned())));
    [
        ("description", profile.description.clone()),
        ("usual lifetime", profile.default_ttl.to_string()),
        ("longest lifetime", profile.max_ttl.to_string()),
        ("factors", list(profile.factors.iter().map(ToString::to_string))),
        ("oldest login", profile.login_max_age.to_string()),
        ("keys", kinds.unwrap_or_else(|| "any".to_owned())),
        ("needs the host's signature", yes_no(profile.require_possession)),
        ("needs a reason", yes_no(profile.require_reason)),
    ]
}

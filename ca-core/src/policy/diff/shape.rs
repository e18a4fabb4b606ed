//! What differs between two profiles of one name.

use super::Change;
use crate::names::ProfileName;
use crate::policy::{Account, Extension, PrincipalTemplate, Profile, SourceAddress};

/// Gives every field that differs, in words.
pub(super) fn changes(name: &ProfileName, old: &Profile, new: &Profile) -> Vec<Change> {
    let (old, new) = (fields(old), fields(new));
    let pairs = old.into_iter().zip(new).filter(|((_, old), (_, new))| old != new);
    let change = |((what, old), (_, new))| Change::Shape { profile: name.clone(), what, old, new };
    pairs.map(change).collect()
}

fn fields(profile: &Profile) -> [(&'static str, String); 16] {
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let kinds =
        profile.key_kinds.as_ref().map(|kinds| list(kinds.iter().map(|kind| kind.algorithm().to_owned())));
    [
        ("description", profile.description.clone()),
        ("accounts", list(profile.principals.iter().map(account))),
        ("usual lifetime", profile.default_ttl.to_string()),
        ("longest lifetime", profile.max_ttl.to_string()),
        ("factors", list(profile.factors.iter().map(ToString::to_string))),
        ("oldest login", profile.login_max_age.to_string()),
        ("permits", list(profile.extensions.iter().map(|e: &Extension| e.name().to_owned()))),
        ("from", source(&profile.source_address)),
        ("only command", profile.force_command.clone().unwrap_or_else(|| "any".to_owned())),
        ("keys", kinds.unwrap_or_else(|| "any".to_owned())),
        ("PIN or finger at every login", yes_no(profile.verify_required)),
        ("needs a reason", yes_no(profile.needs_reason())),
        ("ticket", profile.ticket_pattern.as_ref().map_or("none".to_owned(), ToString::to_string)),
        ("after a recovery", yes_no(profile.after_recovery)),
        ("by a voucher", yes_no(profile.break_glass)),
        ("CA key", profile.ca.map_or("the first".to_owned(), |ca| ca.to_string())),
    ]
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

fn account(template: &PrincipalTemplate) -> String {
    let name = |account: &Account| match account {
        Account::Fixed(principal) => principal.to_string(),
        Account::User => "{user}".to_owned(),
    };
    match template {
        PrincipalTemplate::Everybody(account) => name(account),
        PrincipalTemplate::Members(mapped) => format!("{} for {}", name(&mapped.account), mapped.group),
    }
}

fn source(source: &SourceAddress) -> String {
    match source {
        SourceAddress::Any => "anywhere".to_owned(),
        SourceAddress::Requester => "where it was asked for".to_owned(),
        SourceAddress::Networks(networks) => list(networks.iter().map(ToString::to_string)),
    }
}

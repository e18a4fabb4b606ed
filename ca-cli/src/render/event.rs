//! An event of the log in one line.

use ca_core::audit::{Mentions, Statement};
use ca_core::log::event::{Event, SigningKeyChange, What};
use serde_json::Value;

use super::recovery;
use super::text::plain;

/// The fields that every event has, or that say nothing to people.
const NOT_FOR_PEOPLE: [&str; 8] = ["salt", "time", "at", "node", "type", "request", "signature", "precert"];

/// Gives what stands above the lines.
pub(crate) fn header() -> String {
    columns("entry", "time", "type", "who, what and why")
}

/// Writes an entry in one line: index, time, type, who, what and why. A type that this version does not know is told by
/// its fields.
pub(crate) fn line(statement: &Statement, mentions: &Mentions) -> String {
    let known = Event::from_line(&statement.line).ok().and_then(|event| text(&event.what));
    let text = known.unwrap_or_else(|| fields(statement, mentions));
    let time = statement.time.seconds().to_string();
    plain(&columns(&statement.index.to_string(), &time, &statement.kind, &text)).into_owned()
}

fn columns(index: &str, time: &str, kind: &str, text: &str) -> String {
    format!("{index:>8}  {time:<20}  {kind:<15}  {text}")
}

/// Tells what an event says, if it is of a type with words of its own.
fn text(what: &What) -> Option<String> {
    Some(match what {
        What::LogCreated { origin, ca, host_ca } => {
            format!("{origin}, CA {}, for hosts {}", ca.join(" "), host_ca.join(" "))
        }
        What::HostCaAdded { ca, by } | What::UserCaAdded { ca, by } => format!("{ca} by {by}"),
        What::PolicyAdopted { policy, .. } => policy.to_string(),
        What::UserAdded { user, email, groups, by, .. } => {
            let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
            format!("{user} <{email}> in {} by {by}", groups.join(","))
        }
        What::UserEnabled { user, enabled, by } => {
            format!("{user} {} by {by}", if *enabled { "on" } else { "off" })
        }
        What::UserReset { user, by, .. } | What::UserUnlocked { user, by } => format!("{user} by {by}"),
        What::LoginSucceeded { user, factors, source, .. } => {
            let factors: Vec<_> = factors.iter().map(ToString::to_string).collect();
            format!("{user} by {} from {}", factors.join("+"), source.ip)
        }
        What::LoginFailed { account, source, reason, count, .. } => {
            format!("{account} from {source}: {reason}, {count} times")
        }
        What::FactorDisabled { user, factor, failures } => {
            format!("{user}: {factor} after {failures} failures")
        }
        What::InvitationAccepted { user, kind, source, .. } => format!("{user}: {kind} from {}", source.ip),
        What::FactorAdded { user, kind, label, source, .. }
        | What::FactorRemoved { user, kind, label, source, .. } => {
            format!("{user}: {kind} {:?} from {}", label.as_str(), source.ip)
        }
        What::ApiKeyMade { user, key, label, scope, .. } => {
            let profiles: Vec<_> = scope.profiles.iter().map(ToString::to_string).collect();
            format!("{user}: {key} {:?} for {}", label.as_str(), profiles.join(","))
        }
        What::ApiKeyRevoked { user, key, .. } => format!("{user}: {key}"),
        What::PasswordChanged { user, source, .. } | What::AccountFrozen { user, source } => {
            format!("{user} from {}", source.ip)
        }
        What::RecoveryCodesMade { user, count, source, .. } => format!("{user}: {count} from {}", source.ip),
        What::SealingKeyRotated { keys, by } => format!("{} by {by}", keys.join(" ")),
        What::RequestDenied(denied) => {
            let user = &denied.facts.user;
            format!("{} from {}: {}", user.name, denied.facts.source.ip, denied.reasons.join("; "))
        }
        What::Certificate(intent) => {
            let reason =
                intent.reason.as_ref().map(|reason| format!(" {:?}", reason.as_str())).unwrap_or_default();
            format!(
                "{} {} as {} for {} from {}, {}{reason}",
                intent.facts.user.name,
                intent.profile,
                intent.principals.join(","),
                intent.ttl,
                intent.facts.source.ip,
                intent.key
            )
        }
        What::Revoked(revoked) => {
            let officer = &revoked.facts.user.name;
            format!("{} by {officer}: {:?}", revoked.target, revoked.reason.as_str())
        }
        What::KrlPublished(krl) => {
            format!("{}: {} certificates, {} keys, {}", krl.version, krl.certificates, krl.keys, krl.sha256)
        }
        What::HostRequestDenied(denied) => {
            let (user, ip) = (&denied.facts.user.name, denied.facts.source.ip);
            format!("{user} from {ip}: {}", denied.reasons.join("; "))
        }
        What::HostCertificate(intent) => {
            let (user, ip) = (&intent.facts.user.name, intent.facts.source.ip);
            format!(
                "{} by {user} {} for {} from {ip}, {}",
                intent.names, intent.profile, intent.ttl, intent.key
            )
        }
        What::SigningFailed { index, cause } => format!("entry {index}: {cause}"),
        _ => return decided_by_people(what),
    })
}

/// The same for what people decide.
fn decided_by_people(what: &What) -> Option<String> {
    Some(match what {
        What::SigningKeyAdded(change) | What::SigningKeyRemoved(change) => {
            let SigningKeyChange { user, label, source, .. } = &**change;
            format!("{user}: {:?} from {}", label.as_str(), source.ip)
        }
        What::RequestPending(pending) => {
            let (user, ip, id) = (&pending.facts.user.name, pending.facts.source.ip, pending.pending_id);
            format!("{user} from {ip}: {id} needs {} approvals until {}", pending.needed, pending.expires_at)
        }
        What::VoucherSealed(sealed) => {
            let (user, ip) = (&sealed.approver.user.name, sealed.approver.source.ip);
            format!("{} by {user} from {ip}", sealed.voucher_id)
        }
        What::VoucherWithdrawn(event) => {
            format!("{} by {} from {}", event.voucher_id, event.by, event.source.ip)
        }
        What::BreakGlassUsed(used) => {
            let reason = used.reason.as_ref().map_or("", |reason| reason.as_str());
            format!("{} {} with {}: {} {reason:?}", used.user, used.profile, used.voucher_id, used.pending_id)
        }
        What::RequestApproved(said) | What::RequestDeniedByOfficer(said) | What::BreakGlassReviewed(said) => {
            let (user, ip) = (&said.approver.user.name, said.approver.source.ip);
            let note =
                said.signed.text.lines().find_map(|line| line.strip_prefix("note ")).unwrap_or_default();
            format!("{} by {user} from {ip} {note:?}", said.pending_id)
        }
        What::RequestClosed(closed) => {
            format!("{}: {} by {}", closed.pending_id, closed.outcome.as_str(), closed.by)
        }
        _ => return recovery::text(what),
    })
}

/// Tells what any event says: whom it is about, then its own fields that are short.
fn fields(statement: &Statement, mentions: &Mentions) -> String {
    let own = statement.fields.iter().filter(|(name, _)| !NOT_FOR_PEOPLE.contains(&name.as_str()));
    let mut words = Vec::new();
    if statement.user().is_none() {
        words.extend(mentions.subjects.iter().find(|name| !name.contains('@')).cloned());
    }
    for (name, value) in own {
        match value {
            Value::String(text) if name == "user" => words.insert(0, text.clone()),
            Value::String(text) if text.contains(' ') => words.push(format!("{name} {text:?}")),
            Value::String(text) => words.push(format!("{name} {text}")),
            Value::Number(_) | Value::Bool(_) => words.push(format!("{name} {value}")),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                words.push(format!("{name} {}", items.join(",")));
            }
            _ => {}
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use ca_core::time::UnixMillis;

    use super::*;

    #[test]
    fn an_event_of_a_type_that_nobody_knows_is_told_by_its_fields() {
        let line = r#"{"salt":"AAAA","time":1767324000000,"type":"toaster-armed","user":"ann","by":"officer olga",
                       "serials":[7],"keys":["SHA256:a","SHA256:b"],"reason":"too\u001b[2J cold"}"#;
        let statement = Statement {
            index: 7,
            time: UnixMillis(1_767_324_000_000),
            kind: "toaster-armed".to_owned(),
            line: line.to_owned(),
            fields: serde_json::from_str(line).unwrap(),
        };
        let told = super::line(&statement, &Mentions::of(&statement));
        assert!(told.starts_with("       7  2026-01-02T03:20:00Z  toaster-armed    ann "), "{told}");
        assert!(told.contains("by \"officer olga\"") && told.contains("keys SHA256:a,SHA256:b"), "{told}");
        assert!(!told.contains("AAAA") && !told.contains('\u{1b}'), "{told}");
    }
}

//! An event of the log in one line, and what it is about.

use ca_core::log::event::{Event, What};
use ca_core::log::journal::Entry;

use super::text::plain;

/// What an event is about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Its type, as in the log.
    pub(crate) kind: String,
    /// The names and addresses of whom it is about.
    pub(crate) users: Vec<String>,
    /// The profile.
    pub(crate) profile: Option<String>,
    /// The rest, for people.
    text: String,
}

impl About {
    /// Tells what an event is about.
    pub(crate) fn of(event: &Event) -> Self {
        let mut about = about(&event.what);
        about.kind = kind(event);
        about
    }

    /// Tells whether it is about this user, by name or address.
    pub(crate) fn is_user(&self, user: &str) -> bool {
        self.users.iter().any(|name| name.eq_ignore_ascii_case(user))
    }

    fn new(users: &[&dyn ToString], text: String) -> Self {
        Self { users: users.iter().map(|user| user.to_string()).collect(), text, ..Self::default() }
    }
}

/// Gives the type's name as it is in the log.
fn kind(event: &Event) -> String {
    let value = serde_json::to_value(&event.what).unwrap_or_default();
    value.get("type").and_then(|kind| kind.as_str()).unwrap_or("unknown").to_owned()
}

fn about(what: &What) -> About {
    match what {
        What::LogCreated { origin, ca, host_ca } => {
            About::new(&[], format!("{origin}, CA {}, for hosts {}", ca.join(" "), host_ca.join(" ")))
        }
        What::HostCaAdded { ca, by } => About::new(&[], format!("{ca} by {by}")),
        What::PolicyAdopted { policy, .. } => About::new(&[], policy.to_string()),
        What::UserAdded { user, email, groups, by, .. } => {
            let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
            About::new(&[user, email], format!("{user} <{email}> in {} by {by}", groups.join(",")))
        }
        What::UserEnabled { user, enabled, by } => {
            About::new(&[user], format!("{user} {} by {by}", if *enabled { "on" } else { "off" }))
        }
        What::UserReset { user, by, .. } | What::UserUnlocked { user, by } => {
            About::new(&[user], format!("{user} by {by}"))
        }
        What::LoginSucceeded { user, email, factors, source, .. } => {
            let factors: Vec<_> = factors.iter().map(ToString::to_string).collect();
            About::new(&[user, email], format!("{user} by {} from {}", factors.join("+"), source.ip))
        }
        What::LoginFailed { account, source, reason, count, .. } => {
            About::new(&[account], format!("{account} from {source}: {reason}, {count} times"))
        }
        What::FactorDisabled { user, factor, failures } => {
            About::new(&[user], format!("{user}: {factor} after {failures} failures"))
        }
        What::InvitationAccepted { user, kind, source, .. } => {
            About::new(&[user], format!("{user}: {kind} from {}", source.ip))
        }
        What::FactorAdded { user, kind, label, source, .. }
        | What::FactorRemoved { user, kind, label, source, .. } => {
            About::new(&[user], format!("{user}: {kind} {:?} from {}", label.as_str(), source.ip))
        }
        What::ApiKeyMade { user, key, label, scope, .. } => {
            let profiles: Vec<_> = scope.profiles.iter().map(ToString::to_string).collect();
            About::new(&[user], format!("{user}: {key} {:?} for {}", label.as_str(), profiles.join(",")))
        }
        What::ApiKeyRevoked { user, key, .. } => About::new(&[user], format!("{user}: {key}")),
        What::PasswordChanged { user, source, .. } | What::AccountFrozen { user, source } => {
            About::new(&[user], format!("{user} from {}", source.ip))
        }
        What::RecoveryCodesMade { user, count, source, .. } => {
            About::new(&[user], format!("{user}: {count} from {}", source.ip))
        }
        What::SealingKeyRotated { keys, by } => About::new(&[], format!("{} by {by}", keys.join(" "))),
        What::RequestDenied(denied) => {
            let user = &denied.facts.user;
            let text =
                format!("{} from {}: {}", user.name, denied.facts.source.ip, denied.reasons.join("; "));
            About { profile: profile_of(&denied.request), ..About::new(&[&user.name, &user.email], text) }
        }
        What::Certificate(intent) => {
            let user = &intent.facts.user;
            let reason =
                intent.reason.as_ref().map(|reason| format!(" {:?}", reason.as_str())).unwrap_or_default();
            let text = format!(
                "{} {} as {} for {} from {}, {}{reason}",
                user.name,
                intent.profile,
                intent.principals.join(","),
                intent.ttl,
                intent.facts.source.ip,
                intent.key
            );
            About {
                profile: Some(intent.profile.to_string()),
                ..About::new(&[&user.name, &user.email], text)
            }
        }
        What::HostRequestDenied(denied) => {
            let user = &denied.facts.user;
            let text =
                format!("{} from {}: {}", user.name, denied.facts.source.ip, denied.reasons.join("; "));
            About { profile: profile_of(&denied.request), ..About::new(&[&user.name, &user.email], text) }
        }
        What::HostCertificate(intent) => {
            let user = &intent.facts.user;
            let text = format!(
                "{} by {} {} for {} from {}, {}",
                intent.names, user.name, intent.profile, intent.ttl, intent.facts.source.ip, intent.key
            );
            About {
                profile: Some(intent.profile.to_string()),
                ..About::new(&[&user.name, &user.email], text)
            }
        }
        What::SigningFailed { index, cause } => About::new(&[], format!("entry {index}: {cause}")),
        // An event of a kind that this version does not know is still found by its text.
        _ => About::default(),
    }
}

fn profile_of(request: &str) -> Option<String> {
    request.lines().find_map(|line| line.strip_prefix("profile ")).map(str::to_owned)
}

/// Writes an entry in one line: index, time, type, what it is about.
pub(crate) fn line(entry: &Entry) -> String {
    let about = About::of(&entry.event);
    plain(&format!("{:>8}  {}  {:<15}  {}", entry.index, entry.event.time.seconds(), about.kind, about.text))
        .into_owned()
}

//! What one decision is made of, and what must come of it: worked out without the policy that decides.

use std::collections::BTreeSet;

use ca_core::names::Principals;
use ca_core::policy::{Approver, Factor, FactorKind, Facts, User};
use ca_core::request::CertRequest;
use ca_core::ssh::KeyKind;

use crate::support::now;

/// A profile as it was generated; its accounts are for everybody, or for a group.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of a profile")]
pub(crate) struct Shape {
    pub(crate) accounts: Vec<(Option<&'static str>, &'static str)>,
    pub(crate) ttl: (u64, u64),
    pub(crate) factors: Vec<FactorKind>,
    pub(crate) max_age: u64,
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) source: &'static str,
    pub(crate) force: bool,
    pub(crate) verify: bool,
    pub(crate) kinds: Option<Vec<KeyKind>>,
    pub(crate) reason: bool,
    pub(crate) ticket: bool,
    pub(crate) approvals: Option<(u8, Vec<&'static str>)>,
}

fn quoted<T: ToString>(items: &[T]) -> String {
    items.iter().map(|item| format!("\"{}\"", item.to_string())).collect::<Vec<_>>().join(", ")
}

impl Shape {
    pub(crate) fn to_toml(&self) -> String {
        let account = |(group, account): &(Option<&str>, &str)| match group {
            None => format!("\"{account}\""),
            Some(group) => format!("{{ group = \"{group}\", account = \"{account}\" }}"),
        };
        let accounts: Vec<String> = self.accounts.iter().map(account).collect();
        let mut lines = vec![
            "[profiles.dev]\ndescription = \"any\"".to_owned(),
            format!("principals = [{}]", accounts.join(", ")),
            format!("default_ttl = \"{}s\"\nmax_ttl = \"{}s\"", self.ttl.0, self.ttl.1),
            format!("factors = [{}]", quoted(&self.factors)),
            format!("login_max_age = \"{}s\"", self.max_age),
            format!("extensions = [{}]", quoted(&self.extensions)),
            format!("source_address = {}", self.source),
            format!("verify_required = {}\nrequire_reason = {}", self.verify, self.reason),
        ];
        let kind = |kind: &KeyKind| serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned();
        lines.extend(self.force.then(|| "force_command = \"/bin/date -u\"".to_owned()));
        lines.extend(self.ticket.then(|| "ticket_pattern = \"INC-[0-9]+\"".to_owned()));
        lines.extend(
            self.kinds.as_ref().map(|kinds| {
                format!("key_kinds = [{}]", quoted(&kinds.iter().map(kind).collect::<Vec<_>>()))
            }),
        );
        lines.extend(self.approvals.as_ref().map(|(count, groups)| {
            format!("approvals = {{ count = {count}, groups = [{}], wait = \"2h\" }}", quoted(groups))
        }));
        lines.join("\n")
    }

    /// Gives the accounts that a user has by it.
    pub(crate) fn accounts(&self, user: &User) -> Vec<String> {
        let mine = |group: Option<&str>| group.is_none_or(|group| is_in(user, group));
        let accounts = self.accounts.iter().filter(|(group, _)| mine(*group));
        accounts.map(|(_, account)| account.replace("{user}", user.name.as_str())).collect()
    }
}

fn is_in(user: &User, group: &str) -> bool {
    user.groups.iter().any(|own| own.as_str() == group)
}

/// All that one decision is made of.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) shape: Shape,
    pub(crate) rules: Vec<&'static str>,
    pub(crate) request: CertRequest,
    pub(crate) facts: Facts,
}

impl Case {
    pub(crate) fn ruled(&self, name: &str) -> bool {
        self.rules.contains(&name)
    }

    /// Tells whether somebody has the right to approve, and is none of the requester's own accounts.
    fn counts(&self, approver: &Approver) -> bool {
        let (user, (_, groups)) = (&approver.user, self.shape.approvals.as_ref().unwrap());
        let permitted =
            ["leads", "officers"].into_iter().any(|group| self.ruled(group) && is_in(user, group));
        let forbidden = (self.ruled("banned") && is_in(user, "banned"))
            || (self.ruled("no-sms") && approver.session.factors[0].kind == FactorKind::Sms);
        permitted
            && !forbidden
            && user.enabled
            && approver.session.key.is_none()
            && groups.iter().any(|group| is_in(user, group))
            && person(user) != person(&self.facts.user)
    }

    /// Counts the people whose approvals count.
    pub(crate) fn people(&self) -> usize {
        let given = self.facts.waited.iter().flat_map(|waited| &waited.approvals);
        given
            .filter(|approver| self.counts(approver))
            .map(|one| person(&one.user))
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Tells whether everything holds that is asked for, approvals included.
    pub(crate) fn is_to_be_granted(&self) -> bool {
        let Self { shape, request, facts, .. } = self;
        let (user, kind) = (&facts.user, request.key.key().kind());
        let asked = facts.waited.as_ref().map_or(now(), |waited| waited.since);
        let shown = |f: &Factor| shape.factors.contains(&f.kind) && f.at.0 + shape.max_age >= asked.0;
        let oldest = facts.session.factors.iter().map(|factor| factor.at.0).min().unwrap();
        let reason = request.reason.as_ref().map(ToString::to_string);
        let mine = shape.accounts(user);
        user.enabled
            && request.user == user.name
            && !facts.key_revoked
            && self.ruled("engineers")
            && is_in(user, "engineers")
            && !(self.ruled("banned") && is_in(user, "banned"))
            && !(self.ruled("fresh") && now().0 - oldest > 2000)
            && facts.session.key.as_ref().is_none_or(|key| key.expires_at > now())
            && facts.session.factors.iter().any(shown)
            && request.ttl.is_none_or(|ttl| ttl.secs() <= shape.ttl.1)
            && shape.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && (kind.is_security_key() || !shape.verify)
            && (reason.is_some() || !(shape.reason || shape.ticket))
            && (!shape.ticket || reason.is_some_and(|reason| reason.contains("INC-")))
            && !mine.is_empty()
            && request
                .principals
                .iter()
                .flat_map(Principals::iter)
                .all(|p| mine.iter().any(|m| m == p.as_str()))
            && shape.approvals.as_ref().is_none_or(|(count, _)| self.people() >= usize::from(*count))
    }
}

/// Gives who stands behind an account; the generated ones of one person have one name in common.
fn person(user: &User) -> &'static str {
    match user.name.as_str() {
        "ann" | "ann2" | "ann3" => "ann",
        "bo" | "bo2" => "bo",
        "chen" => "chen",
        other => panic!("{other}"),
    }
}

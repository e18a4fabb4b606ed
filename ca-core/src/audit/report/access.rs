//! Certificates and denials, by person and profile.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::audit::statement::CERTIFICATE;
use crate::audit::{Mentions, Statement};
use crate::time::{Ttl, UnixSeconds};

/// The most reasons that are kept of one person and profile.
const MAX_REASONS: usize = 50;

/// All certificates of one person under one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Who.
    pub user: String,
    /// What.
    pub profile: String,
    /// How many.
    pub certificates: u64,
    /// Their lifetimes together, in seconds.
    pub total_secs: u64,
    /// The longest lifetime, in seconds.
    pub longest_secs: u64,
    /// The accounts they were for.
    pub principals: BTreeSet<String>,
    /// The reasons given, each once and at most 50.
    pub reasons: BTreeSet<String>,
    /// Who approved, and how many.
    pub approved_by: BTreeMap<String, u64>,
    /// When the last one was issued.
    pub last: UnixSeconds,
}

/// The denied requests of one person for one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// Who.
    pub user: String,
    /// What; the type of the event when it names no profile.
    pub profile: String,
    /// How many.
    pub count: u64,
    /// Why, each reason once and at most 50.
    pub reasons: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    access: BTreeMap<(String, String), Access>,
    denied: BTreeMap<(String, String), Denied>,
    signing_failed: u64,
}

impl Tally {
    pub(super) fn take(&mut self, statement: &Statement, mentions: &Mentions) {
        match statement.kind.as_str() {
            CERTIFICATE => self.certificate(statement, mentions),
            "signing-failed" => self.signing_failed += 1,
            kind if kind.ends_with("-denied") => self.denial(statement, mentions),
            _ => {}
        }
    }

    pub(super) fn finish(self) -> (Vec<Access>, Vec<Denied>, u64) {
        (self.access.into_values().collect(), self.denied.into_values().collect(), self.signing_failed)
    }

    fn certificate(&mut self, statement: &Statement, mentions: &Mentions) {
        let (user, profile) = (person(statement, mentions), statement.text("profile").unwrap_or_default());
        let key = (user.clone(), profile.to_owned());
        let row = self.access.entry(key).or_insert_with(|| Access {
            user,
            profile: profile.to_owned(),
            certificates: 0,
            total_secs: 0,
            longest_secs: 0,
            principals: BTreeSet::new(),
            reasons: BTreeSet::new(),
            approved_by: BTreeMap::new(),
            last: UnixSeconds(0),
        });
        let secs = lifetime(statement);
        row.certificates += 1;
        row.total_secs = row.total_secs.saturating_add(secs);
        row.longest_secs = row.longest_secs.max(secs);
        row.last = row.last.max(statement.time.seconds());
        row.principals.extend(statement.texts("principals").map(str::to_owned));
        keep(&mut row.reasons, statement.text("reason"));
        for approver in mentions.actors.iter().filter(|name| is_short(name)) {
            *row.approved_by.entry(approver.clone()).or_default() += 1;
        }
    }

    fn denial(&mut self, statement: &Statement, mentions: &Mentions) {
        let user = person(statement, mentions);
        let profile = mentions.profiles.first().unwrap_or(&statement.kind).clone();
        let row = self.denied.entry((user.clone(), profile.clone())).or_insert_with(|| Denied {
            user,
            profile,
            count: 0,
            reasons: BTreeSet::new(),
        });
        row.count += 1;
        let why = statement.texts("reasons").chain(statement.text("reason"));
        why.for_each(|reason| keep(&mut row.reasons, Some(reason)));
    }
}

/// Gives the short name of the person an event is about: the account's own, or else the first that is named.
fn person(statement: &Statement, mentions: &Mentions) -> String {
    let named = statement.user();
    named.or(mentions.subjects.first().map(String::as_str)).unwrap_or("(nobody)").to_owned()
}

/// Tells whether a name is an account's short one, and no address and no "officer olga".
pub(super) fn is_short(name: &str) -> bool {
    !name.contains(['@', ' '])
}

/// Gives for how long a certificate was granted, in seconds.
fn lifetime(statement: &Statement) -> u64 {
    let granted = statement.text("ttl").and_then(|ttl| ttl.parse::<Ttl>().ok()).map(Ttl::secs);
    let valid = || {
        let ends = statement.number("valid_before")?;
        Some(ends.saturating_sub(statement.number("valid_after")?))
    };
    granted.or_else(valid).unwrap_or(0)
}

fn keep(reasons: &mut BTreeSet<String>, reason: Option<&str>) {
    if reasons.len() < MAX_REASONS {
        reasons.extend(reason.map(str::to_owned));
    }
}

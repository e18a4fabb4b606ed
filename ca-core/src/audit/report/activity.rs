//! What officers did, what was used in emergencies, and whose logins failed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::access::is_short;
use crate::audit::statement::CERTIFICATE;
use crate::audit::{Mentions, Statement};
use crate::time::UnixSeconds;

/// How the types of events about emergencies begin.
const BREAK_GLASS: &str = "break-glass-";

/// The most emergencies that are listed one by one.
const MAX_USES: usize = 1000;

/// The most accounts whose failures are told apart; whoever guesses names must not fill the memory.
const MAX_ACCOUNTS: usize = 10_000;

/// Stands for all accounts beyond these.
const OTHERS: &str = "(others)";

/// What one person did to others, by the type of event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Who, as the events name them.
    pub by: String,
    /// The type of event.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Whom it was about, each once and at most 50.
    pub about: BTreeSet<String>,
}

/// What was used in emergencies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BreakGlass {
    /// Events by their type.
    pub counts: BTreeMap<String, u64>,
    /// Each use, up to 1,000.
    pub uses: Vec<BreakGlassUse>,
}

/// One use in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakGlassUse {
    /// The entry.
    pub index: u64,
    /// When.
    pub time: UnixSeconds,
    /// Who.
    pub user: String,
    /// Why, as far as it was said.
    pub reason: String,
}

/// The failed logins of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedLogins {
    /// The account, or what stands for an unknown one.
    pub account: String,
    /// How many.
    pub count: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    actions: BTreeMap<(String, String), Action>,
    break_glass: BreakGlass,
    failed: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn take(&mut self, statement: &Statement, mentions: &Mentions) {
        if statement.kind.starts_with(BREAK_GLASS) {
            self.emergency(statement, mentions);
        }
        if statement.kind == "login-failed" {
            self.failure(statement);
        }
        for by in actors(statement, mentions) {
            let kind = statement.kind.clone();
            let action = self.actions.entry((by.clone(), kind.clone())).or_insert_with(|| Action {
                by,
                kind,
                count: 0,
                about: BTreeSet::new(),
            });
            action.count += 1;
            if action.about.len() < 50 {
                action.about.extend(mentions.subjects.iter().find(|name| !name.contains('@')).cloned());
            }
        }
    }

    pub(super) fn finish(self) -> (BreakGlass, Vec<Action>, Vec<FailedLogins>) {
        let mut failed: Vec<_> =
            self.failed.into_iter().map(|(account, count)| FailedLogins { account, count }).collect();
        failed.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.account.cmp(&b.account)));
        (self.break_glass, self.actions.into_values().collect(), failed)
    }

    fn emergency(&mut self, statement: &Statement, mentions: &Mentions) {
        *self.break_glass.counts.entry(statement.kind.clone()).or_default() += 1;
        if statement.kind.ends_with("-used") && self.break_glass.uses.len() < MAX_USES {
            let first = |set: &BTreeSet<String>| set.first().cloned().unwrap_or_default();
            self.break_glass.uses.push(BreakGlassUse {
                index: statement.index,
                time: statement.time.seconds(),
                user: first(&mentions.subjects),
                reason: first(&mentions.reasons),
            });
        }
    }

    fn failure(&mut self, statement: &Statement) {
        let account = statement.text("account").unwrap_or(OTHERS);
        let full = self.failed.len() >= MAX_ACCOUNTS && !self.failed.contains_key(account);
        let account = if full { OTHERS } else { account };
        let count = self.failed.entry(account.to_owned()).or_default();
        *count = count.saturating_add(statement.number("count").unwrap_or(1));
    }
}

/// Gives who did something to somebody: as `by` says, such as "officer olga", or else all who are named for it. Approvals
/// in a certificate count with the certificate.
fn actors(statement: &Statement, mentions: &Mentions) -> BTreeSet<String> {
    match statement.text("by") {
        _ if statement.kind == CERTIFICATE => BTreeSet::new(),
        Some(by) => [by.to_owned()].into(),
        None => mentions.actors.iter().filter(|name| is_short(name)).cloned().collect(),
    }
}

//! The report as CSV (RFC 4180), all parts in one table: the first column says which part a row is of.

use std::borrow::Cow;

use ca_core::audit::report::{AccountLine, Report};
use ca_core::time::UnixSeconds;
use csv::{Terminator, WriterBuilder};
use serde::Serialize;

use super::Header;
use crate::failure::{Failure, Result};

/// What cells must not begin with, as spreadsheets take the rest for a formula (OWASP, CSV Injection).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A row; what does not apply is empty.
#[derive(Default, Serialize)]
struct Row<'a> {
    part: &'static str,
    who: Cow<'a, str>,
    what: Cow<'a, str>,
    count: Option<u64>,
    total_seconds: Option<u64>,
    longest_seconds: Option<u64>,
    when: String,
    principals: String,
    approved_by: String,
    why: String,
    factors: String,
    dormant: String,
    state: String,
}

pub(super) fn write(header: &Header<'_>, report: &Report) -> Result<String> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let failed = |error: &dyn std::fmt::Display| Failure::new("internal", format!("the CSV: {error}"));
    for row in about(header).chain(happened(report)).chain(report.accounts.iter().map(account)) {
        writer.serialize(row.guarded()).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn about<'a>(header: &'a Header<'a>) -> impl Iterator<Item = Row<'a>> {
    let of = |what: &'static str, state: String| Row {
        part: "report",
        what: what.into(),
        state,
        ..Row::default()
    };
    [
        of("log", header.origin.to_owned()),
        Row {
            count: Some(header.checkpoint),
            when: header.as_of.to_string(),
            ..of("checkpoint", header.root.clone())
        },
        of("tree verified", header.tree_verified.to_string()),
        of("decisions verified", header.decisions_verified.to_string()),
        Row { when: header.since.to_string(), ..of("since", String::new()) },
        Row { when: header.until.to_string(), ..of("until", String::new()) },
    ]
    .into_iter()
}

fn happened(report: &Report) -> impl Iterator<Item = Row<'_>> {
    let access = report.access.iter().map(|access| Row {
        part: "access",
        who: (&access.user).into(),
        what: (&access.profile).into(),
        count: Some(access.certificates),
        total_seconds: Some(access.total_secs),
        longest_seconds: Some(access.longest_secs),
        when: access.last.to_string(),
        principals: list(&access.principals),
        approved_by: list(access.approved_by.keys()),
        why: list(&access.reasons),
        ..Row::default()
    });
    let denied = report.denied.iter().map(|denied| Row {
        why: list(&denied.reasons),
        ..Row::counted("denied", &denied.user, &denied.profile, denied.count)
    });
    let emergencies =
        report.break_glass.counts.iter().map(|(kind, count)| Row::counted("break-glass", "", kind, *count));
    let uses = report.break_glass.uses.iter().map(|used| Row {
        part: "break-glass",
        who: (&used.user).into(),
        what: format!("entry {}", used.index).into(),
        when: used.time.to_string(),
        why: used.reason.clone(),
        ..Row::default()
    });
    let actions = report.actions.iter().map(|action| Row {
        state: list(&action.about),
        ..Row::counted("action", &action.by, &action.kind, action.count)
    });
    let failed = report.failed_logins.iter();
    let failed = failed.map(|failed| Row::counted("failed-logins", &failed.account, "", failed.count));
    access.chain(denied).chain(emergencies).chain(uses).chain(actions).chain(failed)
}

fn account(account: &AccountLine) -> Row<'_> {
    let factors = account.factors.iter().map(|(kind, count)| format!("{kind} {count}"));
    Row {
        part: "account",
        who: (&account.user).into(),
        what: word(&account.protection).into(),
        when: account.last_used.as_ref().map(UnixSeconds::to_string).unwrap_or_default(),
        dormant: word(&account.dormant),
        factors: factors.collect::<Vec<_>>().join("; "),
        state: if account.enabled { "on" } else { "off" }.to_owned(),
        ..Row::default()
    }
}

impl<'a> Row<'a> {
    fn counted(part: &'static str, who: &'a str, what: &'a str, count: u64) -> Self {
        Self { part, who: who.into(), what: what.into(), count: Some(count), ..Self::default() }
    }

    /// Puts an apostrophe before every text that a spreadsheet would run.
    fn guarded(mut self) -> Self {
        for text in [&mut self.who, &mut self.what] {
            if text.starts_with(FORMULA) {
                text.to_mut().insert(0, '\'');
            }
        }
        let Self { when, principals, approved_by, why, factors, dormant, state, .. } = &mut self;
        for text in [when, principals, approved_by, why, factors, dormant, state] {
            if text.starts_with(FORMULA) {
                text.insert(0, '\'');
            }
        }
        self
    }
}

/// Gives the word that stands for a value in JSON.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    items.into_iter().map(String::as_str).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let row = Row { part: "access", who: "=1+1".into(), why: "@SUM(A1)".to_owned(), ..Row::default() };
        let Row { who, why, what, .. } = row.guarded();
        assert_eq!((who.as_ref(), why.as_str(), what.as_ref()), ("'=1+1", "'@SUM(A1)", ""));
    }
}

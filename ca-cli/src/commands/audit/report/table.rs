//! The report as tables for people, one for each question.

use std::fmt::Write as _;

use ca_core::audit::report::{AccountLine, Dormancy, Protection, Report};
use owo_colors::OwoColorize as _;

use super::Header;
use crate::render::text::{counted, grouped, plain};
use crate::render::time::length;

/// A table with its heading; nothing is printed of one without rows but that there is nothing.
struct Table {
    heading: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

pub(super) fn write(header: &Header<'_>, report: &Report) -> String {
    let mut text = top(header, report);
    for table in [
        access(report),
        denied(report),
        break_glass(report),
        actions(report),
        dormant(report),
        factors(report),
        failed_logins(report),
    ] {
        table.write(&mut text);
    }
    text
}

fn top(header: &Header<'_>, report: &Report) -> String {
    let mut text = String::new();
    let title = format!("{} from {} to {}", header.origin, header.since, header.until);
    let _ = writeln!(text, "{}", plain(&title).bold());
    let (size, root) = (grouped(header.checkpoint), &header.root);
    let _ = writeln!(text, "  checkpoint  {size} of {}, root {root}", header.as_of);
    let _ = writeln!(
        text,
        "  verified    {} all entries up to there make that root; decisions were not made again (ca audit verify)",
        "✓".green()
    );
    let _ = writeln!(text, "  entries     {} of the time", grouped(report.entries));
    if report.signing_failed > 0 {
        let failed = counted(report.signing_failed, "certificate was", "certificates were");
        let _ = writeln!(text, "  ! {failed} never handed out, as the signer failed");
    }
    text
}

fn access(report: &Report) -> Table {
    let row = |access: &ca_core::audit::report::Access| {
        let approved = access.approved_by.iter().map(|(who, count)| format!("{who} {count}"));
        vec![
            access.user.clone(),
            access.profile.clone(),
            grouped(access.certificates),
            length(access.total_secs),
            length(access.longest_secs),
            list(&access.principals),
            list(approved.collect::<Vec<_>>().iter()),
            quoted(&access.reasons),
        ]
    };
    Table {
        heading: "Who had what",
        columns: vec!["who", "profile", "how often", "in all", "longest", "as", "approved by", "why"],
        rows: report.access.iter().map(row).collect(),
    }
}

fn denied(report: &Report) -> Table {
    let row = |denied: &ca_core::audit::report::Denied| {
        vec![denied.user.clone(), denied.profile.clone(), grouped(denied.count), quoted(&denied.reasons)]
    };
    let rows = report.denied.iter().map(row).collect();
    Table { heading: "Denied", columns: vec!["who", "profile", "how often", "why"], rows }
}

fn break_glass(report: &Report) -> Table {
    let counts = report.break_glass.counts.iter();
    let mut rows: Vec<_> = counts
        .map(|(kind, count)| vec![kind.clone(), grouped(*count), String::new(), String::new()])
        .collect();
    rows.extend(report.break_glass.uses.iter().map(|used| {
        vec![format!("entry {}", used.index), used.time.to_string(), used.user.clone(), used.reason.clone()]
    }));
    Table {
        heading: "Emergencies (break-glass)",
        columns: vec!["what", "how often, when", "who", "why"],
        rows,
    }
}

fn actions(report: &Report) -> Table {
    let row = |action: &ca_core::audit::report::Action| {
        vec![action.by.clone(), action.kind.clone(), grouped(action.count), list(&action.about)]
    };
    let rows = report.actions.iter().map(row).collect();
    Table {
        heading: "What officers and the operator did",
        columns: vec!["who", "what", "how often", "to"],
        rows,
    }
}

fn dormant(report: &Report) -> Table {
    let row = |account: &AccountLine| {
        let since = account.last_used.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let days = if account.dormant == Dormancy::Days90 { "90 days" } else { "30 days" };
        vec![account.user.clone(), days.to_owned(), since]
    };
    let dormant = report.accounts.iter().filter(|account| account.dormant != Dormancy::None);
    let rows = dormant.map(row).collect();
    Table { heading: "Dormant", columns: vec!["who", "not for", "last used"], rows }
}

fn factors(report: &Report) -> Table {
    let row = |account: &AccountLine| {
        let factors = account.factors.iter().map(|(kind, count)| match count {
            1 => kind.clone(),
            count => format!("{kind} {count}"),
        });
        let protection = match account.protection {
            Protection::PhishingResistant => "phishing-resistant",
            Protection::Codes => "codes, which can be phished",
            Protection::SmsOnly => "SMS only",
            Protection::None => "no factor",
        };
        let state = if account.enabled { "on" } else { "off" };
        let factors = list(factors.collect::<Vec<_>>().iter());
        vec![account.user.clone(), state.to_owned(), protection.to_owned(), factors]
    };
    Table {
        heading: "Factors",
        columns: vec!["who", "account", "protected by", "factors"],
        rows: report.accounts.iter().map(row).collect(),
    }
}

fn failed_logins(report: &Report) -> Table {
    let rows = report.failed_logins.iter().take(20);
    let rows = rows.map(|failed| vec![failed.account.clone(), grouped(failed.count)]).collect();
    Table { heading: "Failed logins (the 20 with most)", columns: vec!["account", "how many"], rows }
}

fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    items.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn quoted<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    items.into_iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ")
}

impl Table {
    fn write(self, text: &mut String) {
        let _ = writeln!(text, "\n{}", self.heading.bold());
        if self.rows.is_empty() {
            let _ = writeln!(text, "  {}", "nothing".dimmed());
            return;
        }
        let head = self.columns.iter().map(|name| (*name).to_owned()).collect();
        let rows: Vec<Vec<String>> = std::iter::once(head)
            .chain(self.rows.iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect()))
            .collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        for (number, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let line = line.trim_end();
            let _ =
                if number == 0 { writeln!(text, "  {}", line.dimmed()) } else { writeln!(text, "  {line}") };
        }
    }
}

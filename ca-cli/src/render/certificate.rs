//! A certificate for people: what is wrong with it first, then all it says.

use std::fmt::Write as _;

use ca_core::cert::{CertKind, Content, LogStanding, Options, Report, Validity, value_text};
use ca_core::names::RequestId;
use ca_core::time::UnixSeconds;
use owo_colors::OwoColorize as _;

use super::text::{grouped, plain};
use super::time::{length, span};

/// The critical options that sshd knows (OpenSSH PROTOCOL.certkeys); a certificate with any other is refused.
const KNOWN_CRITICAL: [&str; 3] = ["force-command", "source-address", "verify-required"];

/// What speaks against a certificate, one short sentence each; nothing when it is good.
///
/// A certificate by a pinned CA must be in the pinned log: that it is not would mean that the CA's key was used behind
/// the log's back.
pub(crate) fn flaws(report: &Report, log_pinned: bool) -> Vec<String> {
    let mut flaws = Vec::new();
    if let Err(error) = &report.signature {
        flaws.push(format!("its signature does not hold ({error})"));
    }
    if report.ca_pinned == Some(false) {
        flaws.push("it is signed by a CA that is not pinned".to_owned());
    }
    match &report.log {
        LogStanding::Refuted(error) => flaws.push(format!("its place in the log is not proven: {error}")),
        LogStanding::NoProof if log_pinned && report.ca_pinned == Some(true) => {
            flaws.push("it is by the pinned CA and carries no proof of logging".to_owned());
        }
        _ => {}
    }
    match report.validity {
        Validity::Valid { .. } => {}
        Validity::Expired { secs_ago } => flaws.push(format!("it expired {} ago", length(secs_ago))),
        Validity::NotYet { secs } => flaws.push(format!("it is not valid yet, but in {}", length(secs))),
    }
    flaws
}

/// Writes everything, several lines.
pub(crate) fn describe(report: &Report, flaws: &[String], now: UnixSeconds) -> String {
    let mut text = String::new();
    let content = &report.content;
    if !flaws.is_empty() {
        let _ = writeln!(text, "{} {}", cross(), plain(&flaws.join("; ")).red());
    }
    let kind = match content.kind {
        CertKind::User => "user certificate",
        CertKind::Host => "host certificate",
    };
    let _ = writeln!(text, "{} · {kind} · {}", plain(holder(content)).bold(), standing(report, flaws));
    for (label, value) in rows(report, now) {
        let _ = writeln!(text, "  {:<10}  {value}", label.dimmed());
    }
    text
}

fn standing(report: &Report, flaws: &[String]) -> String {
    match report.validity {
        Validity::Valid { secs_left } if flaws.is_empty() => {
            let forever = report.content.valid_before.0 == u64::MAX;
            let time = if forever { "forever".to_owned() } else { format!("for {}", length(secs_left)) };
            match report.ca_pinned {
                Some(_) => format!("VALID {time}").green().to_string(),
                None => format!("VALID {time} if you trust its CA").yellow().to_string(),
            }
        }
        Validity::Valid { .. } => "NOT GOOD".red().to_string(),
        Validity::Expired { .. } => "EXPIRED".red().to_string(),
        Validity::NotYet { .. } => "NOT YET VALID".red().to_string(),
    }
}

/// Gives whom a certificate is for: the e-mail address of ours, the whole key id of others.
fn holder(content: &Content) -> &str {
    match content.key_id.rsplit_once('/') {
        Some((holder, id)) if id.parse::<RequestId>().is_ok() => match content.kind {
            CertKind::User => holder,
            CertKind::Host => holder.strip_prefix("host/").unwrap_or(holder),
        },
        _ if content.key_id.is_empty() => "(no key id)",
        _ => &content.key_id,
    }
}

fn rows(report: &Report, now: UnixSeconds) -> Vec<(&'static str, String)> {
    let content = &report.content;
    let mut rows = vec![
        ("key", key(content)),
        (if content.kind == CertKind::User { "logs in as" } else { "names" }, principals(content)),
        ("valid", span(content.valid_after, content.valid_before, now)),
        ("signed by", signed_by(report)),
        ("in the log", in_the_log(report)),
        ("serial", content.serial.to_string()),
        ("key id", plain(&content.key_id).into_owned()),
        ("type", content.key.kind().certificate_algorithm().to_owned()),
    ];
    rows.extend(options("critical", &content.critical_options, |name| {
        if KNOWN_CRITICAL.contains(&name) { "" } else { "  (OpenSSH refuses what it does not know)" }
    }));
    rows.extend(options("permits", &content.extensions, |_| ""));
    rows
}

fn key(content: &Content) -> String {
    let mut text = format!("{} {} {}", content.key.kind(), content.key.bits(), content.key.fingerprint());
    if content.key.kind().is_security_key() {
        let touch = !content.extensions.contains_key("no-touch-required");
        let pin = content.critical_options.contains_key("verify-required");
        text.push_str(if touch { "  touch required" } else { "  no touch required" });
        text.push_str(if pin { ", PIN required" } else { "" });
    }
    text
}

fn principals(content: &Content) -> String {
    if content.principals.is_empty() {
        return "(no principals: older sshd take it for every name)".to_owned();
    }
    content.principals.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ")
}

fn signed_by(report: &Report) -> String {
    let ca = &report.content.ca;
    let algorithm = plain(&report.signature_algorithm);
    let signature = match &report.signature {
        Ok(()) => format!("{} signature ({algorithm})", tick()),
        Err(_) => format!("{} signature ({algorithm})", cross()),
    };
    let pinned = match report.ca_pinned {
        Some(true) => format!("{} pinned CA", tick()),
        Some(false) => format!("{} not a pinned CA", cross()),
        None => "· no CA is pinned to compare".to_owned(),
    };
    format!("{} {} {}  {signature}  {pinned}", ca.kind(), ca.bits(), ca.fingerprint())
}

fn in_the_log(report: &Report) -> String {
    match &report.log {
        LogStanding::NoProof => "no proof of logging inside".to_owned(),
        LogStanding::Unchecked { index } => {
            format!("says entry {}; no log key is pinned to check it with", grouped(*index))
        }
        LogStanding::Proven(proven) => format!(
            "{} entry {}, checkpoint {} of {}",
            tick(),
            grouped(proven.index),
            grouped(proven.tree_size),
            plain(proven.origin.as_str()),
        ),
        LogStanding::Refuted(error) => format!("{} {}", cross(), plain(&error.to_string())),
    }
}

fn options<'a>(
    label: &'static str,
    options: &'a Options,
    remark: impl Fn(&str) -> &'static str + 'a,
) -> impl Iterator<Item = (&'static str, String)> + 'a {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels.zip(options).map(move |(label, (name, data))| (label, option(name, data) + remark(name)))
}

/// Writes an option and its value: a text as it is, anything else by its bytes.
fn option(name: &str, data: &[u8]) -> String {
    let name = plain(name);
    match value_text(data) {
        _ if data.is_empty() => name.into_owned(),
        Some(text) => format!("{name} {}", plain(text)),
        None if data.len() <= 32 => format!("{name} {}", hex::encode(data)),
        None => format!("{name} ({} bytes)", data.len()),
    }
}

fn tick() -> String {
    "✓".green().to_string()
}

fn cross() -> String {
    "✗".red().to_string()
}

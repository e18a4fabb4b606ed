//! What sshd would make of a certificate, for people and for programs: the deciding check first, then all of them.

use std::fmt::Write as _;

use ca_core::cert::acceptance::{Check, Refusal, Revoked, Standing, Subject, Verdict};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::text::plain;
use super::time::length;

/// What the verdict is not about.
const NOT_LOOKED_AT: &str = "Not looked at: whether the account exists, and what else sshd_config says (AllowUsers, PermitRootLogin, Match).";

/// Writes everything, several lines.
pub(crate) fn describe(verdict: &Verdict, host: &str, account: &str) -> String {
    let (host, account) = (plain(host), plain(account));
    let mut text = String::new();
    let _ = match (verdict.refusal(), verdict.is_taken()) {
        (Some(refusal), _) => {
            let why = format!("sshd on {host} would refuse it: {}.", plain(&sentence(refusal)));
            let _ = writeln!(text, "{} {}", "✗".red(), why.red());
            writeln!(text, "  {}", advice(verdict, refusal))
        }
        (None, Some(_)) => {
            writeln!(
                text,
                "{} {}",
                "✓".green(),
                format!("sshd on {host} would take it for {account}.").green()
            )
        }
        (None, None) => {
            let _ = writeln!(text, "? It depends on where you come from, which is not known here.");
            writeln!(text, "  Say so with --from ADDRESS.")
        }
    };
    for check in &verdict.checks {
        let (mark, seen) = (mark(&check.standing), plain(&check.seen));
        let _ = writeln!(text, "  {mark} {:<12}  {}", name(check.subject).dimmed(), shown(&seen));
    }
    let _ = writeln!(text, "  {}", NOT_LOOKED_AT.dimmed());
    text
}

/// Says why, with the lengths of time.
fn sentence(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Expired { secs_ago } => format!("it expired {} ago", length(*secs_ago)),
        Refusal::NotYet { secs } => format!("it is not valid yet, but in {}", length(*secs)),
        other => other.to_string(),
    }
}

/// Says what else fails or that nothing does, and what to do.
fn advice(verdict: &Verdict, refusal: &Refusal) -> String {
    let failing: Vec<_> = verdict.checks.iter().filter(|check| is_failing(check)).collect();
    let rest = match failing.get(1..) {
        Some([]) | None if verdict.checks.iter().any(is_unknown_krl) => {
            "Everything else that was looked at holds.".to_owned()
        }
        Some([]) | None => "Everything else holds.".to_owned(),
        Some(more) => {
            let names: Vec<_> = more.iter().map(|check| name(check.subject)).collect();
            format!("It would fail for this too: {}.", names.join(", "))
        }
    };
    format!("{rest} {}", hint(refusal))
}

fn is_failing(check: &Check) -> bool {
    matches!(check.standing, Standing::Fails(_))
}

fn is_unknown_krl(check: &Check) -> bool {
    check.subject == Subject::Revocation && check.standing == Standing::Told
}

fn hint(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Signature(_) => "The file is damaged or forged: ask for a new certificate.",
        Refusal::SignatureAlgorithm { .. } => "Its CA must sign with rsa-sha2-512, or have another key.",
        Refusal::RsaBits { .. } => "Ask again with a key of 3072 bits or more, or an ed25519 one.",
        Refusal::Revoked(Revoked::Everybody) => {
            "Nobody gets in there: put a good KRL in its place (ca krl fetch)."
        }
        Refusal::Revoked(_) => {
            "Ask your officers why; a new certificate needs a new key if the key is revoked."
        }
        Refusal::Authority { .. } => "The host must list that CA in its TrustedUserCAKeys: ca trust",
        Refusal::Kind => "Ask for a user certificate: ca request PROFILE",
        Refusal::Expired { .. } => "Ask for a new one: ca request PROFILE",
        Refusal::NotYet { .. } => "Wait, or set the clock: this machine's or the host's is wrong.",
        Refusal::NoPrincipals | Refusal::TooManyPrincipals { .. } => {
            "Its CA made it wrongly: ask for a new one."
        }
        Refusal::Principal { .. } => {
            "Log in as one of those it is for, or ask for a profile with that account."
        }
        Refusal::UnknownOption { .. } => "It was made for another sshd, or a newer one.",
        Refusal::Source { .. } => "Ask again from there, or for a profile that is good from here.",
        _ => "Ask for a new certificate.",
    }
}

fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Signature => "signature",
        Subject::SignatureAlgorithm => "algorithm",
        Subject::Key => "key",
        Subject::Revocation => "KRL",
        Subject::Authority => "CA key",
        Subject::Kind => "type",
        Subject::Validity => "time",
        Subject::Principals => "principal",
        Subject::Options => "options",
        Subject::Source => "source",
        Subject::Command => "command",
        Subject::SecurityKey => "security key",
    }
}

fn mark(standing: &Standing) -> String {
    match standing {
        Standing::Holds => "✓".green().to_string(),
        Standing::Fails(_) => "✗".red().to_string(),
        Standing::Open => "?".yellow().to_string(),
        Standing::Told => "·".to_owned(),
    }
}

fn shown(seen: &str) -> &str {
    if seen.is_empty() { "(none)" } else { seen }
}

/// What `--json` prints. Fields are added, never renamed or removed.
#[derive(Serialize)]
pub(crate) struct Json<'a> {
    host: &'a str,
    login: &'a str,
    /// Whether sshd would take it; `null` when something that decides is not known.
    taken: Option<bool>,
    /// Why not: the first check that fails.
    refused: Option<String>,
    hint: Option<&'static str>,
    /// In sshd's order.
    checks: Vec<JsonCheck<'a>>,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    check: &'static str,
    /// `holds`, `fails`, `open` (not known here) or `told` (refuses nothing).
    standing: &'static str,
    seen: &'a str,
    why: Option<String>,
}

impl<'a> Json<'a> {
    /// Lays out a verdict.
    pub(crate) fn new(verdict: &'a Verdict, host: &'a str, login: &'a str) -> Self {
        let refusal = verdict.refusal();
        Self {
            host,
            login,
            taken: verdict.is_taken(),
            refused: refusal.map(sentence),
            hint: refusal.map(hint),
            checks: verdict.checks.iter().map(JsonCheck::new).collect(),
        }
    }
}

impl<'a> JsonCheck<'a> {
    fn new(check: &'a Check) -> Self {
        let (standing, why) = match &check.standing {
            Standing::Holds => ("holds", None),
            Standing::Fails(refusal) => ("fails", Some(sentence(refusal))),
            Standing::Open => ("open", None),
            Standing::Told => ("told", None),
        };
        Self { check: name(check.subject), standing, seen: &check.seen, why }
    }
}

//! What the policy says to a request, for people: the verdict first, then what says no and what would change that.

use std::fmt::Write as _;

use ca_api::{ExplainedApprovals, ExplainedDenial, ExplainedRemedy, Explanation};
use owo_colors::OwoColorize as _;

use super::text::plain;

/// Writes everything, several lines.
pub(crate) fn describe(answer: &Explanation, profile: &str) -> String {
    let mut text = String::new();
    let profile = plain(profile);
    let what = format!(
        "{profile} for {}, as {}",
        plain(answer.ttl.as_deref().unwrap_or_default()),
        plain(&answer.accounts.join(", ")),
    );
    let _ = match (answer.verdict.as_str(), &answer.approvals) {
        ("granted", _) => {
            writeln!(text, "{} {}", "✓".green(), format!("You would get {what}.").green())
        }
        ("needs-approval", Some(approvals)) => {
            let _ = writeln!(text, "… You would get {what}, once it is approved.");
            writeln!(text, "  {}", people(approvals))
        }
        _ => writeln!(text, "{} {}", "✗".red(), format!("You would not get {profile} now.").red()),
    };
    for denial in &answer.denials {
        describe_denial(&mut text, denial);
    }
    describe_together(&mut text, answer);
    text
}

fn describe_denial(text: &mut String, denial: &ExplainedDenial) {
    let _ = writeln!(text, "  {} {}", "✗".red(), plain(&denial.detail));
    for rule in &denial.rules {
        for line in rule.text.lines() {
            let _ = writeln!(text, "      {}", plain(line).dimmed());
        }
    }
    if denial.remedies.is_empty() {
        let _ = writeln!(text, "      Nothing that could be tried here changes that.");
    }
    for (at, remedy) in denial.remedies.iter().enumerate() {
        let or = if at > 0 { "or " } else { "" };
        let _ = writeln!(text, "      {or}{}", in_words(remedy));
    }
}

/// Says what all of it comes to, when there is more to say than one remedy has said.
fn describe_together(text: &mut String, answer: &Explanation) {
    let Some(together) = &answer.together else { return };
    if answer.denials.len() > 1 {
        let all: Vec<String> = together.remedies.iter().map(in_words).collect();
        let _ = writeln!(text, "  All together: {}.", all.join("; "));
    }
    let _ = match (together.verdict.as_str(), &answer.approvals) {
        ("needs-approval", Some(approvals)) => {
            writeln!(text, "  Then it has to be approved. {}", people(approvals))
        }
        _ => writeln!(text, "  Then you would get it."),
    };
}

fn in_words(remedy: &ExplainedRemedy) -> String {
    let detail = plain(&remedy.detail);
    match &remedy.command {
        Some(command) => format!("{detail}: {}", plain(command).bold()),
        None => detail.into_owned(),
    }
}

fn people(approvals: &ExplainedApprovals) -> String {
    let needs = usize::from(approvals.needs);
    let whom = if approvals.approvers.is_empty() {
        "no enabled account can".to_owned()
    } else {
        format!("those who may be able to: {}", plain(&approvals.approvers.join(", ")))
    };
    let too_few = if approvals.approvers.len() < needs { "; that is too few" } else { "" };
    format!(
        "{needs} of {} must approve within {} ({whom}{too_few}).",
        plain(&approvals.groups.join(" or ")),
        plain(&approvals.wait),
    )
}

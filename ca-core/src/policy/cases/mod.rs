//! Examples of what a policy decides, which must stay true: request and facts in, the expected verdict out.

mod case;
mod question;

pub use case::{Case, Expect};
pub(super) use question::sample_key;

use serde::Deserialize;
use toml::Spanned;

use super::{CASES, Decision, Policy, PolicyError, Problem, Verdict, decide};

/// The cases of a policy.
#[derive(Clone, Debug, Default)]
pub struct Cases(Vec<(Option<usize>, Case)>);

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The case's name.
    pub name: String,
    /// The line it begins at.
    pub line: Option<usize>,
    /// What was expected.
    pub expected: Expect,
    /// What came.
    pub came: Expect,
    /// Why it came: the accounts and the lifetime, the rules that permit, or the reasons to deny.
    pub why: String,
    /// Whether it is as expected, and for the reason that was expected.
    pub passed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    #[serde(default)]
    case: Vec<Spanned<Case>>,
}

impl Cases {
    /// Reads cases from TOML.
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        let line = |byte: usize| Problem::new(CASES, "").at(text, byte).line;
        let file: CasesFile = toml::from_str(text).map_err(|error: toml::de::Error| {
            let at = error.span().and_then(|span| line(span.start));
            Problem { line: at, ..Problem::new(CASES, error.message()) }
        })?;
        let cases = file.case.into_iter().map(|case| (line(case.span().start), case.into_inner()));
        Ok(Self(cases.collect()))
    }

    /// Runs them all, in the order of the file.
    pub fn run(&self, policy: &Policy) -> Vec<Outcome> {
        self.0.iter().map(|(line, case)| outcome(policy, *line, case)).collect()
    }

    /// Finds what does not come out as expected.
    pub fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        let failed = self.run(policy).into_iter().filter(|outcome| !outcome.passed);
        let problems: Vec<Problem> = failed.map(|outcome| problem(&outcome)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}

fn problem(outcome: &Outcome) -> Problem {
    let what = format!(
        "case {:?}: expected {}, came {}: {}",
        outcome.name, outcome.expected, outcome.came, outcome.why
    );
    Problem { line: outcome.line, ..Problem::new(CASES, what) }
}

fn outcome(policy: &Policy, line: Option<usize>, case: &Case) -> Outcome {
    let (verdict, why, accounts) = match answer(policy, case) {
        Ok(answer) => answer,
        Err(flaw) => (Expect::Denied, format!("the case cannot be put: {flaw}"), None),
    };
    let right_reason = case.because.as_ref().is_none_or(|because| why.contains(because.as_str()));
    let right_accounts = case.gets.as_ref().is_none_or(|gets| accounts.as_ref() == Some(gets));
    let passed = verdict == case.expect && right_reason && right_accounts;
    Outcome { name: case.name.clone(), line, expected: case.expect, came: verdict, why, passed }
}

type Answer = (Expect, String, Option<Vec<String>>);

/// Asks what the server would ask.
fn answer(policy: &Policy, case: &Case) -> Result<Answer, String> {
    let (facts, now) = (case.facts()?, case.now()?);
    if let Some(request) = case.request(now)? {
        return Ok(match decide(policy, &request, &facts, now) {
            Decision::Grant(grant) => {
                let accounts = grant.principals.iter().map(ToString::to_string).collect();
                (Expect::Granted, format!("as {} for {}", grant.principals, grant.ttl), Some(accounts))
            }
            Decision::NeedsApproval(quorum) => (Expect::NeedsApproval, quorum.to_string(), None),
            Decision::Deny(denials) => (Expect::Denied, denials.to_string(), None),
        });
    }
    let verdict = policy.ask(case.action()?, case.profile.as_ref(), &facts, now);
    let granted = verdict.is_permitted() && facts.user.enabled;
    Ok((if granted { Expect::Granted } else { Expect::Denied }, in_words(&verdict), None))
}

fn in_words(verdict: &Verdict) -> String {
    let list = |rules: &std::collections::BTreeSet<super::RuleId>| {
        rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    };
    match verdict {
        Verdict::Permitted { by } => format!("rule {} permits it", list(by)),
        Verdict::Forbidden { by } => format!("rule {} forbids it", list(by)),
        Verdict::Failed { rules } => format!("rule {} could not be evaluated", list(rules)),
        Verdict::NotPermitted => "no rule permits it".to_owned(),
    }
}

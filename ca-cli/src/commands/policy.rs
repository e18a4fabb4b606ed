//! `ca policy …`: a policy's folder read, tried and compared, with the same functions that the server decides by.

use std::io::ErrorKind;
use std::path::Path;

use ca_api::AdminUsers;
use ca_core::policy::cases::{Cases, Outcome};
use ca_core::policy::diff::{Someone, diff, groups_named, read_people};
use ca_core::policy::{Policy, PolicyError, PolicyFiles, Problem, SCHEMA};
use owo_colors::OwoColorize as _;
use serde_json::{Value, json};

use super::contact;
use crate::cli::{self, Global};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::text::plain;
use crate::site::Site;

/// `ca policy …`.
pub(super) fn run(global: &Global, command: &cli::Policy) -> Result<Exit> {
    match command {
        cli::Policy::Check(options) => check(global, &options.folder),
        cli::Policy::Test(options) => test(global, &options.folder),
        cli::Policy::Diff(options) => compare(global, options),
        cli::Policy::Schema => {
            output::data(SCHEMA);
            Ok(Exit::Good)
        }
    }
}

/// Reads the files of a folder.
fn files(folder: &Path) -> Result<PolicyFiles> {
    let read = PolicyFiles::read(|name| match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    });
    read.map_err(|error| failure(folder, &error))
}

fn read(folder: &Path) -> Result<(Policy, Cases)> {
    let files = files(folder)?;
    let cases = files.cases.as_deref().map_or_else(|| Ok(Cases::default()), Cases::read);
    let policy = Policy::read(&files).map_err(|error| failure(folder, &error))?;
    Ok((policy, cases.map_err(|error| failure(folder, &error))?))
}

/// What stops `test` and `diff`; `check` shows all of it.
fn failure(folder: &Path, error: &PolicyError) -> Failure {
    let Some(first) = error.problems().first() else {
        return Failure::new("bad-policy", "it is not a policy");
    };
    let bare = Problem { hint: None, ..first.clone() };
    let failure = Failure::new("bad-policy", format!("{}/{bare}", folder.display())).refused();
    let more = error.problems().len() - 1;
    match (&first.hint, more) {
        (Some(hint), 0) => failure.hint(hint.clone()),
        (None, 0) => failure,
        (_, more) => failure.hint(format!("{more} more: ca policy check {}", folder.display())),
    }
}

fn check(global: &Global, folder: &Path) -> Result<Exit> {
    let files = files(folder)?;
    let policy = Policy::read(&files);
    let mut problems: Vec<Problem> =
        policy.as_ref().err().iter().flat_map(|e| e.problems()).cloned().collect();
    if let Some(cases) = &files.cases {
        problems.extend(Cases::read(cases).err().iter().flat_map(PolicyError::problems).cloned());
    }
    let warnings: Vec<Problem> = policy.iter().flat_map(Policy::warnings).cloned().collect();
    let exit = if problems.is_empty() { Exit::Good } else { Exit::Refused };
    if global.json {
        let id = policy.as_ref().ok().map(|policy| policy.id().to_string());
        let list = |problems: &[Problem]| problems.iter().map(in_json).collect::<Vec<_>>();
        output::json(&json!({ "policy": id, "problems": list(&problems), "warnings": list(&warnings) }));
        return Ok(exit);
    }
    for problem in &problems {
        show(folder, problem, &"wrong".red().to_string());
    }
    for problem in &warnings {
        show(folder, problem, &"look ".yellow().to_string());
    }
    if let Ok(policy) = policy.as_ref().map_err(|_| ())
        && exit == Exit::Good
    {
        let (profiles, rules) = (policy.profiles().count(), policy.rule_ids().count());
        output::data(&format!("good: {profiles} profiles, {rules} rules; policy {}\n", policy.id()));
    }
    Ok(exit)
}

fn show(folder: &Path, problem: &Problem, mark: &str) {
    let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
    output::data(&format!("{mark}  {}/{}{line}: {}\n", folder.display(), problem.file, plain(&problem.what)));
    if let Some(hint) = &problem.hint {
        output::data(&format!("       {}\n", plain(hint)));
    }
}

fn in_json(problem: &Problem) -> Value {
    json!({ "file": problem.file, "line": problem.line, "what": problem.what, "hint": problem.hint })
}

fn test(global: &Global, folder: &Path) -> Result<Exit> {
    let (policy, cases) = read(folder)?;
    let outcomes = cases.run(&policy);
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    if global.json {
        let list: Vec<Value> = outcomes.iter().map(outcome_in_json).collect();
        output::json(&json!({ "policy": policy.id().to_string(), "failed": failed, "cases": list }));
    } else {
        outcomes.iter().for_each(print_outcome);
        match (outcomes.len(), failed) {
            (0, _) => output::note("There are no cases: write some into cases.toml."),
            (all, 0) => output::note(&format!("All {all} cases hold.")),
            (all, failed) => output::note(&format!("{failed} of {all} cases do not hold.")),
        }
    }
    Ok(if failed == 0 { Exit::Good } else { Exit::Refused })
}

fn outcome_in_json(outcome: &Outcome) -> Value {
    json!({
        "name": outcome.name, "line": outcome.line, "passed": outcome.passed,
        "expected": outcome.expected.to_string(), "came": outcome.came.to_string(), "why": outcome.why,
    })
}

fn print_outcome(outcome: &Outcome) {
    let mark = if outcome.passed { "✓".green().to_string() } else { "✗".red().to_string() };
    let why = plain(&outcome.why);
    output::data(&format!("{mark} {:<52} {:<8} {why}\n", plain(&outcome.name), outcome.came));
    if !outcome.passed {
        let line = outcome.line.map_or_else(String::new, |line| format!(", cases.toml line {line}"));
        let because = if outcome.came == outcome.expected { " for another reason or accounts" } else { "" };
        output::data(&format!("  expected {}{because}{line}\n", outcome.expected));
    }
}

fn compare(global: &Global, options: &cli::PolicyDiff) -> Result<Exit> {
    let (old, new) = (read(&options.old)?.0, read(&options.new)?.0);
    let people = people(global, options, &old, &new)?;
    let changes = diff(&old, &new, &people, clock::now().seconds());
    if global.json {
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let (old, new) = (old.id().to_string(), new.id().to_string());
        output::json(&json!({ "old": old, "new": new, "changes": lines }));
    } else {
        for change in &changes {
            output::data(&format!("{}\n", plain(&change.to_string())));
        }
        if changes.is_empty() {
            output::note(&format!("No difference in what {} can do.", count(people.len())));
        }
    }
    Ok(if changes.is_empty() { Exit::Good } else { Exit::Refused })
}

fn count(people: usize) -> String {
    if people == 1 {
        "the one account or group".to_owned()
    } else {
        format!("the {people} accounts or groups")
    }
}

fn people(global: &Global, options: &cli::PolicyDiff, old: &Policy, new: &Policy) -> Result<Vec<Someone>> {
    let unable = |cause: String| Failure::new("usage", cause);
    if let Some(path) = &options.users {
        let named = |cause: String| unable(format!("{}: {cause}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        return read_people(&text).map_err(named);
    }
    if !options.accounts {
        return groups_named(old, new).map_err(|error| unable(error.to_string()));
    }
    let site = Site::choose(global)?;
    let found: AdminUsers = contact::connect_with_session(global, &site)?.get("/v1/admin/users")?;
    let one = |user: ca_api::AdminUser| {
        let groups = user.groups.into_iter().map(TryInto::try_into).collect::<std::result::Result<_, _>>()?;
        Someone::person(user.name.try_into()?, groups, user.enabled)
    };
    let people = found.users.into_iter().map(one).collect::<std::result::Result<_, _>>();
    people.map_err(|error: ca_core::names::NameError| unable(error.to_string()))
}

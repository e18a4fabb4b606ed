//! `ca audit verify`: the whole log, with nothing but its key.

use ca_core::log::{SignedCheckpoint, VerifierKey};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::audit::{Earlier, Memory, Outcome, Place, rate, verify};
use crate::cli::{Global, Verify};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::text::{counted, grouped, plain};
use crate::state::io_failure;

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    log: &'a str,
    origin: &'a str,
    /// Whether nothing was found.
    clean: bool,
    findings: Vec<Found<'a>>,
    /// How many entries there are.
    entries: u64,
    /// The size and root of the latest checkpoint.
    published: Option<u64>,
    root: Option<String>,
    /// Whether the events could be read and every decision was made again.
    events_checked: bool,
    /// Whether all names could be seen; a server shows only those of the log.
    all_listed: bool,
    /// The entry from which on the tree could not be followed.
    tree_broken_at: Option<u64>,
    rounds: u64,
    certificates: u64,
    denials: u64,
    policies: u64,
    checkpoints: u64,
    tiles: u64,
    /// The sizes of the earlier checkpoints that the log continues.
    consistent_with: Vec<u64>,
    seconds: f64,
}

#[derive(Serialize)]
struct Found<'a> {
    object: &'a str,
    entry: Option<u64>,
    what: String,
}

pub(super) fn run(global: &Global, options: &Verify) -> Result<Exit> {
    let place = Place::find(global, &options.log)?;
    let memory = Memory::of(&place.key)?;
    let mut earlier = Vec::new();
    if let Some(path) = &options.since {
        earlier.push(since(path, &place.key)?);
    }
    if let Some(checkpoint) = memory.recall()? {
        earlier.push(Earlier { name: "the checkpoint verified last".to_owned(), checkpoint });
    }
    let outcome = verify(&place, &earlier, global.json)?;
    if let Some(latest) = outcome.latest.as_ref().filter(|_| outcome.is_clean()) {
        memory.keep(latest)?;
    }
    if global.json {
        output::json(&Report::new(&place, &outcome));
    } else {
        print(&outcome);
    }
    Ok(match &outcome {
        outcome if !outcome.findings.is_empty() => Exit::Refused,
        outcome if outcome.tree_broken_at.is_some() => Exit::Unable,
        _ => Exit::Good,
    })
}

fn since(path: &std::path::Path, key: &VerifierKey) -> Result<Earlier> {
    let note = std::fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))?;
    let name = path.display().to_string();
    let checkpoint = SignedCheckpoint::parse(&note, key)
        .map_err(|error| Failure::new("usage", format!("{name} is no checkpoint of this log: {error}")))?;
    Ok(Earlier { name, checkpoint })
}

impl<'a> Report<'a> {
    fn new(place: &'a Place, outcome: &'a Outcome) -> Self {
        let found = |finding: &'a ca_core::audit::Finding| Found {
            object: &finding.object,
            entry: finding.entry,
            what: finding.flaw.to_string(),
        };
        Self {
            log: &place.name,
            origin: place.key.name(),
            clean: outcome.is_clean(),
            findings: outcome.findings.iter().map(found).collect(),
            entries: outcome.entries,
            published: outcome.latest.as_ref().map(SignedCheckpoint::size),
            root: outcome.latest.as_ref().map(|latest| latest.root().to_string()),
            events_checked: outcome.events_checked,
            all_listed: outcome.all_listed,
            tree_broken_at: outcome.tree_broken_at,
            rounds: outcome.counts.rounds,
            certificates: outcome.counts.certificates,
            denials: outcome.counts.denials,
            policies: outcome.counts.policies,
            checkpoints: outcome.counts.checkpoints,
            tiles: outcome.counts.tiles,
            consistent_with: outcome.continues.iter().map(|(_, size)| *size).collect(),
            seconds: outcome.elapsed.as_secs_f64(),
        }
    }
}

/// Findings are data, one a line; what was done is for the person who watches.
fn print(outcome: &Outcome) {
    for line in summary(outcome) {
        output::note(&line);
    }
    let findings: String =
        outcome.findings.iter().map(|finding| plain(&finding.to_string()).into_owned() + "\n").collect();
    output::data(&findings);
}

fn summary(outcome: &Outcome) -> Vec<String> {
    let counts = &outcome.counts;
    let speed = rate(outcome.entries, outcome.elapsed);
    let mut lines = vec![format!(" tree     {}   {speed}", counted(outcome.entries, "entry", "entries"))];
    if outcome.events_checked {
        lines.push(format!(
            " replay   {}, {}, {}",
            counted(counts.certificates, "certificate", "certificates"),
            counted(counts.denials, "denial", "denials"),
            counted(counts.policies, "policy", "policies"),
        ));
    }
    let objects = [
        (counts.rounds, "round", "rounds"),
        (counts.checkpoints, "checkpoint", "checkpoints"),
        (counts.tiles, "tile or bundle", "tiles and bundles"),
    ];
    let objects = objects.into_iter().filter(|(count, ..)| *count > 0);
    let objects: Vec<_> = objects.map(|(count, one, many)| counted(count, one, many)).collect();
    lines.push(format!(" objects  {}", objects.join(", ")));
    lines.extend(notes(outcome));
    let tick = "✓".green().to_string();
    lines.extend(
        outcome.continues.iter().map(|(name, size)| format!("{tick} continues {name} ({})", grouped(*size))),
    );
    lines.push(match outcome.findings.len() as u64 {
        0 if outcome.tree_broken_at.is_none() => format!("{tick} no findings"),
        count => counted(count, "finding:", "findings:").red().to_string(),
    });
    lines
}

/// What somebody who sees "no findings" must also know.
fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes = Vec::new();
    if !outcome.events_checked {
        notes.push(
            "! events were not checked: reading them needs a login as an auditor, or a copy of the log"
                .to_owned(),
        );
    }
    if !outcome.all_listed {
        notes.push(
            "! a server shows what it likes to: only a copy of the whole log shows what else is there"
                .to_owned(),
        );
    }
    let published = outcome.latest.as_ref().map_or(0, SignedCheckpoint::size);
    let ahead = outcome.entries.saturating_sub(published);
    if ahead > 0 {
        notes.push(format!("  {} not published yet", counted(ahead, "entry is", "entries are")));
    }
    if let Some(entry) = outcome.tree_broken_at {
        notes.push(format!("! tiles and checkpoints from entry {} on could not be checked", grouped(entry)));
    }
    notes
}

//! `ca audit search`: the events that match, one a line.

use std::io::IsTerminal as _;

use ca_core::audit::{Mentions, ObjectName, Statement};
use ca_core::time::UnixMillis;

use super::period::point;
use crate::audit::{Events, Place, rounds};
use crate::cli::{Global, Search};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::event;

/// What an event must be like.
struct Filter<'a> {
    options: &'a Search,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
}

pub(super) fn run(global: &Global, options: &Search) -> Result<Exit> {
    let filter = Filter::new(options)?;
    let place = Place::find(global, &options.log)?;
    let rounds = filter.narrow(rounds(&place)?);
    let mut events = Events::statements(&place, &rounds)?;
    if !global.json && std::io::stdout().is_terminal() {
        output::data(&(event::header() + "\n"));
    }
    while let Some(batch) = events.next_batch()? {
        for (first, found) in batch {
            let (_, statements) = found.map_err(|flaw| {
                Failure::new("bad-log", format!("{}: {flaw}", ObjectName::Journal(first)))
                    .hint("ca audit verify says more.")
            })?;
            print(global, &filter, &statements);
            if filter.is_past(&statements) {
                return Ok(Exit::Good);
            }
        }
    }
    Ok(Exit::Good)
}

fn print(global: &Global, filter: &Filter<'_>, statements: &[Statement]) {
    for statement in statements {
        let mentions = Mentions::of(statement);
        if !filter.matches(statement, &mentions) {
            continue;
        }
        if global.json {
            // The line is JSON already, and its exact bytes are what the log vouches for.
            output::data(&format!("{{\"index\":{},\"event\":{}}}\n", statement.index, statement.line));
        } else {
            output::data(&(event::line(statement, &mentions) + "\n"));
        }
    }
}

impl<'a> Filter<'a> {
    fn new(options: &'a Search) -> Result<Self> {
        let point =
            |text: &Option<String>, end: u64| text.as_deref().map(|text| point(text, end)).transpose();
        Ok(Self { options, since: point(&options.since, 0)?, until: point(&options.until, 999)? })
    }

    /// Leaves out the rounds before the one that a serial is in: nothing earlier can speak of it.
    fn narrow(&self, mut rounds: Vec<u64>) -> Vec<u64> {
        let Some(serial) = self.options.serial else { return rounds };
        let before = rounds.partition_point(|first| *first <= serial).saturating_sub(1);
        rounds.split_off(before.min(rounds.len()))
    }

    /// Tells whether nothing that comes after this round can match: times never go back.
    fn is_past(&self, statements: &[Statement]) -> bool {
        let last = statements.last().map(|statement| statement.time);
        self.until.zip(last).is_some_and(|(until, last)| last > until)
    }

    fn matches(&self, statement: &Statement, found: &Mentions) -> bool {
        let Search { person, user, by, profile, principal, serial, .. } = self.options;
        let Search { id, fingerprint, reason, kind, text, .. } = self.options;
        let time = statement.time;
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time <= until)
            && serial.is_none_or(|serial| serial == statement.index || found.serials.contains(&serial))
            && holds(kind.as_ref(), |kind| statement.kind == *kind)
            && holds(person.as_ref(), |person| found.is_about(person) || found.is_by(person))
            && holds(user.as_ref(), |user| found.is_about(user))
            && holds(by.as_ref(), |by| found.is_by(by))
            && holds(profile.as_ref(), |profile| found.profiles.contains(profile))
            && holds(principal.as_ref(), |account| found.principals.contains(account))
            && holds(id.as_ref(), |id| found.has_id(id))
            && holds(fingerprint.as_ref(), |fingerprint| found.keys.contains(fingerprint))
            && holds(reason.as_ref(), |reason| found.has_reason(reason))
            && holds(text.as_ref(), |text| statement.line.contains(text.as_str()))
    }
}

/// Tells whether an option is not given or holds.
fn holds(option: Option<&String>, test: impl FnOnce(&String) -> bool) -> bool {
    option.is_none_or(test)
}

//! `ca audit search`: the events that match, one a line.

use ca_core::audit::{ObjectName, Opened};
use ca_core::log::journal::Entry;
use ca_core::time::{Ttl, UnixMillis, UnixSeconds};

use crate::audit::{Events, Place};
use crate::cli::{Global, Search};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::render::event;
use crate::render::time;

/// What an event must be like.
struct Filter<'a> {
    options: &'a Search,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
}

pub(super) fn run(global: &Global, options: &Search) -> Result<Exit> {
    let filter = Filter::new(options)?;
    let place = Place::find(global, &options.log)?;
    let rounds = rounds(&place, options.serial)?;
    let mut events = Events::new(&place, &rounds)?;
    while let Some(batch) = events.next_batch()? {
        for (first, opened) in batch {
            let opened = opened.map_err(|flaw| {
                Failure::new("bad-log", format!("{}: {flaw}", ObjectName::Journal(first)))
                    .hint("ca audit verify says more.")
            })?;
            print(global, &filter, &opened);
            if filter.is_past(&opened) {
                return Ok(Exit::Good);
            }
        }
    }
    Ok(Exit::Good)
}

/// Lists the rounds to look through; the serial of a certificate is its place.
fn rounds(place: &Place, serial: Option<u64>) -> Result<Vec<u64>> {
    let names = place.objects.list("journal/").map_err(|failure| match failure.status() {
        401 | 403 => failure.hint("Events are for auditors and officers: ca login, or a copy of the log."),
        _ => failure,
    })?;
    let mut rounds: Vec<u64> = names
        .iter()
        .filter_map(|name| match name.parse() {
            Ok(ObjectName::Journal(first)) => Some(first),
            _ => None,
        })
        .collect();
    rounds.sort_unstable();
    if let Some(serial) = serial {
        let after = rounds.partition_point(|first| *first <= serial);
        rounds = rounds.get(after.saturating_sub(1)..after).unwrap_or_default().to_vec();
    }
    Ok(rounds)
}

fn print(global: &Global, filter: &Filter<'_>, opened: &Opened) {
    for entry in opened.entries().iter().filter(|entry| filter.matches(entry)) {
        if global.json {
            // The line is JSON already, and its exact bytes are what the log vouches for.
            output::data(&format!("{{\"index\":{},\"event\":{}}}\n", entry.index, entry.line));
        } else {
            output::data(&(event::line(entry) + "\n"));
        }
    }
}

impl<'a> Filter<'a> {
    fn new(options: &'a Search) -> Result<Self> {
        let point =
            |text: &Option<String>, end: u64| text.as_deref().map(|text| point(text, end)).transpose();
        Ok(Self { options, since: point(&options.since, 0)?, until: point(&options.until, 999)? })
    }

    /// Tells whether nothing that comes after this round can match: times never go back.
    fn is_past(&self, opened: &Opened) -> bool {
        let last = opened.entries().last().map(|entry| entry.event.time);
        self.until.zip(last).is_some_and(|(until, last)| last > until)
    }

    fn matches(&self, entry: &Entry) -> bool {
        let Search { user, profile, serial, kind, text, .. } = self.options;
        let time = entry.event.time;
        let in_time =
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until);
        let about = || event::About::of(&entry.event);
        in_time
            && serial.is_none_or(|serial| serial == entry.index)
            && kind.as_ref().is_none_or(|kind| about().kind == *kind)
            && user.as_ref().is_none_or(|user| about().is_user(user))
            && profile.as_ref().is_none_or(|profile| about().profile.as_deref() == Some(profile))
            && text.as_ref().is_none_or(|text| entry.line.contains(text.as_str()))
    }
}

/// Reads a point in time, or an age such as `24h`.
fn point(text: &str, millis: u64) -> Result<UnixMillis> {
    let ago = || Some(clock::now_secs().minus_secs(text.parse::<Ttl>().ok()?.secs()));
    let UnixSeconds(secs) = time::parse(text).or_else(ago).ok_or_else(|| {
        Failure::new("usage", format!("{text:?} is not a time"))
            .hint("Such as 2026-01-02, 2026-01-02T03:04:05Z, or 24h for a day ago.")
    })?;
    Ok(UnixMillis(secs.saturating_mul(1000).saturating_add(millis)))
}

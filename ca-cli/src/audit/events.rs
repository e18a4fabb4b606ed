//! The rounds of a log, read many at once and handed on in order.

use ca_core::audit::{Flaw, ObjectName, Opened, Statement};
use ca_core::log::journal::Round;
use ca_core::log::journal::object_key;
use ca_core::log::{Origin, VerifierKey};

use super::{Place, parallel};
use crate::failure::{Failure, Result};

/// How many entries are worked on at once: enough for all cores, few enough for little memory.
const BATCH_ENTRIES: u64 = 2048;

/// Reads rounds, many at once, in order.
pub(crate) struct Events<'a, T = Opened> {
    place: &'a Place,
    origin: Origin,
    rounds: &'a [u64],
    open: Open<T>,
}

/// A round as it was found under its name.
pub(crate) type Found<T = Opened> = (u64, std::result::Result<T, Flaw>);

/// A round whose events are taken as they are.
pub(crate) type Statements = (Round, Vec<Statement>);

/// Reads a journal object that is kept under the name for an entry.
type Open<T> = fn(&[u8], u64, &Origin, &VerifierKey) -> std::result::Result<T, Flaw>;

/// Lists the rounds of a log, in order.
pub(crate) fn rounds(place: &Place) -> Result<Vec<u64>> {
    let names = place.objects.list("journal/").map_err(|failure| match failure.status() {
        401 | 403 => failure.hint("Events are for auditors and officers: ca login, or a copy of the log."),
        _ => failure,
    })?;
    let number = |name: &String| match name.parse() {
        Ok(ObjectName::Journal(first)) => Some(first),
        _ => None,
    };
    let mut rounds: Vec<u64> = names.iter().filter_map(number).collect();
    rounds.sort_unstable();
    Ok(rounds)
}

impl<'a> Events<'a, Opened> {
    /// Prepares to read these rounds of a log, to judge them.
    pub(crate) fn new(place: &'a Place, rounds: &'a [u64]) -> Result<Self> {
        Self::with(place, rounds, Opened::read)
    }
}

impl<'a> Events<'a, Statements> {
    /// Prepares to read these rounds of a log, whatever kinds of event are in them.
    pub(crate) fn statements(place: &'a Place, rounds: &'a [u64]) -> Result<Self> {
        Self::with(place, rounds, Statement::read_round)
    }
}

impl<'a, T: Send> Events<'a, T> {
    fn with(place: &'a Place, rounds: &'a [u64], open: Open<T>) -> Result<Self> {
        let origin = place.key.name().parse();
        let origin =
            origin.map_err(|error| Failure::new("usage", format!("the key's name is no log's: {error}")))?;
        Ok(Self { place, origin, rounds, open })
    }

    /// Gives the name of the log.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Gives the first entry of the round that comes next.
    pub(crate) fn next_first(&self) -> Option<u64> {
        self.rounds.first().copied()
    }

    /// Reads the next rounds; `None` after the last.
    pub(crate) fn next_batch(&mut self) -> Result<Option<Vec<Found<T>>>> {
        let Some(first) = self.rounds.first() else { return Ok(None) };
        let count = self.rounds.partition_point(|round| round - first < BATCH_ENTRIES);
        let (batch, rest) = self.rounds.split_at(count);
        self.rounds = rest;
        let read = parallel::map(self.place.objects.threads(), batch, |first| self.read(*first));
        read.into_iter().collect::<Result<_>>().map(Some)
    }

    fn read(&self, first: u64) -> Result<Found<T>> {
        let opened = match self.place.objects.get(&object_key(first))? {
            Some(bytes) => (self.open)(&bytes, first, &self.origin, &self.place.key),
            None => Err(Flaw::Missing),
        };
        Ok((first, opened))
    }
}

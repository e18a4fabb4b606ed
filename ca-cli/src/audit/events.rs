//! The rounds of a log, read many at once and handed on in order.

use ca_core::audit::{Flaw, Opened};
use ca_core::log::Origin;
use ca_core::log::journal::object_key;

use super::{Place, parallel};
use crate::failure::{Failure, Result};

/// How many entries are worked on at once: enough for all cores, few enough for little memory.
const BATCH_ENTRIES: u64 = 2048;

/// Reads rounds, many at once, in order.
pub(crate) struct Events<'a> {
    place: &'a Place,
    origin: Origin,
    rounds: &'a [u64],
}

/// A round as it was found under its name.
pub(crate) type Found = (u64, std::result::Result<Opened, Flaw>);

impl<'a> Events<'a> {
    /// Prepares to read these rounds of a log.
    pub(crate) fn new(place: &'a Place, rounds: &'a [u64]) -> Result<Self> {
        let origin = place.key.name().parse();
        let origin =
            origin.map_err(|error| Failure::new("usage", format!("the key's name is no log's: {error}")))?;
        Ok(Self { place, origin, rounds })
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
    pub(crate) fn next_batch(&mut self) -> Result<Option<Vec<Found>>> {
        let Some(first) = self.rounds.first() else { return Ok(None) };
        let count = self.rounds.partition_point(|round| round - first < BATCH_ENTRIES);
        let (batch, rest) = self.rounds.split_at(count);
        self.rounds = rest;
        let read = parallel::map(self.place.objects.threads(), batch, |first| self.read(*first));
        read.into_iter().collect::<Result<_>>().map(Some)
    }

    fn read(&self, first: u64) -> Result<Found> {
        let opened = match self.place.objects.get(&object_key(first))? {
            Some(bytes) => Opened::read(&bytes, first, &self.origin, &self.place.key),
            None => Err(Flaw::Missing),
        };
        Ok((first, opened))
    }
}

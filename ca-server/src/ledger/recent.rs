//! The request ids that are still fresh, and where in the log they went (I8).

use std::collections::{HashMap, VecDeque};

use ca_core::log::journal::{JournalError, Round};
use ca_core::names::RequestId;
use ca_core::request::FRESHNESS_SECS;
use ca_core::time::UnixMillis;

/// How far the clocks of nodes may be apart, in milliseconds.
const SKEW_MILLIS: u64 = 60_000;

/// How far an id may be ahead of the clock, and behind it, in milliseconds.
const FRESH_MILLIS: u64 = FRESHNESS_SECS * 1000;

/// How long an id must be remembered, in milliseconds: an id may be ahead of the clock and then stay fresh as long again.
/// The rest allows for the clocks of several nodes.
const REMEMBER_MILLIS: u64 = 2 * FRESH_MILLIS + SKEW_MILLIS;

/// The ids of requests that could come again, and the rounds they are in.
///
/// An id is remembered as long as its round is: by the time of its entry, which for a request that waited for approval
/// is long after the id's own. What is kept is bounded by the rate of certificates: about 60 bytes each.
#[derive(Debug, Default)]
pub(super) struct Recent {
    ids: HashMap<RequestId, Spot>,
    rounds: VecDeque<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    first: u64,
    time: UnixMillis,
    ids: Vec<RequestId>,
}

/// Tells whether an id that [`Recent`] does not know is certainly not in a log whose last entry is of the time `last`.
///
/// No entry with the id is older than `since`: the id's own time, or when the last approval was there. A request is fresh
/// when it comes in, and may then wait: without this check, one that waited long enough would come when its first
/// certificate is forgotten, and get a second (I8). A node that has just started knows the rounds of the last
/// [`REMEMBER_MILLIS`]; in those before them is nothing that began as late as is asked for here.
pub(super) fn can_tell(since: UnixMillis, last: UnixMillis, now: UnixMillis) -> bool {
    let oldest = last.0.saturating_sub(FRESH_MILLIS + SKEW_MILLIS);
    let newest = now.max(last).0.saturating_add(FRESH_MILLIS);
    (oldest..=newest).contains(&since.0)
}

/// Where a request's certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) round: u64,
    pub(super) index: u64,
}

impl Recent {
    /// Finds a request.
    pub(super) fn get(&self, id: RequestId) -> Option<Spot> {
        self.ids.get(&id).copied()
    }

    /// Gives the first index of the oldest round that matters, or `next` when there is none.
    pub(super) fn oldest_round(&self, next: u64) -> u64 {
        self.rounds.front().map_or(next, |round| round.first)
    }

    /// Notes a round of this node's own, by the ids in it, and forgets what is stale.
    pub(super) fn add(&mut self, first: u64, time: UnixMillis, ids: impl Iterator<Item = (RequestId, u64)>) {
        let spots = ids.map(|(id, index)| (id, Spot { round: first, index })).collect::<Vec<_>>();
        self.rounds.push_back(Remembered { first, time, ids: spots.iter().map(|(id, _)| *id).collect() });
        self.ids.extend(spots);
        let horizon = UnixMillis(time.0.saturating_sub(REMEMBER_MILLIS));
        while self.rounds.front().is_some_and(|round| round.time < horizon) {
            for id in self.rounds.pop_front().into_iter().flat_map(|round| round.ids) {
                self.ids.remove(&id);
            }
        }
    }

    /// Gives every id that is remembered.
    pub(super) fn ids(&self) -> impl Iterator<Item = RequestId> {
        self.ids.keys().copied()
    }

    /// Notes a round read back from the journal; gives the time of its last entry.
    pub(super) fn add_round(&mut self, round: &Round) -> Result<UnixMillis, JournalError> {
        let marks = round.marks().collect::<Result<Vec<_>, _>>()?;
        let time = marks.iter().map(|(_, mark)| mark.time).max().unwrap_or_default();
        let ids = marks.iter().filter_map(|(index, mark)| Some((mark.request_id?, *index)));
        self.add(round.first_index(), time, ids);
        Ok(time)
    }
}

//! Following the log: what is committed, in order, for an index that is derived from it.
//!
//! The sequencer tells of its own rounds without waiting; what a follower misses, because it is slow, another node was
//! faster or this one just started, it reads from the journal. So nothing that is derived can hold up a commit.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ca_core::issuance::{Cas, Precert};
use ca_core::log::event::{Event, EventError};
use ca_core::log::journal::{self, Round};
use ca_core::revocation::Trace;
use ca_core::ssh::{Fingerprint, PublicKey};
use ca_core::time::UnixMillis;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::mpsc;

use super::health::Health;
use super::recover::{self, RecoverError};
use super::{Pending, Setup};

/// How many rounds may wait for the follower; what comes beyond that it reads from the journal.
const QUEUE: usize = 256;

/// How many rounds are given at once.
const ROUNDS: usize = 64;

/// How long to wait for a round before looking for those of other nodes.
const LOOK: Duration = Duration::from_secs(1);

/// A round, by what of it bears on revocation.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The index of its first entry.
    pub first: u64,
    /// The size of the log after it.
    pub size: u64,
    /// What bears on revocation, with index and time.
    pub traces: Vec<(u64, UnixMillis, Trace)>,
    /// CA keys that were not met before.
    pub cas: Vec<PublicKey>,
}

/// Where the sequencer tells of its rounds, if anybody listens.
#[derive(Debug, Default)]
pub(super) struct Listeners(OnceLock<mpsc::Sender<Followed>>);

impl Listeners {
    /// Tells of a round that was committed; never waits.
    pub(super) fn tell(&self, first: u64, time: UnixMillis, committed: &[Pending], cas: &Cas) {
        let Some(Ok(place)) = self.0.get().map(mpsc::Sender::try_reserve) else { return };
        let trace = |(index, pending): (u64, &Pending)| Some((index, time, pending.draft.trace(cas)?));
        let traces = (first..).zip(committed).filter_map(trace).collect();
        let size = first + committed.len() as u64;
        place.send(Followed { first, size, traces, cas: Vec::new() });
    }

    fn listen(&self) -> mpsc::Receiver<Followed> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        // A second follower hears nothing and reads everything from the journal.
        let _ = self.0.set(sender);
        receiver
    }
}

/// Reads the log from some entry on, for ever.
#[derive(Debug)]
pub struct Follower {
    setup: Arc<Setup>,
    health: Arc<Health>,
    rounds: mpsc::Receiver<Followed>,
    next: u64,
    cas: HashSet<Fingerprint>,
}

impl Follower {
    pub(super) fn new(setup: Arc<Setup>, health: Arc<Health>, listeners: &Listeners, next: u64) -> Self {
        let cas = setup.cas.all().map(PublicKey::fingerprint).collect();
        Self { setup, health, rounds: listeners.listen(), next, cas }
    }

    /// Gives the index of the first entry that was not given yet.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Tells whether there are entries that were not given yet.
    pub fn is_behind(&self) -> bool {
        self.next < self.health.sizes().0
    }

    /// Gives the next rounds, in order; none when there are none for a second.
    pub async fn read(&mut self) -> Result<Vec<Followed>, RecoverError> {
        let mut told = Vec::new();
        let _ = tokio::time::timeout(LOOK, self.rounds.recv_many(&mut told, ROUNDS)).await;
        let mut rounds = self.in_order(told);
        if rounds.is_empty() && self.is_behind() {
            rounds = self.from_journal().await?;
        }
        self.next = rounds.last().map_or(self.next, |round| round.size);
        Ok(rounds)
    }

    /// Keeps what continues what was given; what comes after a gap is read from the journal with it.
    fn in_order(&self, told: Vec<Followed>) -> Vec<Followed> {
        let mut next = self.next;
        let new = told.into_iter().skip_while(|round| round.size <= self.next);
        let fits = |round: &Followed| {
            let fits = round.first == next;
            next = round.size;
            fits
        };
        new.take_while(fits).collect()
    }

    /// Reads the next rounds from the journal, whoever wrote them.
    pub async fn from_journal(&mut self) -> Result<Vec<Followed>, RecoverError> {
        let after = self.next.checked_sub(1).map(journal::object_key);
        let keys = self.setup.store.list(journal::PREFIX, after.as_deref(), ROUNDS).await?;
        let setup = &self.setup;
        let read = stream::iter(keys).map(|key| recover::read_aside((**setup).clone(), key));
        let read: Vec<_> = read.buffered(recover::AHEAD).collect().await;
        let (mut rounds, mut next) = (Vec::new(), self.next);
        for (key, round) in read {
            let round = round?;
            let object = |cause: String| RecoverError::Object { key: key.clone(), cause };
            if round.first_index() != next {
                return Err(object(format!("it does not continue entry {next}")));
            }
            let followed = self.follow(&round).map_err(|error| object(error.to_string()))?;
            next = followed.size;
            rounds.push(followed);
        }
        self.next = next;
        Ok(rounds)
    }

    fn follow(&mut self, round: &Round) -> Result<Followed, EventError> {
        let (first, size) = (round.first_index(), round.size());
        let mut followed = Followed { first, size, traces: Vec::new(), cas: Vec::new() };
        for (index, line) in (first..).zip(round.lines()) {
            let Some(trace) = Trace::from_line(line)? else { continue };
            if let Trace::Certificate(certificate) = &trace
                && self.cas.insert(certificate.ca)
            {
                followed.cas.extend(ca_of(line)?);
            }
            followed.traces.push((index, ca_core::log::event::Mark::from_line(line)?.time, trace));
        }
        Ok(followed)
    }
}

/// Reads the CA's key out of a certificate's line.
fn ca_of(line: &str) -> Result<Option<PublicKey>, EventError> {
    let precert = Event::from_line(line)?.precert()?;
    let precert = precert.and_then(|bytes| Precert::from_bytes(&bytes).ok());
    Ok(precert.map(|precert| precert.content().ca.clone()))
}

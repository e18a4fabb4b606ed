//! The sequencer: takes what waits, gives it a place, commits it with one create-only PUT, answers.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use ca_core::log::journal::{self, MAX_ENTRIES, Round};
use ca_core::log::leaf::Leaf;
use ca_core::log::{Batch, Frontier};
use ca_core::time::UnixMillis;
use tokio::sync::{Notify, mpsc};

use super::draft::{Committed, Place, Sealed};
use super::health::Health;
use super::publisher::Leaves;
use super::recent::{Recent, Spot};
use super::{LedgerError, Pending, Setup};
use crate::objects::{Class, Put, StoreError};

/// How far the clock may be behind the last entry, in milliseconds, before nothing is recorded any more (L8).
const CLOCK_TOLERANCE_MILLIS: u64 = 60_000;

/// How often the store is tried again while it cannot be written and nobody asks, in seconds.
const RETRY_SECS: u64 = 2;

/// Where the log stands.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) frontier: Frontier,
    pub(super) last_time: UnixMillis,
    pub(super) recent: Recent,
}

/// The task that commits.
#[derive(Debug)]
pub(super) struct Sequencer {
    setup: Arc<Setup>,
    state: State,
    publish: mpsc::Sender<Leaves>,
    health: Arc<Health>,
}

impl Sequencer {
    pub(super) fn new(
        setup: Setup,
        state: State,
        publish: mpsc::Sender<Leaves>,
        health: Arc<Health>,
    ) -> Self {
        health.committed(state.frontier.size());
        Self { setup: Arc::new(setup), state, publish, health }
    }

    /// Runs until it is told to close, or every sender is gone, and the queue is empty.
    pub(super) async fn run(mut self, mut entries: mpsc::Receiver<Pending>, closing: Arc<Notify>) {
        let mut waiting = Vec::with_capacity(MAX_ENTRIES);
        loop {
            let received = tokio::select! {
                count = entries.recv_many(&mut waiting, MAX_ENTRIES) => count,
                () = closing.notified() => { entries.close(); continue; }
                () = self.until_retry() => { self.try_store().await; continue; }
            };
            if received == 0 {
                return;
            }
            self.commit(std::mem::take(&mut waiting)).await;
        }
    }

    /// Commits one round of entries and answers each.
    async fn commit(&mut self, waiting: Vec<Pending>) {
        let fresh = self.answer_repeated(waiting);
        if fresh.is_empty() {
            return;
        }
        match self.commit_fresh(&fresh).await {
            Ok(committed) => {
                for (pending, committed) in fresh.into_iter().zip(committed) {
                    // Who asked may be gone; the entry stands.
                    let _ = pending.reply.send(Ok(committed));
                }
            }
            Err(error) => {
                self.health.commit_failed();
                tracing::error!(%error, "the round was not committed");
                for pending in fresh {
                    let _ = pending.reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// Sorts out the requests that are in the log already, and answers those from there (I8).
    ///
    /// Of the same id twice in one round the second is refused as busy: sent again, it finds the first in the log.
    fn answer_repeated(&self, waiting: Vec<Pending>) -> Vec<Pending> {
        let mut in_round = HashSet::new();
        let mut fresh = Vec::with_capacity(waiting.len());
        for pending in waiting {
            match pending.draft.request_id() {
                Some(id) => match self.state.recent.get(id) {
                    Some(spot) => self.answer_from_log(pending, spot),
                    None if in_round.insert(id) => fresh.push(pending),
                    None => drop(pending.reply.send(Err(LedgerError::Busy))),
                },
                None => fresh.push(pending),
            }
        }
        fresh
    }

    /// Reads the earlier answer on the side; the sequencer goes on meanwhile.
    fn answer_from_log(&self, pending: Pending, spot: Spot) {
        let setup = Arc::clone(&self.setup);
        tokio::spawn(async move {
            let answer = super::recover::committed_at(&setup, spot, &pending.draft).await;
            let _ = pending.reply.send(answer);
        });
    }

    /// Tries places until the round stands in the journal at one of them.
    async fn commit_fresh(&mut self, fresh: &[Pending]) -> Result<Vec<Committed>, LedgerError> {
        loop {
            let time = self.time()?;
            let sealed = self.seal(fresh, time)?;
            let round = self.round(&sealed)?;
            if self.put(&round).await? {
                return self.answer(&round, fresh, sealed, time).await;
            }
            // Somebody else's round is at this place: it is part of the log like our own (I2, L3).
            let key = journal::object_key(self.state.frontier.size());
            self.adopt(&key).await?;
        }
    }

    fn time(&self) -> Result<UnixMillis, LedgerError> {
        let now = self.setup.clock.now();
        let behind = self.state.last_time.0.saturating_sub(now.0);
        if behind > CLOCK_TOLERANCE_MILLIS {
            return Err(LedgerError::ClockBehind { behind_secs: behind / 1000 });
        }
        Ok(now.max(self.state.last_time))
    }

    fn seal(&self, fresh: &[Pending], time: UnixMillis) -> Result<Vec<Sealed>, LedgerError> {
        let mut salts = vec![0; fresh.len() * 16];
        getrandom::fill(&mut salts).map_err(|error| LedgerError::Entry(error.to_string()))?;
        let (salts, _) = salts.as_chunks::<16>();
        let places =
            (self.state.frontier.size()..).zip(salts).map(|(index, salt)| Place { index, time, salt: *salt });
        fresh.iter().zip(places).map(|(pending, place)| pending.draft.seal(place, &self.setup)).collect()
    }

    fn round(&self, sealed: &[Sealed]) -> Result<Round, LedgerError> {
        let next = self.state.frontier.size();
        let lines = sealed.iter().map(|sealed| sealed.line.clone()).collect();
        let round = Round::new(self.state.frontier.clone(), self.state.recent.oldest_round(next), lines);
        round.ok_or_else(|| LedgerError::Entry("a round needs 1 to 1024 lines without newlines".to_owned()))
    }

    /// Writes the round; false when another round is at its place.
    async fn put(&self, round: &Round) -> Result<bool, LedgerError> {
        let keys = &self.setup.keys;
        let bytes =
            round.sign(keys.origin(), keys.signer()).map_err(|e| LedgerError::Entry(e.to_string()))?;
        let key = journal::object_key(round.first_index());
        // From here on the round may be in the log whatever we hear: after an error its place is not used again unseen,
        // because the next PUT to it answers `Exists` and the round that is there is adopted.
        match self.setup.store.put_new(&key, Bytes::from(bytes), Class::Immutable).await {
            Ok(put) => Ok(put == Put::Created),
            Err(error) => Err(LedgerError::Unavailable(error.to_string())),
        }
    }

    /// Moves past our round, hands it to the publisher, and makes the proofs.
    async fn answer(
        &mut self,
        round: &Round,
        fresh: &[Pending],
        sealed: Vec<Sealed>,
        time: UnixMillis,
    ) -> Result<Vec<Committed>, LedgerError> {
        let leaves: Vec<Leaf> = sealed.iter().map(|sealed| sealed.leaf).collect();
        let tree = Batch::new(round.before(), &journal::leaf_hashes(&leaves));
        let first = round.first_index();
        let ids = |(index, pending): (u64, &Pending)| Some((pending.draft.request_id()?, index));
        self.state.recent.add(first, time, (first..).zip(fresh).filter_map(ids));
        self.advance(&tree, time, Leaves { first, leaves }).await?;
        let checkpoint = Arc::new(self.setup.keys.checkpoint(tree.size(), tree.root())?);
        let committed = sealed.into_iter().enumerate().map(|(position, sealed)| Committed {
            index: first + position as u64,
            time,
            event_hash: sealed.event_hash,
            proof: tree.proof(position).unwrap_or_default(),
            checkpoint: Arc::clone(&checkpoint),
            precert: sealed.precert,
        });
        Ok(committed.collect())
    }

    /// Takes another node's round as the next one of the log.
    async fn adopt(&mut self, key: &str) -> Result<(), LedgerError> {
        let round = super::recover::read_round(&self.setup, key)
            .await
            .map_err(|e| LedgerError::Unavailable(e.to_string()))?;
        if *round.before() != self.state.frontier {
            return Err(LedgerError::Unavailable(format!("{key} does not continue this log")));
        }
        let wrap = |error: journal::JournalError| LedgerError::Unavailable(format!("{key}: {error}"));
        let leaves = super::recover::leaves(&round).map_err(wrap)?;
        let time = self.state.recent.add_round(&round).map_err(wrap)?;
        let tree = Batch::new(round.before(), &journal::leaf_hashes(&leaves));
        self.advance(&tree, time, Leaves { first: round.first_index(), leaves }).await
    }

    async fn advance(&mut self, tree: &Batch, time: UnixMillis, round: Leaves) -> Result<(), LedgerError> {
        self.state.frontier = tree.after();
        self.state.last_time = self.state.last_time.max(time);
        self.health.committed(tree.size());
        // Waits when the publisher is far behind: then commits wait too, and the queue before them fills up.
        self.publish.send(round).await.map_err(|_| LedgerError::Closed)
    }

    async fn until_retry(&self) {
        if self.health.commits() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(RETRY_SECS)).await;
    }

    /// Finds out whether the store can be written again, so that readiness returns by itself (L1, L9).
    async fn try_store(&self) {
        let mut random = [0; 8];
        let written: Result<Put, StoreError> = match getrandom::fill(&mut random) {
            Ok(()) => {
                let key = format!("probe/retry-{}", hex::encode(random));
                self.setup.store.put_new(&key, Bytes::from_static(b"retry"), Class::Derived).await
            }
            Err(_) => return,
        };
        if written.is_ok() {
            tracing::info!("the log can be written again");
            self.health.commit_possible();
        }
    }
}

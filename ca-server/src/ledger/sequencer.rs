//! The sequencer: takes what waits, gives it a place, commits it with one create-only PUT, answers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ca_core::log::journal::{self, MAX_ENTRIES, Round};
use ca_core::log::leaf::Leaf;
use ca_core::log::{Batch, Frontier};
use ca_core::time::UnixMillis;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::Instant;

use super::draft::{Committed, Place, Sealed};
use super::follow::Listeners;
use super::health::Health;
use super::publisher::Leaves;
use super::recent::{Recent, Spot, can_tell};
use super::{LedgerError, Pending, Setup, rounds};
use crate::objects::{Class, Put};

/// How far the clock may be behind the last entry, in milliseconds, before nothing is recorded any more (L8).
const CLOCK_TOLERANCE_MILLIS: u64 = 60_000;

/// How often an idle node looks for the rounds of others, and whether a store that failed is back.
const LOOK: Duration = Duration::from_secs(2);

/// How long a round may take to be stored, and how long it waits for the publisher, before it is given up.
const DEADLINE: Duration = Duration::from_secs(20);

/// The longest wait for a crowd. A store that was slow once must not make the next to ask wait for those who left.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many answers may be read from the log at once. The queue does not bound them: they wait beside it.
const REPEATS: u32 = 64;

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
    listeners: Arc<Listeners>,
    repeats: Arc<Semaphore>,
    crowd: Crowd,
}

/// Who can be expected in the next round: those just answered, who come back if they want more, and those waiting.
#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    size: usize,
    /// How long to wait for them: half of what the last journal PUT took, at most [`PATIENCE`].
    patience: Duration,
}

impl Sequencer {
    pub(super) fn new(
        setup: &Arc<Setup>,
        state: State,
        publish: mpsc::Sender<Leaves>,
        health: &Arc<Health>,
        listeners: &Arc<Listeners>,
    ) -> Self {
        health.grown(state.frontier.size());
        let (setup, health, listeners) = (Arc::clone(setup), Arc::clone(health), Arc::clone(listeners));
        let repeats = Arc::new(Semaphore::new(REPEATS as usize));
        Self { setup, state, publish, health, listeners, repeats, crowd: Crowd::default() }
    }

    /// Runs until it is told to close, or every sender is gone, and the queue is empty.
    pub(super) async fn run(mut self, mut entries: mpsc::Receiver<Pending>, closing: Arc<Notify>) {
        let mut waiting = Vec::with_capacity(MAX_ENTRIES);
        loop {
            let received = tokio::select! {
                count = entries.recv_many(&mut waiting, MAX_ENTRIES) => count,
                () = closing.notified() => { entries.close(); continue; }
                () = tokio::time::sleep(LOOK) => { self.look().await; continue; }
            };
            if received == 0 {
                break;
            }
            self.gather(&mut entries, &mut waiting).await;
            self.commit(std::mem::take(&mut waiting), &entries).await;
        }
        // With every permit back, nobody waits for an answer from the log any more.
        let _ = self.repeats.acquire_many(REPEATS).await;
    }

    /// Waits a moment for the others when several ask at once: without it they fall into two crowds that take turns,
    /// and each waits for two PUTs instead of one. Who asks alone is expected alone, and never waits.
    async fn gather(&self, entries: &mut mpsc::Receiver<Pending>, waiting: &mut Vec<Pending>) {
        let until = Instant::now() + self.crowd.patience;
        while waiting.len() < self.crowd.size.min(MAX_ENTRIES) {
            let room = MAX_ENTRIES - waiting.len();
            match tokio::time::timeout_at(until, entries.recv_many(waiting, room)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Commits what waits and answers each; `entries` tells how many came meanwhile.
    async fn commit(&mut self, mut waiting: Vec<Pending>, entries: &mpsc::Receiver<Pending>) {
        loop {
            let (fresh, repeated) = self.sort(waiting);
            if fresh.is_empty() {
                return;
            }
            waiting = match self.commit_round(&fresh).await {
                Ok(Some(committed)) => {
                    self.crowd.size = fresh.len() + entries.len();
                    for (pending, committed) in fresh.into_iter().zip(committed) {
                        // Who asked may be gone; the entry stands.
                        let _ = pending.reply.send(Ok(committed));
                    }
                    repeated
                }
                // Other rounds came first, and any of them may hold a request that waits here: sent to another node, or
                // committed by this one with the reply lost. Without sorting again it would get a second precert (I8).
                Ok(None) => fresh.into_iter().chain(repeated).collect(),
                Err(error) => {
                    self.health.commit_failed();
                    tracing::error!(%error, "the round was not committed");
                    for pending in fresh.into_iter().chain(repeated) {
                        let _ = pending.reply.send(Err(error.clone()));
                    }
                    return;
                }
            };
        }
    }

    /// Splits what waits into entries to be committed now, and repetitions of requests among them that have to wait for
    /// those; what is in the log already is answered from there, and never committed again (I8).
    fn sort(&self, waiting: Vec<Pending>) -> (Vec<Pending>, Vec<Pending>) {
        let (mut fresh, mut repeated) = (Vec::with_capacity(waiting.len()), Vec::new());
        let mut ids = HashSet::new();
        let now = self.setup.clock.now();
        for pending in waiting {
            let Some((id, since)) = pending.draft.request() else {
                fresh.push(pending);
                continue;
            };
            if let Some(spot) = self.state.recent.get(id) {
                self.answer_from_log(pending, spot);
            } else if !can_tell(since, self.state.last_time, now) {
                let _ = pending.reply.send(Err(LedgerError::Stale));
            } else if ids.insert(id) {
                fresh.push(pending);
            } else {
                repeated.push(pending);
            }
        }
        (fresh, repeated)
    }

    /// Reads the earlier answer on the side; the sequencer goes on meanwhile.
    fn answer_from_log(&self, pending: Pending, spot: Spot) {
        let Ok(permit) = Arc::clone(&self.repeats).try_acquire_owned() else {
            let _ = pending.reply.send(Err(LedgerError::Busy));
            return;
        };
        let setup = Arc::clone(&self.setup);
        tokio::spawn(async move {
            let answer = rounds::committed_at(&setup, spot, &pending.draft).await;
            let _ = pending.reply.send(answer);
            drop(permit);
        });
    }

    /// Commits entries as the next round; `None` when others were there first: their rounds are then taken up, and it
    /// has to be asked anew what of this is still to be committed.
    async fn commit_round(&mut self, fresh: &[Pending]) -> Result<Option<Vec<Committed>>, LedgerError> {
        // A place at the publisher first: once the round is committed, nothing may hold its answers back.
        let room = self.room().await?;
        let time = self.time()?;
        let sealed = self.seal(fresh, time)?;
        let round = self.round(&sealed)?;
        if self.put(&round).await? {
            self.health.commit_possible();
            return self.settle(&round, fresh, sealed, time, room).map(Some);
        }
        drop(room);
        // Somebody else's round is at this place: it is part of the log like our own (I2, L3).
        if !self.adopt_next().await? {
            let key = journal::object_key(round.first_index());
            return Err(LedgerError::Unavailable(format!("{key} is taken and cannot be read")));
        }
        self.catch_up().await?;
        Ok(None)
    }

    /// Waits for room in the queue of the publisher; when it is far behind, commits wait, and at last are refused.
    async fn room(&self) -> Result<OwnedPermit<Leaves>, LedgerError> {
        let unavailable = |cause: &str| LedgerError::Unavailable(cause.to_owned());
        let room = tokio::time::timeout(DEADLINE, self.publish.clone().reserve_owned()).await;
        let room = room.map_err(|_| unavailable("too many rounds are not published yet"))?;
        room.map_err(|_| unavailable("the publisher has stopped; its last message says why"))
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
    async fn put(&mut self, round: &Round) -> Result<bool, LedgerError> {
        let keys = &self.setup.keys;
        let bytes =
            round.sign(keys.origin(), keys.signer()).map_err(|e| LedgerError::Entry(e.to_string()))?;
        let key = journal::object_key(round.first_index());
        // From here on the round may be in the log whatever we hear: after an error its place is not used again unseen,
        // because the next PUT to it answers `Exists` and the round that is there is adopted.
        let begun = Instant::now();
        let put = self.setup.store.put_new(&key, Bytes::from(bytes), Class::Immutable);
        let put = tokio::time::timeout(DEADLINE, put).await;
        self.crowd.patience = (begun.elapsed() / 2).min(PATIENCE);
        match put {
            Ok(Ok(put)) => Ok(put == Put::Created),
            Ok(Err(error)) => Err(LedgerError::Unavailable(error.to_string())),
            Err(_) => Err(LedgerError::Unavailable(format!("the store has not answered for {key}"))),
        }
    }

    /// Moves past our round, hands it to the publisher, and makes the proofs.
    fn settle(
        &mut self,
        round: &Round,
        fresh: &[Pending],
        sealed: Vec<Sealed>,
        time: UnixMillis,
        room: OwnedPermit<Leaves>,
    ) -> Result<Vec<Committed>, LedgerError> {
        let leaves: Vec<Leaf> = sealed.iter().map(|sealed| sealed.leaf).collect();
        let tree = Batch::new(round.before(), &journal::leaf_hashes(&leaves));
        let first = round.first_index();
        let ids = |(index, pending): (u64, &Pending)| Some((pending.draft.request()?.0, index));
        self.state.recent.add(first, time, (first..).zip(fresh).filter_map(ids));
        self.advance(&tree, time, Leaves { first, leaves }, room);
        self.listeners.tell(first, time, fresh, &self.setup.cas);
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

    /// Takes up every round that stands in the journal after those known here, whoever wrote it.
    async fn catch_up(&mut self) -> Result<(), LedgerError> {
        while self.adopt_next().await? {}
        Ok(())
    }

    /// Takes up the next round of the journal; false when there is none yet.
    async fn adopt_next(&mut self) -> Result<bool, LedgerError> {
        let room = self.room().await?;
        let key = journal::object_key(self.state.frontier.size());
        let unavailable = |cause: String| LedgerError::Unavailable(cause);
        let found = rounds::find(&self.setup, &key).await.map_err(|error| unavailable(error.to_string()))?;
        let Some(round) = found else { return Ok(false) };
        if *round.before() != self.state.frontier {
            return Err(unavailable(format!("{key} does not continue this log")));
        }
        let wrap = |error: journal::JournalError| unavailable(format!("{key}: {error}"));
        let leaves = rounds::leaves(&round).map_err(wrap)?;
        let time = self.state.recent.add_round(&round).map_err(wrap)?;
        let tree = Batch::new(round.before(), &journal::leaf_hashes(&leaves));
        self.advance(&tree, time, Leaves { first: round.first_index(), leaves }, room);
        Ok(true)
    }

    fn advance(&mut self, tree: &Batch, time: UnixMillis, round: Leaves, room: OwnedPermit<Leaves>) {
        self.state.frontier = tree.after();
        self.state.last_time = self.state.last_time.max(time);
        self.health.grown(tree.size());
        room.send(round);
    }

    /// Follows the log while nobody asks for anything: what another node committed and did not live to publish is
    /// published from here, and readiness comes back by itself when the store does (L1, L9).
    async fn look(&mut self) {
        let looked = match self.catch_up().await {
            Ok(()) => self.time().map(drop),
            Err(error) => Err(error),
        };
        let able = match looked {
            Ok(()) if self.health.commits() => return,
            Ok(()) => self.try_write().await,
            Err(error) => Err(error),
        };
        match able {
            Ok(()) => {
                tracing::info!("the log can be written again");
                self.health.commit_possible();
            }
            Err(error) => {
                tracing::warn!(%error, "the log cannot be written");
                self.health.commit_failed();
            }
        }
    }

    /// Finds out whether the store takes anything.
    async fn try_write(&self) -> Result<(), LedgerError> {
        let unavailable = |error: String| LedgerError::Unavailable(error);
        let random = getrandom::u64().map_err(|error| unavailable(error.to_string()))?;
        let key = format!("{}/{random:016x}/retry", crate::objects::probe::FOLDER);
        let written = self.setup.store.put_new(&key, Bytes::from_static(b"retry"), Class::Derived).await;
        written.map(drop).map_err(|error| unavailable(error.to_string()))
    }
}

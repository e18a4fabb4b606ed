//! The publisher: writes what follows from the journal, in order, for everyone to read.
//!
//! Tiles and entry bundles first, then the round's checkpoint under its size, at last `checkpoint`, which moves only
//! forward. All of it is a function of the journal, so a crash anywhere leaves nothing that a later run does not finish, and
//! two nodes that publish the same round write the same bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ca_core::log::edge::Edge;
use ca_core::log::leaf::Leaf;
use ca_core::log::{SignedCheckpoint, VerifierKey};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::health::Health;
use super::recover::{HighWater, Known, RecoverError};
use super::{LedgerError, Setup};
use crate::objects::{Class, Etag, ObjectStore, Put, Swap};

/// How many objects are written at once.
const PARALLEL: usize = 16;

/// How far apart publications begin, at the least: each replaces `checkpoint` and is remembered outside the log.
const PACE: Duration = Duration::from_millis(100);

/// The longest pause between tries, in seconds.
const MAX_PAUSE_SECS: u64 = 30;

/// How many rounds are published in one go; more, and a log that is rebuilt from its beginning would have to fit into
/// memory with all its tiles.
const ROUNDS: usize = 256;

/// How often `checkpoint` may move under our hands before we pause.
const SWAPS: usize = 16;

/// The folder of all checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints/";

/// The key of the latest checkpoint.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// Gives the key of the checkpoint for a size.
pub(super) fn checkpoint_key(size: u64) -> String {
    format!("{CHECKPOINTS}{size:020}")
}

/// A round as the publisher needs it: where it starts, and its leaves.
#[derive(Debug)]
pub(super) struct Leaves {
    pub(super) first: u64,
    pub(super) leaves: Vec<Leaf>,
}

/// What the publisher goes on from: the right edge of the published tree, `checkpoint` as it was seen last, and the
/// size that this node remembers to have seen.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) edge: Edge,
    head: Head,
    seen_size: u64,
}

/// The `checkpoint` object: its version, and its size; 0 when it is not there or not this log's.
#[derive(Debug, Default)]
struct Head {
    etag: Option<Etag>,
    size: u64,
}

impl State {
    /// Loads the edge of the published tree; the empty edge when nothing is published or tiles are missing, so that
    /// everything is published again from the journal.
    pub(super) async fn load(setup: &Setup, known: &Known) -> Result<Self, RecoverError> {
        let edge = match &known.head {
            Some(head) => load_edge(setup, head).await?,
            None => Edge::empty(),
        };
        let size = known.head.as_ref().map_or(0, SignedCheckpoint::size);
        Ok(Self { edge, head: Head { etag: known.etag.clone(), size }, seen_size: known.seen_size() })
    }
}

async fn load_edge(setup: &Setup, head: &SignedCheckpoint) -> Result<Edge, RecoverError> {
    let mut objects = std::collections::HashMap::new();
    for path in Edge::required(head.size()) {
        let key = path.to_string();
        if let Some(object) = setup.store.get(&key).await? {
            objects.insert(key, object.bytes.to_vec());
        }
    }
    match Edge::from_objects(head.size(), |path| objects.remove(&path.to_string())) {
        Ok(edge) if edge.root() == head.root() => Ok(edge),
        damaged => {
            let error = damaged.err().map(|error| error.to_string());
            tracing::error!(
                error,
                "alarm: tiles of the log are missing or damaged; they are rebuilt from the journal"
            );
            Ok(Edge::empty())
        }
    }
}

/// The task that publishes.
#[derive(Debug)]
pub(super) struct Publisher {
    setup: Setup,
    state: State,
    seen: Arc<dyn HighWater>,
    health: Arc<Health>,
}

impl Publisher {
    pub(super) fn new(setup: &Setup, state: State, seen: Arc<dyn HighWater>, health: Arc<Health>) -> Self {
        health.published(state.edge.size());
        Self { setup: setup.clone(), state, seen, health }
    }

    /// Publishes what was left, then every round that comes, until there are no more.
    ///
    /// Ends early when the rounds do not make one log: then the sequencer finds nobody to take the next round, and
    /// commits nothing more.
    pub(super) async fn run(mut self, unpublished: Vec<Leaves>, mut rounds: mpsc::Receiver<Leaves>) {
        let mut waiting = unpublished;
        let mut begun = Instant::now();
        loop {
            for some in waiting.chunks(ROUNDS) {
                if let Err(error) = self.publish_surely(some).await {
                    tracing::error!(%error, "alarm: the journal cannot be published; nothing more is committed");
                    self.health.publish_failed();
                    return;
                }
            }
            waiting.clear();
            // Under load one publication carries many rounds; the first after a pause goes out at once.
            tokio::time::sleep_until(begun + PACE).await;
            if rounds.recv_many(&mut waiting, ROUNDS).await == 0 {
                return;
            }
            begun = Instant::now();
        }
    }

    /// Tries until it works: what is committed must become readable, and nothing later may overtake it.
    async fn publish_surely(&mut self, rounds: &[Leaves]) -> Result<(), LedgerError> {
        let mut pause = Duration::from_millis(100);
        let mut objects = Vec::new();
        let checkpoint = self.grow(rounds, &mut objects)?;
        while let Err(error) = self.publish(&objects, &checkpoint).await {
            tracing::error!(%error, "the log was not published; trying again");
            self.health.publish_failed();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(MAX_PAUSE_SECS));
        }
        self.health.published(checkpoint.size());
        self.remember(&checkpoint).await;
        Ok(())
    }

    /// Notes the checkpoint outside the log; never a smaller one, as a log that is published anew from its beginning
    /// would otherwise be forgotten for that long.
    async fn remember(&mut self, checkpoint: &SignedCheckpoint) {
        if checkpoint.size() <= self.state.seen_size {
            return;
        }
        match self.seen.store(checkpoint.note()).await {
            Ok(()) => self.state.seen_size = checkpoint.size(),
            Err(error) => tracing::warn!(%error, "the checkpoint seen last was not remembered"),
        }
    }

    /// Adds rounds to the edge and collects the objects to write; gives the last checkpoint.
    fn grow(
        &mut self,
        rounds: &[Leaves],
        objects: &mut Vec<Derived>,
    ) -> Result<SignedCheckpoint, LedgerError> {
        let entry_error = |error: String| LedgerError::Entry(error);
        let mut last = None;
        for round in rounds {
            if round.first != self.state.edge.size() {
                return Err(entry_error(format!(
                    "round {} does not continue {}",
                    round.first,
                    self.state.edge.size()
                )));
            }
            let leaves: Vec<_> = round.leaves.iter().map(Leaf::to_bytes).collect();
            let tiles = self.state.edge.append(&leaves).map_err(|e| entry_error(e.to_string()))?;
            objects.extend(tiles.into_iter().map(|(path, bytes)| Derived {
                key: path.to_string(),
                bytes: Bytes::from(bytes),
                class: Class::Derived,
            }));
            let checkpoint = self.setup.keys.checkpoint(self.state.edge.size(), self.state.edge.root())?;
            objects.push(Derived {
                key: checkpoint_key(checkpoint.size()),
                bytes: Bytes::from(checkpoint.note().to_owned()),
                class: Class::Immutable,
            });
            last = Some(checkpoint);
        }
        last.ok_or_else(|| entry_error("there is nothing to publish".to_owned()))
    }

    async fn publish(&mut self, objects: &[Derived], checkpoint: &SignedCheckpoint) -> Result<(), String> {
        // Tiles before the checkpoints that speak of them; within each, in any order.
        for class in [Class::Derived, Class::Immutable] {
            let mut writes = tokio::task::JoinSet::new();
            for object in objects.iter().filter(|object| object.class == class) {
                if writes.len() >= PARALLEL {
                    settle(writes.join_next().await)?;
                }
                writes.spawn(object.clone().write(Arc::clone(&self.setup.store)));
            }
            while let Some(written) = writes.join_next().await {
                settle(Some(written))?;
            }
        }
        self.replace_checkpoint(checkpoint).await
    }

    /// Moves `checkpoint` forward; when another node has moved it further, that is as good.
    async fn replace_checkpoint(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), String> {
        for _ in 0..SWAPS {
            // Asked before every try: the version known here may be one that another node has moved further, and then
            // the swap would succeed and move it back.
            if self.state.head.size >= checkpoint.size() {
                return Ok(());
            }
            let store = &self.setup.store;
            let bytes = Bytes::from(checkpoint.note().to_owned());
            let swapped = store.replace_if(CHECKPOINT, bytes, self.state.head.etag.as_ref()).await;
            match swapped.map_err(|error| error.to_string())? {
                Swap::Done(etag) => {
                    self.state.head = Head { etag: Some(etag), size: checkpoint.size() };
                    return Ok(());
                }
                Swap::Lost => self.look_at_checkpoint().await?,
            }
        }
        Err(format!("{CHECKPOINT} was replaced by others {SWAPS} times"))
    }

    async fn look_at_checkpoint(&mut self) -> Result<(), String> {
        let found = self.setup.store.get(CHECKPOINT).await.map_err(|error| error.to_string())?;
        self.state.head = found.map_or_else(Head::default, |object| {
            let there = parse(&object.bytes, self.setup.keys.verifier());
            Head { etag: Some(object.etag), size: there.map_or(0, |there| there.size()) }
        });
        Ok(())
    }
}

/// Reads a checkpoint of this log.
pub(super) fn parse(note: &[u8], key: &VerifierKey) -> Result<SignedCheckpoint, String> {
    let note = std::str::from_utf8(note).map_err(|error| error.to_string())?;
    SignedCheckpoint::parse(note, key).map_err(|error| error.to_string())
}

fn settle(written: Option<Result<Result<(), String>, tokio::task::JoinError>>) -> Result<(), String> {
    match written {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(error.to_string()),
        None => Ok(()),
    }
}

/// An object that follows from the journal.
#[derive(Clone, Debug)]
struct Derived {
    key: String,
    bytes: Bytes,
    class: Class,
}

impl Derived {
    async fn write(self, store: Arc<dyn ObjectStore>) -> Result<(), String> {
        match store.put_new(&self.key, self.bytes, self.class).await {
            Ok(Put::Created) => Ok(()),
            // Only damage or a forger can have put other bytes there; nothing is overwritten, so that it can be looked at.
            Ok(Put::Exists) => Err(format!(
                "alarm: {} holds other bytes than the journal says; keep a copy, delete it, and it is written again",
                self.key
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

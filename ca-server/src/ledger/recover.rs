//! Taking up the log where it stands: the start of a node, and answers that are in the log already.
//!
//! There is no repair code (I7). A start reads the journal as the sequencer does when it lost a race, and
//! what a dead node left unpublished goes through the publisher like any other round.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::issuance::Precert;
use ca_core::log::event::What;
use ca_core::log::hash::sha256;
use ca_core::log::journal::{self, Entry, JournalError, MAX_ENTRIES, Round};
use ca_core::log::leaf::Leaf;
use ca_core::log::{Batch, SignedCheckpoint};

use super::draft::Committed;
use super::publisher::{self, Leaves};
use super::recent::Spot;
use super::sequencer::State;
use super::{Draft, LedgerError, Setup};
use crate::objects::{Etag, StoreError};

/// Remembers the largest checkpoint a node has published, outside the log, so that a log that was cut back is noticed.
#[async_trait]
pub trait HighWater: Send + Sync + std::fmt::Debug + 'static {
    /// Gives the signed note last stored; `None` when there is none.
    async fn load(&self) -> Result<Option<String>, String>;

    /// Stores a signed note; storing a smaller one is the caller's mistake.
    async fn store(&self, note: &str) -> Result<(), String>;
}

/// Why a log cannot be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// There is no log yet.
    #[error("there is no log here: create one with `ca-server init`")]
    NoLog,
    /// There is a log already.
    #[error("there is a log here already; it is never overwritten")]
    LogExists,
    /// The log is shorter than what this node has seen of it, or has another content.
    #[error(
        "this log is not the one that was here before: entry {seen} was seen, and the log {found}. It was cut back, replaced or restored from an old copy; nothing is signed until the right one is back"
    )]
    CutBack {
        /// The size seen before.
        seen: u64,
        /// What is there now.
        found: String,
    },
    /// An object of the log is not good.
    #[error("{key}: {cause}")]
    Object {
        /// The object.
        key: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What this node remembers of the log cannot be read.
    #[error("the checkpoint seen last cannot be read: {0}")]
    HighWater(String),
    /// The first entry could not be written.
    #[error(transparent)]
    First(#[from] LedgerError),
}

/// All that the tasks start from.
pub(super) struct Start {
    pub(super) sequencer: State,
    pub(super) publisher: publisher::State,
    pub(super) unpublished: Vec<Leaves>,
}

/// The `checkpoint` object as it was found.
pub(super) struct Published {
    pub(super) head: Option<SignedCheckpoint>,
    pub(super) etag: Option<Etag>,
}

/// Makes sure that no log is here.
pub(super) async fn nothing_there(setup: &Setup) -> Result<Start, RecoverError> {
    let journal = setup.store.list(journal::PREFIX, None, 1).await?;
    if !journal.is_empty() || setup.store.get("checkpoint").await?.is_some() {
        return Err(RecoverError::LogExists);
    }
    Ok(Start { sequencer: State::default(), publisher: publisher::State::default(), unpublished: Vec::new() })
}

/// Reads where the log stands.
pub(super) async fn recover(setup: &Setup, seen: &dyn HighWater) -> Result<Start, RecoverError> {
    let published = published(setup).await?;
    let mut reader = JournalReader { setup, state: State::default(), unpublished: Vec::new() };
    let publisher = match publisher::State::load(setup, &published).await? {
        Some(publisher) => publisher,
        None => publisher::State { etag: published.etag, ..publisher::State::default() },
    };
    reader.read(publisher.edge.size()).await?;
    check_high_water(setup, seen, &reader.state).await?;
    Ok(Start { sequencer: reader.state, publisher, unpublished: reader.unpublished })
}

/// Reads the `checkpoint` object; one that is lost or not ours is an alarm, and rebuilt from the journal (L5).
async fn published(setup: &Setup) -> Result<Published, RecoverError> {
    let Some(object) = setup.store.get("checkpoint").await? else {
        tracing::warn!("alarm: the log's checkpoint object is missing; it is rebuilt from the journal");
        return Ok(Published { head: None, etag: None });
    };
    let parsed = std::str::from_utf8(&object.bytes).map_err(|e| e.to_string());
    let checkpoint = parsed
        .and_then(|note| SignedCheckpoint::parse(note, setup.keys.verifier()).map_err(|e| e.to_string()));
    let head = checkpoint.inspect_err(|error| {
        tracing::error!(
            error,
            "alarm: the log's checkpoint object is not this log's; it is rebuilt from the journal"
        );
    });
    Ok(Published { head: head.ok(), etag: Some(object.etag) })
}

struct JournalReader<'a> {
    setup: &'a Setup,
    state: State,
    unpublished: Vec<Leaves>,
}

impl JournalReader<'_> {
    /// Reads every round that matters: the unpublished ones, and those with requests that are still fresh.
    async fn read(&mut self, published: u64) -> Result<(), RecoverError> {
        let Some(last) = self.last_round(published).await? else { return Err(RecoverError::NoLog) };
        let from = last.fresh_since().min(published);
        // The place just before `from` is enough to start at: rounds are found by listing, in order.
        let mut after = from.checked_sub(1).map(journal::object_key);
        loop {
            let keys = self.setup.store.list(journal::PREFIX, after.as_deref(), 1000).await?;
            let Some(last_key) = keys.last().cloned() else { return Ok(()) };
            for key in keys {
                self.take(&key, published).await?;
            }
            after = Some(last_key);
        }
    }

    /// Finds the last round, which is at most one full round before the published size or somewhere after it.
    async fn last_round(&self, published: u64) -> Result<Option<Round>, RecoverError> {
        let mut after = published.checked_sub(MAX_ENTRIES as u64 + 1).map(journal::object_key);
        let mut last = None;
        loop {
            let keys = self.setup.store.list(journal::PREFIX, after.as_deref(), 1000).await?;
            let Some(key) = keys.last() else { break };
            last = Some(key.clone());
            after.clone_from(&last);
        }
        match last {
            Some(key) => Ok(Some(read_round(self.setup, &key).await?)),
            None => Ok(None),
        }
    }

    async fn take(&mut self, key: &str, published: u64) -> Result<(), RecoverError> {
        let round = read_round(self.setup, key).await?;
        let object = |cause: String| RecoverError::Object { key: key.to_owned(), cause };
        let started = self.state.frontier.size() > 0;
        if started && *round.before() != self.state.frontier || !started && round.first_index() > published {
            return Err(object("it does not continue the round before it".to_owned()));
        }
        let leaves = leaves(&round).map_err(|error| object(error.to_string()))?;
        let time = self.state.recent.add_round(&round).map_err(|error| object(error.to_string()))?;
        self.state.frontier = Batch::new(round.before(), &journal::leaf_hashes(&leaves)).after();
        self.state.last_time = self.state.last_time.max(time);
        if round.size() > published {
            self.unpublished.push(Leaves { first: round.first_index(), leaves });
        }
        Ok(())
    }
}

pub(super) fn leaves(round: &Round) -> Result<Vec<Leaf>, JournalError> {
    round.entries().map(|entry| entry.map(|entry| entry.leaf)).collect()
}

/// Compares the log with the largest checkpoint this node has seen (I2, L5).
async fn check_high_water(setup: &Setup, seen: &dyn HighWater, state: &State) -> Result<(), RecoverError> {
    let Some(note) = seen.load().await.map_err(RecoverError::HighWater)? else { return Ok(()) };
    let seen = SignedCheckpoint::parse(&note, setup.keys.verifier());
    let seen = seen.map_err(|error| RecoverError::HighWater(error.to_string()))?;
    let size = state.frontier.size();
    let cut_back = |found| Err(RecoverError::CutBack { seen: seen.size(), found });
    if size < seen.size() {
        return cut_back(format!("ends at {size}"));
    }
    if size == seen.size() && state.frontier.root() != seen.root() {
        return cut_back("has other entries".to_owned());
    }
    let stored = setup.store.get(&publisher::checkpoint_key(seen.size())).await?;
    match stored {
        Some(object) if object.bytes != seen.note().as_bytes() => {
            cut_back("has another checkpoint for it".to_owned())
        }
        _ => Ok(()),
    }
}

/// Reads and verifies one journal object.
pub(super) async fn read_round(setup: &Setup, key: &str) -> Result<Round, RecoverError> {
    let object = |cause: String| RecoverError::Object { key: key.to_owned(), cause };
    let found = setup.store.get(key).await?.ok_or_else(|| object("it is not there".to_owned()))?;
    let round = Round::verify(&found.bytes, setup.keys.origin(), setup.keys.verifier());
    let round = round.map_err(|error| object(error.to_string()))?;
    if journal::object_key(round.first_index()) == key {
        Ok(round)
    } else {
        Err(object("it is the round of another place".to_owned()))
    }
}

/// Gives the answer to a request that is in the log already: the same entry, proof and precert as the first time (I8).
pub(super) async fn committed_at(setup: &Setup, spot: Spot, draft: &Draft) -> Result<Committed, LedgerError> {
    let unavailable = |error: String| LedgerError::Unavailable(error);
    let round =
        read_round(setup, &journal::object_key(spot.round)).await.map_err(|e| unavailable(e.to_string()))?;
    let entries: Vec<Entry> =
        round.entries().collect::<Result<_, _>>().map_err(|e| unavailable(e.to_string()))?;
    let position = usize::try_from(spot.index - spot.round).map_err(|e| unavailable(e.to_string()))?;
    let entry =
        entries.get(position).ok_or_else(|| unavailable("the entry is not in its round".to_owned()))?;
    let (Draft::Certificate(draft), What::Certificate(intent)) = (draft, &entry.event.what) else {
        return Err(LedgerError::Conflict);
    };
    if intent.request != draft.request.text() {
        return Err(LedgerError::Conflict);
    }
    let leaves: Vec<_> = entries.iter().map(|entry| entry.leaf).collect();
    let tree = Batch::new(round.before(), &journal::leaf_hashes(&leaves));
    let bytes = STANDARD.decode(&intent.precert).map_err(|e| unavailable(e.to_string()))?;
    Ok(Committed {
        index: entry.index,
        time: entry.event.time,
        event_hash: sha256(entry.line.as_bytes()),
        proof: tree.proof(position).unwrap_or_default(),
        checkpoint: Arc::new(setup.keys.checkpoint(tree.size(), tree.root())?),
        precert: Some(Precert::from_bytes(&bytes).map_err(|e| unavailable(e.to_string()))?),
    })
}

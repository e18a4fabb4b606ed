//! Taking up the log where it stands.
//!
//! There is no repair code (I7). A start reads the journal as the sequencer does when it lost a race, and
//! what a dead node left unpublished goes through the publisher like any other round.

use async_trait::async_trait;
use ca_core::log::hash::Hash;
use ca_core::log::journal::{self, JournalError, MAX_ENTRIES, Round};
use ca_core::log::leaf::Leaf;
use ca_core::log::{Batch, Frontier, SignedCheckpoint};
use futures_util::stream::{self, StreamExt as _};

use super::publisher::{self, Leaves};
use super::sequencer::State;
use super::{LedgerError, Setup, rounds};
use crate::objects::{Etag, StoreError};

/// How many keys are listed at once.
const PAGE: usize = 1000;

/// How many rounds are read at once: on S3 each takes its time.
pub(super) const AHEAD: usize = 16;

/// Remembers the largest checkpoint a node has published, outside the log, so that a log that was cut back is noticed.
#[async_trait]
pub trait HighWater: Send + Sync + std::fmt::Debug + 'static {
    /// Gives the signed note last stored; `None` when there is none.
    async fn load(&self) -> Result<Option<String>, String>;

    /// Stores a signed note. One node stores only larger and larger ones; where several share what is remembered, the
    /// implementation keeps the largest.
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

/// What is known to have been signed: none of it may be missing from the journal.
pub(super) struct Known {
    /// What this node has seen.
    seen: Option<SignedCheckpoint>,
    /// The last of `checkpoints/`, when it is ahead of the `checkpoint` object.
    last: Option<SignedCheckpoint>,
    /// The `checkpoint` object, if it is this log's.
    pub(super) head: Option<SignedCheckpoint>,
    /// The version of the `checkpoint` object, whatever it is.
    pub(super) etag: Option<Etag>,
}

/// Makes sure that no log is here, nor was.
pub(super) async fn nothing_there(setup: &Setup, seen: &dyn HighWater) -> Result<Start, RecoverError> {
    if let Some(seen) = load_seen(setup, seen).await? {
        let found = "is not here".to_owned();
        return Err(RecoverError::CutBack { seen: seen.size(), found });
    }
    for folder in [journal::PREFIX, publisher::CHECKPOINTS] {
        if !setup.store.list(folder, None, 1).await?.is_empty() {
            return Err(RecoverError::LogExists);
        }
    }
    if setup.store.get(publisher::CHECKPOINT).await?.is_some() {
        return Err(RecoverError::LogExists);
    }
    Ok(Start { sequencer: State::default(), publisher: publisher::State::default(), unpublished: Vec::new() })
}

/// Reads where the log stands.
pub(super) async fn recover(setup: &Setup, seen: &dyn HighWater) -> Result<Start, RecoverError> {
    // What is known is read before the journal, which other nodes may be adding to: the other way round, a checkpoint
    // from in between would look like a log that was cut back.
    let known = Known::load(setup, seen).await?;
    let publisher = publisher::State::load(setup, &known).await?;
    let mut reader = JournalReader::new(setup, publisher.edge.size());
    reader.read(&known).await?;
    let (sequencer, unpublished) = reader.finish()?;
    for checkpoint in known.all() {
        check_holds(setup, checkpoint, sequencer.frontier.size()).await?;
    }
    Ok(Start { sequencer, publisher, unpublished })
}

impl Known {
    async fn load(setup: &Setup, seen: &dyn HighWater) -> Result<Self, RecoverError> {
        let seen = load_seen(setup, seen).await?;
        let (head, etag) = read_checkpoint(setup, publisher::CHECKPOINT).await?;
        let after = head.as_ref().map(|head| publisher::checkpoint_key(head.size()));
        let last = match last_key(setup, publisher::CHECKPOINTS, after, None).await? {
            Some(key) => read_checkpoint(setup, &key).await?.0,
            None => None,
        };
        if head.is_none() {
            tracing::error!("alarm: the checkpoint is lost; it is rebuilt from the journal");
        } else if size_of(head.as_ref()) < size_of(seen.as_ref()) {
            tracing::error!("alarm: the checkpoint was moved back; it is brought forward from the journal");
        }
        Ok(Self { seen, last, head, etag })
    }

    /// Gives the size of the largest checkpoint that is known; 0 when none is.
    pub(super) fn size(&self) -> u64 {
        self.all().map(SignedCheckpoint::size).max().unwrap_or_default()
    }

    fn all(&self) -> impl Iterator<Item = &SignedCheckpoint> {
        [&self.seen, &self.last, &self.head].into_iter().flatten()
    }

    /// Gives the size this node has seen.
    pub(super) fn seen_size(&self) -> u64 {
        size_of(self.seen.as_ref())
    }
}

fn size_of(checkpoint: Option<&SignedCheckpoint>) -> u64 {
    checkpoint.map_or(0, SignedCheckpoint::size)
}

async fn load_seen(setup: &Setup, seen: &dyn HighWater) -> Result<Option<SignedCheckpoint>, RecoverError> {
    let Some(note) = seen.load().await.map_err(RecoverError::HighWater)? else { return Ok(None) };
    let seen = SignedCheckpoint::parse(&note, setup.keys.verifier());
    seen.map(Some).map_err(|error| RecoverError::HighWater(error.to_string()))
}

/// Reads a checkpoint of the store; one that is not this log's is an alarm, and then nothing rests on it (L5).
async fn read_checkpoint(
    setup: &Setup,
    key: &str,
) -> Result<(Option<SignedCheckpoint>, Option<Etag>), RecoverError> {
    let Some(object) = setup.store.get(key).await? else { return Ok((None, None)) };
    let checkpoint = publisher::parse(&object.bytes, setup.keys.verifier())
        .inspect_err(|error| tracing::error!(key, error, "alarm: this checkpoint is not this log's"));
    Ok((checkpoint.ok(), Some(object.etag)))
}

/// Finds the last key of a folder that sorts after one key and not after another.
async fn last_key(
    setup: &Setup,
    folder: &str,
    mut after: Option<String>,
    end: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let mut last = None;
    loop {
        let keys = setup.store.list(folder, after.as_deref(), PAGE).await?;
        let mut within = keys.into_iter().filter(|key| end.is_none_or(|end| key.as_str() <= end));
        let Some(found) = within.next_back() else { return Ok(last) };
        after = Some(found.clone());
        last = Some(found);
    }
}

/// Reads a round in a task of its own, so that the processors share the work.
pub(super) async fn read_aside(setup: Setup, key: String) -> (String, Result<Round, RecoverError>) {
    let object = key.clone();
    let task = tokio::spawn(async move { rounds::read(&setup, &object).await });
    let round = task.await.unwrap_or_else(|error| {
        Err(RecoverError::Object { key: key.clone(), cause: format!("it was not read: {error}") })
    });
    (key, round)
}

/// The round read last.
struct Last {
    round: Round,
    /// The tree after it, once it was computed.
    after: Option<Frontier>,
}

impl Last {
    /// Gives the frontier of the tree after the round.
    fn after(&self) -> Result<Frontier, JournalError> {
        match &self.after {
            Some(after) => Ok(after.clone()),
            None => Ok(tree_after(&self.round, &rounds::leaves(&self.round)?)),
        }
    }
}

fn tree_after(round: &Round, leaves: &[Leaf]) -> Frontier {
    Batch::new(round.before(), &journal::leaf_hashes(leaves)).after()
}

struct JournalReader<'a> {
    setup: &'a Setup,
    /// How many entries are published.
    published: u64,
    state: State,
    last: Option<Last>,
    unpublished: Vec<Leaves>,
}

impl<'a> JournalReader<'a> {
    fn new(setup: &'a Setup, published: u64) -> Self {
        Self { setup, published, state: State::default(), last: None, unpublished: Vec::new() }
    }

    /// Reads every round that matters: the unpublished ones, and those with requests that are still fresh.
    async fn read(&mut self, known: &Known) -> Result<(), RecoverError> {
        let Some(last) = self.last_round().await? else {
            return Err(match known.size() {
                0 => RecoverError::NoLog,
                seen => RecoverError::CutBack { seen, found: "does not come near it".to_owned() },
            });
        };
        let from = last.fresh_since().min(self.published);
        // The place just before `from` is enough to start at: rounds are found by listing, in order.
        let mut after = from.checked_sub(1).map(journal::object_key);
        loop {
            let keys = self.setup.store.list(journal::PREFIX, after.as_deref(), PAGE).await?;
            let Some(last_key) = keys.last().cloned() else { return Ok(()) };
            let mut rounds =
                stream::iter(keys).map(|key| read_aside(self.setup.clone(), key)).buffered(AHEAD);
            while let Some((key, round)) = rounds.next().await {
                self.take(&key, round?)?;
            }
            after = Some(last_key);
        }
    }

    /// Finds the last round, which is at most one full round before the published size or somewhere after it.
    async fn last_round(&self) -> Result<Option<Round>, RecoverError> {
        let after = self.published.checked_sub(MAX_ENTRIES as u64 + 1).map(journal::object_key);
        match last_key(self.setup, journal::PREFIX, after, None).await? {
            Some(key) => Ok(Some(rounds::read(self.setup, &key).await?)),
            None => Ok(None),
        }
    }

    fn take(&mut self, key: &str, round: Round) -> Result<(), RecoverError> {
        let object = |cause: String| RecoverError::Object { key: key.to_owned(), cause };
        let first = round.first_index();
        let last = self.last.take();
        match self.take_up(round, last.as_ref()) {
            Ok(Some(taken)) => self.last = Some(taken),
            Ok(None) => {
                let size = last.map_or(0, |last| last.round.size());
                let cause =
                    format!("round {first} does not continue the round before it, which ends at {size}");
                return Err(object(cause));
            }
            Err(error) => return Err(object(error.to_string())),
        }
        Ok(())
    }

    /// Takes a round up; `None` when it does not continue the last. Of one that is published no more is needed than the
    /// requests in it, and its place; what is not published is built on.
    fn take_up(&mut self, round: Round, last: Option<&Last>) -> Result<Option<Last>, JournalError> {
        let unpublished = round.size() > self.published;
        let continues = match last {
            Some(last) if unpublished => *round.before() == last.after()?,
            Some(last) => round.first_index() == last.round.size(),
            None => round.first_index() <= self.published,
        };
        if !continues {
            return Ok(None);
        }
        let time = self.state.recent.add_round(&round)?;
        self.state.last_time = self.state.last_time.max(time);
        if !unpublished {
            return Ok(Some(Last { round, after: None }));
        }
        let leaves = rounds::leaves(&round)?;
        let after = Some(tree_after(&round, &leaves));
        self.unpublished.push(Leaves { first: round.first_index(), leaves });
        Ok(Some(Last { round, after }))
    }

    /// Gives where the log stands, and what is still to be published.
    fn finish(mut self) -> Result<(State, Vec<Leaves>), RecoverError> {
        if let Some(last) = &self.last {
            let object = |error: JournalError| RecoverError::Object {
                key: journal::object_key(last.round.first_index()),
                cause: error.to_string(),
            };
            self.state.frontier = last.after().map_err(object)?;
        }
        Ok((self.state, self.unpublished))
    }
}

/// Makes sure that a checkpoint which was signed for this log is one of this log still (I2, L5).
///
/// A journal that was cut back, or restored from an old copy and continued, has another tree there or none; to write
/// on would be a fork.
async fn check_holds(setup: &Setup, signed: &SignedCheckpoint, size: u64) -> Result<(), RecoverError> {
    let cut_back = |found| Err(RecoverError::CutBack { seen: signed.size(), found });
    if size < signed.size() {
        return cut_back(format!("ends at {size}"));
    }
    match root_at(setup, signed.size()).await? {
        Some(root) if root == signed.root() => Ok(()),
        Some(_) => cut_back("has other entries".to_owned()),
        None => cut_back("lacks the round with it".to_owned()),
    }
}

/// Computes the root of the tree of that many leaves, more than 0, from the round that the last of them is in.
async fn root_at(setup: &Setup, size: u64) -> Result<Option<Hash>, RecoverError> {
    let Some(index) = size.checked_sub(1) else { return Ok(None) };
    let after = index.checked_sub(MAX_ENTRIES as u64).map(journal::object_key);
    let end = journal::object_key(index);
    let Some(key) = last_key(setup, journal::PREFIX, after, Some(&end)).await? else { return Ok(None) };
    let round = rounds::read(setup, &key).await?;
    let leaves = rounds::leaves(&round);
    let leaves =
        leaves.map_err(|error| RecoverError::Object { key: key.clone(), cause: error.to_string() })?;
    let mut tree = round.before().clone();
    let missing = usize::try_from(size - round.first_index()).unwrap_or(usize::MAX);
    journal::leaf_hashes(&leaves).into_iter().take(missing).for_each(|leaf| tree.push(leaf));
    Ok((tree.size() == size).then(|| tree.root()))
}

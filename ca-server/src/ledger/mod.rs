//! The log as the server keeps it: one place where entries are put in order, committed, and published.
//!
//! ```text
//! append ─▶ queue ─▶ Sequencer ── journal PUT (the commit) ──▶ answer, with a proof for every entry
//!                                        └──▶ Publisher ── tiles, checkpoints/<size>, checkpoint (derived, any node, any time)
//! ```
//!
//! What arrives while a journal PUT is under way forms the next round: no timer delays a lone entry, and a burst is
//! carried by the size of the rounds. Only the journal decides. A node that loses the race for a position reads the
//! winner's round, moves up and tries again; a node that starts does the same with all it has missed (I7).

mod draft;
mod follow;
mod health;
mod host_draft;
mod keys;
mod publisher;
mod recent;
mod recover;
mod rounds;
mod sequencer;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

pub use draft::{Approved, CertificateDraft, Committed, Draft};
pub use follow::{Followed, Follower};
pub use health::Health;
pub use host_draft::HostCertificateDraft;
pub use keys::LogKeys;
pub use recover::{HighWater, RecoverError};

use crate::clock::Clock;
use crate::objects::ObjectStore;
use ca_core::issuance::Cas;
use ca_core::names::RequestId;

/// How many entries may wait; beyond that the server says 503 instead of growing.
const QUEUE: usize = 2048;

/// How many rounds may wait to be published before commits wait for the publisher.
const PUBLISH_QUEUE: usize = 256;

/// Why an entry was not committed, or is not known to be.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The queue is full.
    #[error("the log is busy")]
    Busy,
    /// The store did not take the round; whether it is committed will be known later.
    #[error("the log cannot be written: {0}")]
    Unavailable(String),
    /// The log is shutting down.
    #[error("the log is shutting down")]
    Closed,
    /// The clock is behind the last entry by more than clocks differ.
    #[error("this node's clock is {behind_secs} s behind the last entry of the log")]
    ClockBehind {
        /// By how many seconds.
        behind_secs: u64,
    },
    /// The request id was used for another request.
    #[error("the request id was used before, for another request")]
    Conflict,
    /// The request waited so long, or is so far ahead, that it cannot be told from one used before (I8).
    #[error("the request id is too old or too far ahead to be recorded")]
    Stale,
    /// The entry cannot be written down.
    #[error("the entry cannot be logged: {0}")]
    Entry(String),
}

/// What a ledger needs to run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where the log is.
    pub store: Arc<dyn ObjectStore>,
    /// The log's name and keys.
    pub keys: Arc<LogKeys>,
    /// The CA keys whose certificates are recorded.
    pub cas: Cas,
    /// This node's name, for the events it writes.
    pub node: String,
    /// The clock.
    pub clock: Clock,
}

/// The handle through which everything is recorded.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: mpsc::Sender<Pending>,
    closing: Arc<Notify>,
    health: Arc<Health>,
    setup: Arc<Setup>,
    listeners: Arc<follow::Listeners>,
    taken_up: Arc<TakenUp>,
}

/// What the end of the log said when it was taken up, for whoever has to know whether a database is as new.
#[derive(Debug)]
pub struct TakenUp {
    /// The first entry from which on every request's certificate is known.
    pub first: u64,
    /// The requests with a certificate there.
    pub requests: HashSet<RequestId>,
}

/// An entry on its way into the log.
#[derive(Debug)]
struct Pending {
    draft: Arc<Draft>,
    reply: oneshot::Sender<Result<Committed, LedgerError>>,
}

/// The tasks behind a ledger; they end after [`Ledger::close`], when all that was queued is committed and published.
#[derive(Debug)]
pub struct Tasks {
    sequencer: tokio::task::JoinHandle<()>,
    publisher: tokio::task::JoinHandle<()>,
}

impl Tasks {
    /// Waits for the end of the tasks.
    pub async fn finished(self) {
        let _ = self.sequencer.await;
        let _ = self.publisher.await;
    }
}

impl Ledger {
    /// Takes up the log where it stands; `seen` is the largest checkpoint this node has seen before.
    ///
    /// Refuses a log that does not exist, is shorter than what was seen, or does not fit it (I2).
    pub async fn open(setup: Setup, seen: Arc<dyn HighWater>) -> Result<(Self, Tasks), RecoverError> {
        let start = recover::recover(&setup, seen.as_ref()).await?;
        Ok(Self::start(setup, start, seen))
    }

    /// Begins a new log with its first entry; refuses when there is one already.
    pub async fn create(setup: Setup, seen: Arc<dyn HighWater>) -> Result<(Self, Tasks), RecoverError> {
        let start = recover::nothing_there(&setup, seen.as_ref()).await?;
        let genesis = Draft::log_created(&setup);
        let (ledger, tasks) = Self::start(setup, start, seen);
        ledger.append(genesis).await?;
        Ok((ledger, tasks))
    }

    fn start(setup: Setup, start: recover::Start, seen: Arc<dyn HighWater>) -> (Self, Tasks) {
        let state = &start.sequencer;
        let taken_up = Arc::new(TakenUp {
            first: state.recent.oldest_round(state.frontier.size()),
            requests: state.recent.ids().collect(),
        });
        let (queue, entries) = mpsc::channel(QUEUE);
        let (publish, rounds) = mpsc::channel(PUBLISH_QUEUE);
        let health = Arc::new(Health::default());
        let publisher = publisher::Publisher::new(&setup, start.publisher, seen, health.clone());
        let (setup, listeners) = (Arc::new(setup), Arc::default());
        let sequencer = sequencer::Sequencer::new(&setup, start.sequencer, publish, &health, &listeners);
        let closing = Arc::new(Notify::new());
        let tasks = Tasks {
            publisher: tokio::spawn(publisher.run(start.unpublished, rounds)),
            sequencer: tokio::spawn(sequencer.run(entries, closing.clone())),
        };
        (Self { queue, closing, health, setup, listeners, taken_up }, tasks)
    }

    /// Commits an entry; when this returns, it is durably in the log (I10: everything else is an error, and denies).
    pub async fn append(&self, draft: Draft) -> Result<Committed, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { draft: Arc::new(draft), reply };
        self.queue.try_send(pending).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => LedgerError::Busy,
            mpsc::error::TrySendError::Closed(_) => LedgerError::Closed,
        })?;
        answer.await.unwrap_or(Err(LedgerError::Closed))
    }

    /// Follows what is committed, from entry `next` on. There is one follower that hears of rounds at once.
    pub fn follow(&self, next: u64) -> Follower {
        Follower::new(Arc::clone(&self.setup), Arc::clone(&self.health), &self.listeners, next)
    }

    /// Takes no more entries; what is queued is still committed.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// Tells what the end of the log said when it was taken up.
    pub fn taken_up(&self) -> &TakenUp {
        &self.taken_up
    }

    /// Tells how the log is doing.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }
}

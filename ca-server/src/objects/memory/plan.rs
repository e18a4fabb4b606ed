//! When a connection fails, and how.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Which write a failure meets.
pub enum When {
    /// The n-th write of the connection, counted from 1.
    Write(u64),
    /// The next write of a key that this says yes to.
    Key(Box<dyn Fn(&str) -> bool + Send + Sync>),
}

impl When {
    /// Meets the next write of a key with this prefix.
    pub fn prefix(prefix: &str) -> Self {
        let prefix = prefix.to_owned();
        Self::Key(Box::new(move |key| key.starts_with(&prefix)))
    }

    fn meets(&self, write: u64, key: &str) -> bool {
        match self {
            Self::Write(number) => *number == write,
            Self::Key(matches) => matches(key),
        }
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(number) => write!(f, "Write({number})"),
            Self::Key(_) => f.write_str("Key(..)"),
        }
    }
}

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is stored and the caller gets `Unavailable`.
    NotStored,
    /// The bytes are stored as usual and the caller gets `Unavailable`.
    StoredButErrored,
    /// The process dies before the write: the call never returns, and no later one does.
    KilledBefore,
    /// The process dies after the write: the call never returns, and no later one does.
    KilledAfter,
}

/// How an operation is to go.
pub(super) enum Verdict {
    Run,
    Fail(Fault),
    Down,
    Dead,
}

/// The failures ahead of one connection.
#[derive(Debug, Default)]
pub(super) struct Plan {
    planned: Mutex<Vec<(When, Fault)>>,
    writes: AtomicU64,
    down: AtomicBool,
    dead: watch::Sender<bool>,
}

impl Plan {
    pub(super) fn add(&self, when: When, fault: Fault) {
        self.planned().push((when, fault));
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    pub(super) fn kill(&self) {
        self.dead.send_replace(true);
    }

    pub(super) async fn killed(&self) {
        // The sender lives in `self`, so this ends only by the kill.
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    pub(super) fn read(&self) -> Verdict {
        if *self.dead.borrow() {
            Verdict::Dead
        } else if self.down.load(Ordering::SeqCst) {
            Verdict::Down
        } else {
            Verdict::Run
        }
    }

    pub(super) fn write(&self, key: &str) -> Verdict {
        let health = self.read();
        if !matches!(health, Verdict::Run) {
            return health;
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let mut planned = self.planned();
        match planned.iter().position(|(when, _)| when.meets(number, key)) {
            Some(met) => Verdict::Fail(planned.remove(met).1),
            None => Verdict::Run,
        }
    }

    fn planned(&self) -> std::sync::MutexGuard<'_, Vec<(When, Fault)>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

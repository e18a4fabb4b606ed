//! Whether the log can be written, as far as the last attempts tell.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the log's tasks report, for readiness and metrics.
#[derive(Debug)]
pub struct Health {
    commits: AtomicBool,
    publishes: AtomicBool,
    committed: AtomicU64,
    published: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            commits: AtomicBool::new(true),
            publishes: AtomicBool::new(true),
            committed: AtomicU64::new(0),
            published: AtomicU64::new(0),
        }
    }
}

impl Health {
    /// Tells whether the last commit and the last publication went well.
    pub fn is_good(&self) -> bool {
        self.commits() && self.publishes.load(Ordering::Relaxed)
    }

    /// Gives the number of entries committed and published.
    pub fn sizes(&self) -> (u64, u64) {
        (self.committed.load(Ordering::Relaxed), self.published.load(Ordering::Relaxed))
    }

    pub(super) fn commits(&self) -> bool {
        self.commits.load(Ordering::Relaxed)
    }

    /// Notes the size of the log; says nothing about whether this node can write to it.
    pub(super) fn grown(&self, size: u64) {
        self.committed.store(size, Ordering::Relaxed);
    }

    pub(super) fn commit_failed(&self) {
        self.commits.store(false, Ordering::Relaxed);
    }

    pub(super) fn commit_possible(&self) {
        self.commits.store(true, Ordering::Relaxed);
    }

    pub(super) fn published(&self, size: u64) {
        self.published.store(size, Ordering::Relaxed);
        self.publishes.store(true, Ordering::Relaxed);
    }

    pub(super) fn publish_failed(&self) {
        self.publishes.store(false, Ordering::Relaxed);
    }
}

//! The clock, as a value that tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ca_core::time::UnixMillis;

/// Tells the time; the only place of the server that reads the system's clock for a decision.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at a time, in milliseconds, until it is set; for tests.
    pub fn fixed(millis: Arc<AtomicU64>) -> Self {
        Self(Some(millis))
    }

    /// Tells the time; the epoch when the system's clock is before it, which no check takes for now.
    pub fn now(&self) -> UnixMillis {
        let millis = match &self.0 {
            Some(fixed) => fixed.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        };
        UnixMillis(millis)
    }
}

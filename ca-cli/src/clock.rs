//! The clock of this machine, read in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ca_core::time::{UnixMillis, UnixSeconds};

/// Reads the time.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Reads the time in whole seconds.
pub(crate) fn now_secs() -> UnixSeconds {
    now().seconds()
}

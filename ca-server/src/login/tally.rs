//! Failed logins, counted per account and source, so that a flood of them cannot flood the log (L12).
//!
//! The first failure of an account from a source is an event at once. Those that follow within a minute become one
//! more, with their number, when the minute is over. No more than [`MAX_WINDOWS`] are told apart; the rest share one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ca_core::time::UnixMillis;

use super::audit::FailureReason;
use ca_core::log::event::What;

/// How long failures are gathered, in seconds.
pub const WINDOW_SECS: u64 = 60;

/// How many accounts and sources are told apart at a time.
pub const MAX_WINDOWS: usize = 1024;

/// The account that stands for all that are not told apart.
pub const EVERYTHING_ELSE: &str = "(others)";

/// Failed logins that become one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// The account's name; `unknown:` and a keyed hash when there is no such account, since what was typed as a name may
    /// have been a password.
    account: String,
    /// Where from; the unspecified address when it stands for more sources than are told apart.
    source: IpAddr,
    reason: FailureReason,
    count: u64,
    /// The length of the window; 0 for the first failure, which is recorded at once.
    window_secs: u64,
}

impl From<Failed> for What {
    fn from(failed: Failed) -> Self {
        let Failed { account, source, reason, count, window_secs } = failed;
        Self::LoginFailed { account, source, reason: reason.to_string(), count, window_secs }
    }
}

/// The failures of the last minute.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<HashMap<Key, Window>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    account: String,
    source: IpAddr,
}

#[derive(Debug)]
struct Window {
    opened_at: UnixMillis,
    reason: Option<FailureReason>,
    /// Failures that are in no event yet.
    count: u64,
}

impl Tally {
    /// Counts a failure; gives the event to record at once, if it opens a window.
    pub(super) fn count(
        &self,
        account: &str,
        source: IpAddr,
        reason: FailureReason,
        now: UnixMillis,
    ) -> Option<Failed> {
        let mut windows = self.lock();
        let mut key = Key { account: account.to_owned(), source };
        if windows.len() >= MAX_WINDOWS && !windows.contains_key(&key) {
            key = Key { account: EVERYTHING_ELSE.to_owned(), source: Ipv4Addr::UNSPECIFIED.into() };
        }
        if let Some(window) = windows.get_mut(&key) {
            window.add(reason, 1);
            return None;
        }
        let event = event(&key, reason, 1, 0);
        windows.insert(key, Window { opened_at: now, reason: None, count: 0 });
        Some(event)
    }

    /// Takes back an event that could not be recorded, so that its failures are in a later one.
    pub(super) fn put_back(&self, failed: Failed, now: UnixMillis) {
        let Failed { account, source, reason, count, .. } = failed;
        let window = Window { opened_at: now, reason: None, count: 0 };
        // At most one more than was taken out a moment ago.
        self.lock().entry(Key { account, source }).or_insert(window).add(reason, count);
    }

    /// Closes the windows that are over, or all of them; gives an event for each that has failures in no event yet.
    pub(super) fn close(&self, now: UnixMillis, all: bool) -> Vec<Failed> {
        let mut events = Vec::new();
        self.lock().retain(|key, window| {
            // A window from the future was opened before the clock was set back.
            let age = now.0.checked_sub(window.opened_at.0);
            let open = !all && age.is_some_and(|millis| millis < WINDOW_SECS * 1000);
            if let (false, Some(reason)) = (open, window.reason) {
                events.push(event(key, reason, window.count, WINDOW_SECS));
            }
            open
        });
        events
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn add(&mut self, reason: FailureReason, count: u64) {
        self.count = self.count.saturating_add(count);
        self.reason = match self.reason {
            Some(other) if other != reason => Some(FailureReason::Several),
            _ => Some(reason),
        };
    }
}

fn event(key: &Key, reason: FailureReason, count: u64, window_secs: u64) -> Failed {
    Failed { account: key.account.clone(), source: key.source, reason, count, window_secs }
}

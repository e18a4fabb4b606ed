//! How often logins may fail from one source, over all accounts: [`BURST`] at once, then one in [`LEAK_SECS`].
//!
//! The source is an IPv4 address or the /64 network of an IPv6 address. Nobody is locked out, since many people may share
//! an address: above the limit, whoever has no known device waits. The count is in the database, so it survives restarts
//! and all nodes share it. Sources share a fixed number of counters, told apart by a keyed hash, so that no flood fills
//! the database and nobody can choose whom to share a counter with.

use ca_core::policy::Source;
use ca_core::time::UnixMillis;

use super::{Login, LoginError};
use crate::factors::hash_pool::network;
use crate::store::Failures;

/// How many failures a source has before it waits.
pub const BURST: u64 = 100;

/// How long it takes for one failure to be forgotten, in seconds: all of them in ten minutes.
pub const LEAK_SECS: u64 = 6;

/// What attempts that were under way at once may go beyond [`BURST`]; so the longest wait is about a minute.
const OVERSHOOT: u64 = 10;

/// How many counters all sources share.
const BUCKETS: u32 = 1 << 18;

/// After this long a counter says nothing any more, in milliseconds.
const FORGOTTEN_MILLIS: u64 = (BURST + OVERSHOOT) * LEAK_SECS * 1000;

impl Login {
    /// Tells how long a source has to wait before it may try, in seconds; `None` when it need not.
    pub(super) async fn source_wait_secs(&self, source: &Source) -> Result<Option<u64>, LoginError> {
        let failures = self.setup.store.failures(&self.source_counter(source)).await?;
        Ok(wait_secs(failures, self.setup.clock.now()))
    }

    /// Counts a login that failed from a source.
    pub(super) async fn charge_source(&self, source: &Source) -> Result<(), LoginError> {
        let _turn = self.strangers.acquire().await.ok();
        let now = self.setup.clock.now();
        let next = move |before| Some(after_one_more(before, now));
        self.setup.store.charge(&self.source_counter(source), next).await?;
        Ok(())
    }

    /// Deletes the counters of sources that have not failed lately.
    pub(super) async fn sweep_sources(&self) -> Result<(), LoginError> {
        let now = self.setup.clock.now();
        Ok(self.setup.store.sweep_sources(UnixMillis(now.0.saturating_sub(FORGOTTEN_MILLIS))).await?)
    }

    fn source_counter(&self, source: &Source) -> String {
        let tag = self.setup.sealer.tag("login-source", &network(source.ip).to_string());
        let bucket = u32::from_be_bytes([tag[0], tag[1], tag[2], tag[3]]) % BUCKETS;
        format!("source/{bucket:05x}")
    }
}

/// Gives what is left of the failures; a count from the future is from before the clock was set back, and void.
fn left(before: Failures, now: UnixMillis) -> Failures {
    let Some(elapsed) = now.0.checked_sub(before.last_at.0) else { return Failures::default() };
    let leaked = elapsed / (LEAK_SECS * 1000);
    if leaked >= before.count {
        return Failures { count: 0, last_at: now };
    }
    let last_at = UnixMillis(before.last_at.0.saturating_add(leaked * LEAK_SECS * 1000));
    Failures { count: before.count - leaked, last_at }
}

fn after_one_more(before: Failures, now: UnixMillis) -> Failures {
    let left = left(before, now);
    let last_at = if left.count == 0 { now } else { left.last_at };
    Failures { count: (left.count + 1).min(BURST + OVERSHOOT), last_at }
}

fn wait_secs(failures: Failures, now: UnixMillis) -> Option<u64> {
    let left = left(failures, now);
    let beyond = (left.count + 1).checked_sub(BURST).filter(|beyond| *beyond > 0)?;
    let until = left.last_at.0.saturating_add(beyond * LEAK_SECS * 1000);
    Some(until.saturating_sub(now.0).div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis(1_000_000_000);

    fn later(secs: u64) -> UnixMillis {
        UnixMillis(START.0 + secs * 1000)
    }

    fn failed(times: u64) -> Failures {
        (0..times).fold(Failures::default(), |before, _| after_one_more(before, START))
    }

    #[test]
    fn f7_a_source_waits_after_a_hundred_failures_and_never_for_long() {
        assert_eq!(wait_secs(failed(99), START), None);
        assert_eq!(wait_secs(failed(100), START), Some(6));
        assert_eq!(wait_secs(failed(100), later(5)), Some(1));
        assert_eq!(wait_secs(failed(100), later(6)), None);
        assert_eq!(wait_secs(failed(100_000), START), Some(66), "however many");
        assert_eq!(wait_secs(failed(100_000), later(66)), None);
    }

    #[test]
    fn f7_a_source_that_goes_on_failing_gets_one_attempt_in_six_seconds() {
        let mut failures = failed(100);
        for secs in (6..600).step_by(6) {
            assert_eq!(wait_secs(failures, later(secs - 1)), Some(1));
            assert_eq!(wait_secs(failures, later(secs)), None);
            failures = after_one_more(failures, later(secs));
        }
        assert_eq!(left(failures, later(600 + 594)).count, 0, "and all is forgotten in ten minutes");
    }

    #[test]
    fn l8_a_clock_set_back_makes_no_source_wait() {
        assert_eq!(wait_secs(failed(100), UnixMillis(5)), None);
    }
}

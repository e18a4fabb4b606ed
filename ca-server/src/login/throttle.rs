//! How often an authenticator may be tried: delays from the third failure in a row, disabled at the hundredth
//! (NIST SP 800-63B-4 §3.2.2).
//!
//! Every attempt is counted as a failure *before* it is checked, and a success takes the count back to zero. So an
//! attempt that is cut short by a crash is counted, and a thousand at once get no more tries than one after the other.

use ca_core::time::UnixMillis;

use crate::store::{Failures, Store, StoreError, TypedName};

/// From this many failures in a row on, the next attempt has to wait.
pub const DELAY_FROM: u64 = 3;

/// At this many failures in a row, only an officer can make the authenticator work again.
pub const DISABLED_AT: u64 = 100;

/// The longest wait, in seconds.
pub const MAX_DELAY_SECS: u64 = 30;

/// Whether an authenticator may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, and the attempt is counted.
    Try {
        /// How many failures in a row there will be if this one fails.
        failures: u64,
    },
    /// Not yet; nothing is counted.
    Wait {
        /// For how long, in seconds; at least 1.
        secs: u64,
    },
    /// It had too many failures; nothing is counted any more, but the next attempt waits again.
    Disabled,
}

/// Tells whether an authenticator may be tried, as far as can be told without counting the attempt.
pub(super) async fn foresee(
    store: &Store,
    authenticator: &str,
    now: UnixMillis,
) -> Result<Admission, StoreError> {
    Ok(judge(store.failures(authenticator).await?, now))
}

/// Decides whether an authenticator may be tried, and counts the attempt if so.
pub(crate) async fn admit(
    store: &Store,
    authenticator: &str,
    now: UnixMillis,
) -> Result<Admission, StoreError> {
    // Most of a flood ends at this read and never waits for the connection that writes.
    let early = foresee(store, authenticator, now).await?;
    if matches!(early, Admission::Wait { .. }) {
        return Ok(early);
    }
    let next = move |before: Failures| match judge(before, now) {
        Admission::Try { .. } | Admission::Disabled => Some(one_more(before, now)),
        Admission::Wait { .. } => None,
    };
    Ok(judge(store.charge(authenticator, next).await?, now))
}

/// Decides by the failures of a typed name whether a password may be tried, and counts the attempt for the name and for what
/// it stands for.
///
/// Only what it stands for is disabled, and only the name waits: so a wait does not tell whether there is an account (F9).
pub(super) async fn admit_named(
    store: &Store,
    name: &TypedName,
    authenticator: &str,
    now: UnixMillis,
) -> Result<Admission, StoreError> {
    let next = move |named: Failures, other: Failures| match judge(named, now) {
        Admission::Wait { .. } => None,
        Admission::Try { .. } | Admission::Disabled => Some((one_more(named, now), one_more(other, now))),
    };
    let (named, other) = store.charge_named(name, authenticator, next).await?;
    Ok(match judge(named, now) {
        wait @ Admission::Wait { .. } => wait,
        _ if other.count >= DISABLED_AT => Admission::Disabled,
        _ => Admission::Try { failures: other.count + 1 },
    })
}

/// Counts an attempt, up to where nothing is counted any more.
fn one_more(before: Failures, now: UnixMillis) -> Failures {
    Failures { count: (before.count + 1).min(DISABLED_AT), last_at: now }
}

/// Judges an attempt by the failures before it.
///
/// When the last one lies in the future the clock was set back, and nobody is made to wait for it to catch up.
fn judge(failures: Failures, now: UnixMillis) -> Admission {
    let until = UnixMillis(failures.last_at.0.saturating_add(delay_secs(failures.count) * 1000));
    if failures.last_at <= now && now < until {
        Admission::Wait { secs: (until.0 - now.0).div_ceil(1000) }
    } else if failures.count >= DISABLED_AT {
        Admission::Disabled
    } else {
        Admission::Try { failures: failures.count + 1 }
    }
}

/// Gives the wait after this many failures, in seconds: 1, 2, 4, 8, 16, then 30.
fn delay_secs(failures: u64) -> u64 {
    match failures.checked_sub(DELAY_FROM) {
        None => 0,
        Some(beyond) => 2_u64.saturating_pow(u32::try_from(beyond).unwrap_or(u32::MAX)).min(MAX_DELAY_SECS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(count: u64, millis_later: u64) -> Admission {
        let last_at = UnixMillis(1_000_000);
        judge(Failures { count, last_at }, UnixMillis(last_at.0 + millis_later))
    }

    #[test]
    fn f7_the_delay_grows_from_the_third_failure_and_ends_at_30_seconds() {
        let delays: Vec<u64> = (0..10).map(delay_secs).collect();
        assert_eq!(delays, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(delay_secs(u64::MAX), 30);
        assert_eq!(judged(2, 0), Admission::Try { failures: 3 });
        assert_eq!(judged(3, 1), Admission::Wait { secs: 1 });
        assert_eq!(judged(3, 1000), Admission::Try { failures: 4 });
        assert_eq!(judged(99, 29_999), Admission::Wait { secs: 1 });
        assert_eq!(judged(99, 30_000), Admission::Try { failures: 100 });
        assert_eq!(judged(100, 30_000), Admission::Disabled);
    }

    #[test]
    fn l8_a_clock_set_back_makes_nobody_wait() {
        let failures = Failures { count: 50, last_at: UnixMillis(9_000_000) };
        assert_eq!(judge(failures, UnixMillis(1_000)), Admission::Try { failures: 51 });
    }
}

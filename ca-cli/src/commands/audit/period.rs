//! Points in time and stretches of it, as people type them.

use ca_core::audit::report::Period;
use ca_core::time::{Ttl, UnixMillis, UnixSeconds};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock;
use crate::failure::{Failure, Result};
use crate::render::time;

/// Reads a point in time, or an age such as `24h`; `millis` are added.
pub(super) fn point(text: &str, millis: u64) -> Result<UnixMillis> {
    let ago = || Some(clock::now_secs().minus_secs(text.parse::<Ttl>().ok()?.secs()));
    let UnixSeconds(secs) = time::parse(text).or_else(ago).ok_or_else(|| {
        Failure::new("usage", format!("{text:?} is not a time"))
            .hint("Such as 2026-01-02, 2026-01-02T03:04:05Z, or 24h for a day ago.")
    })?;
    Ok(UnixMillis(secs.saturating_mul(1000).saturating_add(millis)))
}

/// Gives a month in this machine's time zone, whole.
pub(super) fn month(text: &str) -> Result<Period> {
    let wrong = || Failure::new("usage", format!("{text:?} is not a month")).hint("Such as 2026-11.");
    let first: Date = format!("{text}-01").parse().map_err(|_| wrong())?;
    let next = first.checked_add(1.month()).map_err(|_| wrong())?;
    let start = |date: Date| {
        let zoned = date.to_zoned(TimeZone::system()).map_err(|_| wrong())?;
        u64::try_from(zoned.timestamp().as_millisecond()).map_err(|_| wrong())
    };
    Ok(Period { since: UnixMillis(start(first)?), until: UnixMillis(start(next)?.saturating_sub(1)) })
}

/// Gives the month that runs, up to now.
pub(super) fn this_month() -> Result<Period> {
    let today = jiff::Zoned::now().date();
    let since = month(&today.strftime("%Y-%m").to_string())?.since;
    Ok(Period { since, until: clock::now() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_whole() {
        let february = month("2024-02").unwrap();
        let march = month("2024-03").unwrap();
        assert_eq!(february.until.0 + 1, march.since.0);
        // An hour more or less where clocks change.
        let days = (february.until.0 + 1 - february.since.0) / 3_600_000;
        assert!((29 * 24 - 1..=29 * 24 + 1).contains(&days), "{days}");
        for bad in ["", "2026", "2026-13", "2026-1-1", "2026-11-05", "november"] {
            assert!(month(bad).is_err(), "{bad}");
        }
        assert!(this_month().unwrap().since.0 <= clock::now().0);
    }
}

//! Times and lengths of time as people read them; and reading them back.

use ca_core::time::UnixSeconds;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Writes a point in time in this machine's time zone, the date left out if it is today.
pub(crate) fn local(at: UnixSeconds) -> String {
    in_zone(at, &Zoned::now())
}

/// Writes a span of time, saying a common date once.
pub(crate) fn span(from: UnixSeconds, to: UnixSeconds, now: UnixSeconds) -> String {
    span_in_zone(from, to, &zoned(now, &TimeZone::system()).unwrap_or_else(Zoned::now))
}

fn span_in_zone(from: UnixSeconds, to: UnixSeconds, now: &Zoned) -> String {
    let zone = now.time_zone();
    match (zoned(from, zone), zoned(to, zone)) {
        (Some(start), Some(end)) if start.date() == end.date() && start.date() == now.date() => {
            format!("{} – {} today", start.strftime("%H:%M:%S"), end.strftime("%H:%M:%S"))
        }
        (Some(start), Some(end)) if start.date() == end.date() => {
            format!("{} – {}", start.strftime("%Y-%m-%d %H:%M:%S"), end.strftime("%H:%M:%S"))
        }
        _ if from.0 == 0 && to.0 == u64::MAX => "forever".to_owned(),
        (start, end) => format!("{} – {}", with_date(start), with_date(end)),
    }
}

fn with_date(time: Option<Zoned>) -> String {
    time.map_or_else(|| "forever".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn in_zone(at: UnixSeconds, now: &Zoned) -> String {
    match zoned(at, now.time_zone()) {
        Some(time) if time.date() == now.date() => time.strftime("%H:%M:%S").to_string(),
        other => with_date(other),
    }
}

fn zoned(at: UnixSeconds, zone: &TimeZone) -> Option<Zoned> {
    let timestamp = Timestamp::from_second(i64::try_from(at.0).ok()?).ok()?;
    Some(timestamp.to_zoned(zone.clone()))
}

/// Writes a length of time by its two largest units, as `27 min 12 s`.
pub(crate) fn length(secs: u64) -> String {
    const DAY: u64 = 86_400;
    let units = [(365 * DAY, "year", "years"), (DAY, "day", "days"), (3_600, "h", "h"), (60, "min", "min")];
    let largest = units.iter().position(|(size, ..)| secs >= *size);
    let Some(largest) = largest else { return format!("{secs} s") };
    let (size, one, many) = units[largest];
    let (next_size, next_one, next_many) = units.get(largest + 1).copied().unwrap_or((1, "s", "s"));
    let say = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    match secs % size / next_size {
        0 => say(secs / size, one, many),
        rest => format!("{} {}", say(secs / size, one, many), say(rest, next_one, next_many)),
    }
}

/// Reads a point in time: RFC 3339, a date, or seconds since the epoch.
pub(crate) fn parse(text: &str) -> Option<UnixSeconds> {
    if let Ok(secs) = text.parse() {
        return Some(UnixSeconds(secs));
    }
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let date: jiff::civil::Date = text.parse().ok()?;
        Some(date.to_zoned(TimeZone::system()).ok()?.timestamp())
    })?;
    u64::try_from(timestamp.as_second()).ok().map(UnixSeconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_units() {
        for (secs, text) in [
            (0, "0 s"),
            (1, "1 s"),
            (59, "59 s"),
            (1_632, "27 min 12 s"),
            (3_600, "1 h"),
            (3_661, "1 h 1 min"),
            (3_605, "1 h"),
            (90_000, "1 day 1 h"),
            (31_536_000, "1 year"),
            (63_072_000 + 172_800, "2 years 2 days"),
        ] {
            assert_eq!(length(secs), text);
        }
    }

    #[test]
    fn a_common_date_is_said_once() {
        let now = zoned(UnixSeconds(1_767_324_000), &TimeZone::UTC).unwrap();
        let at = |secs: i64| UnixSeconds(1_767_324_000_u64.saturating_add_signed(secs));
        assert_eq!(span_in_zone(at(0), at(1_800), &now), "03:20:00 – 03:50:00 today");
        assert_eq!(span_in_zone(at(-86_400), at(-82_800), &now), "2026-01-01 03:20:00 – 04:20:00");
        assert_eq!(span_in_zone(at(-86_400), at(0), &now), "2026-01-01 03:20:00 – 2026-01-02 03:20:00");
        assert_eq!(span_in_zone(at(0), UnixSeconds(u64::MAX), &now), "2026-01-02 03:20:00 – forever");
        assert_eq!(span_in_zone(UnixSeconds(0), UnixSeconds(u64::MAX), &now), "forever");
    }

    #[test]
    fn times_parse() {
        assert_eq!(parse("1767324000"), Some(UnixSeconds(1_767_324_000)));
        assert_eq!(parse("2026-01-02T03:20:00Z"), Some(UnixSeconds(1_767_324_000)));
        assert!(parse("2026-01-02").is_some());
        assert_eq!(parse("yesterday"), None);
    }
}

//! Points in time and lengths of time; the clock itself stays outside (I3).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Default, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// Drops the milliseconds.
    pub fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }
}

/// Seconds since the Unix epoch, the unit of certificates (OpenSSH PROTOCOL.certkeys).
#[derive(Clone, Default, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// Adds a length of time, at most to the end of time.
    #[must_use]
    pub fn plus_secs(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs))
    }

    /// Subtracts a length of time, at most to the epoch.
    #[must_use]
    pub fn minus_secs(self, secs: u64) -> Self {
        Self(self.0.saturating_sub(secs))
    }
}

impl fmt::Display for UnixSeconds {
    /// Writes RFC 3339 in UTC, such as `2026-01-02T03:04:05Z`; `forever` when it is beyond the calendar.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|s| jiff::Timestamp::from_second(s).ok()) {
            Some(timestamp) => timestamp.fmt(f),
            None => f.write_str("forever"),
        }
    }
}

/// Why a text is not a lifetime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a lifetime: write whole hours, minutes or seconds such as 8h, 30m or 1h30m, from 1s to {max_hours}h", max_hours = Ttl::MAX_SECS / 3600)]
pub struct TtlError {
    value: String,
}

/// A lifetime of 1 second to 31 days, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl(u32);

impl Ttl {
    /// The longest lifetime that can be represented, in seconds: 31 days.
    pub const MAX_SECS: u32 = 31 * 24 * 3600;

    /// The longest lifetime that can be represented.
    pub const MAX: Self = Self(Self::MAX_SECS);

    /// Takes a lifetime in seconds; `None` when it is 0 or above [`Ttl::MAX_SECS`].
    pub fn from_secs(secs: u64) -> Option<Self> {
        u32::try_from(secs).ok().filter(|s| (1..=Self::MAX_SECS).contains(s)).map(Self)
    }

    /// Gives the lifetime in seconds.
    pub fn secs(self) -> u64 {
        u64::from(self.0)
    }
}

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(value: &str) -> Result<Self, TtlError> {
        let error = || TtlError { value: value.chars().take(40).collect() };
        let duration: jiff::SignedDuration = value.parse().map_err(|_| error())?;
        if duration.subsec_nanos() != 0 {
            return Err(error());
        }
        u64::try_from(duration.as_secs()).ok().and_then(Self::from_secs).ok_or_else(error)
    }
}

impl TryFrom<String> for Ttl {
    type Error = TtlError;

    fn try_from(value: String) -> Result<Self, TtlError> {
        value.parse()
    }
}

impl From<Ttl> for String {
    fn from(ttl: Ttl) -> Self {
        ttl.to_string()
    }
}

impl fmt::Display for Ttl {
    /// Writes the shortest form that parses back, such as `1h30m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        for (count, unit) in [(hours, "h"), (minutes, "m"), (seconds, "s")] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_only_sensible_lifetimes_parse() {
        for (text, secs) in [("8h", 28_800), ("30m", 1_800), ("1h30m", 5_400), ("1s", 1), ("744h", 2_678_400)]
        {
            let ttl: Ttl = text.parse().unwrap();
            assert_eq!(ttl.secs(), secs);
            assert_eq!(ttl.to_string().parse::<Ttl>().unwrap(), ttl);
        }
        for bad in ["", "0s", "-1h", "1", "745h", "18446744073709551615s", "1.5s", "8 parsecs"] {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_beyond_the_calendar_print() {
        assert_eq!(UnixSeconds(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixSeconds(u64::MAX).to_string(), "forever");
    }
}

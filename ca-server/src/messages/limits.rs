//! What one SMS takes from the send limits (F10): pure, so that the store can take all of it in one transaction.
//!
//! A limit counts in windows that follow one another without a gap, such as each hour of the clock. So up to twice its
//! maximum can be sent around the end of a window, and never more than the maximum in a window.

use ca_core::time::UnixSeconds;

use super::phone::{Phone, Prefix};
use crate::config::Sms;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// No SMS is sent to the country of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no SMS is sent to numbers of this country")]
pub struct CountryNotAllowed;

/// One limit in one window, and how much of it an SMS takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// What is limited; holds a tag where a phone number would be.
    pub scope: String,
    /// When the window begins.
    pub start: UnixSeconds,
    /// How long the window is, in seconds.
    pub secs: u64,
    /// How much the SMS takes: 1, or its price in cents.
    pub amount: u64,
    /// How much may be taken in the window.
    pub maximum: u64,
}

impl Bucket {
    /// Tells whether the SMS still fits after what was taken before it.
    pub fn fits(&self, taken: u64) -> bool {
        taken.checked_add(self.amount).is_some_and(|sum| sum <= self.maximum)
    }

    /// Tells in how many seconds the next window begins; at least 1.
    pub fn ends_in_secs(&self, now: UnixSeconds) -> u64 {
        self.start.plus_secs(self.secs).0.saturating_sub(now.0).max(1)
    }
}

/// Lists what an SMS takes: if one bucket is full, nothing may be sent, and nothing taken from the others.
///
/// `tag` must give equal texts equal tags, and be keyed: numbers are few enough to be found out by trying all of them.
pub fn buckets(
    config: &Sms,
    to: &Phone,
    user: &str,
    now: UnixSeconds,
    tag: impl Fn(&str) -> String,
) -> Result<Vec<Bucket>, CountryNotAllowed> {
    let country = country(&config.countries, to).ok_or(CountryNotAllowed)?;
    let limits = &config.limits;
    let bucket = |scope, secs: u64, amount: u64, maximum: u64| Bucket {
        scope,
        start: UnixSeconds(now.0 - now.0 % secs),
        secs,
        amount,
        maximum,
    };
    let count = |scope, secs, maximum: std::num::NonZeroU32| bucket(scope, secs, 1, maximum.get().into());
    let number = tag(&format!("number {}", to.expose()));
    let block = tag(&format!("prefix {}", to.block()));
    Ok(vec![
        count(format!("sms/user/{user}"), HOUR, limits.per_user_hour),
        count(format!("sms/number/{number}"), HOUR, limits.per_number_hour),
        count(format!("sms/prefix/{block}"), HOUR, limits.per_prefix_hour),
        count(format!("sms/country/{}", country.as_str()), DAY, limits.per_country_day),
        count("sms/all".to_owned(), DAY, limits.per_day),
        bucket(
            "sms/cents".to_owned(),
            DAY,
            limits.price_cents.get().into(),
            limits.spend_cap_cents_per_day.get().into(),
        ),
    ])
}

/// Finds the allowed country of a number; of several, the one that is named most exactly.
pub fn country<'a>(allowed: &'a [Prefix], to: &Phone) -> Option<&'a Prefix> {
    allowed.iter().filter(|prefix| prefix.covers(to)).max_by_key(|prefix| prefix.as_str().len())
}

#[cfg(test)]
mod tests;

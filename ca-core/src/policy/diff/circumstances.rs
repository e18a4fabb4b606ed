//! The circumstances under which a right is tried: only those that can matter to the rules about it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::rules::quoted;
use crate::policy::{Factor, FactorKind, Facts, KeyScope, Session, Source, User};
use crate::time::UnixSeconds;

const DAY: u64 = 86_400;
const HOUR: u64 = 3600;

/// Days since the epoch modulo 7, as the epoch was a Thursday.
const WEEKDAYS: [&str; 7] = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];

/// What is tried of each kind; every combination is.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    times: Vec<UnixSeconds>,
    addresses: Vec<IpAddr>,
    factors: Vec<FactorKind>,
    ages: Vec<u64>,
    /// Whether the rules may speak of somebody by name.
    pub(super) personal: bool,
}

impl Circumstances {
    /// Finds what rules speak of, by the words in them; more than they speak of does no harm. `accepted` are the factors
    /// with which the right can be had at all.
    pub(super) fn of(rules: &[String], accepted: &BTreeSet<FactorKind>, now: UnixSeconds) -> Self {
        let any = |word: &str| rules.iter().any(|rule| rule.contains(word));
        let numbers: BTreeSet<u64> = rules.iter().flat_map(|rule| numbers(rule)).collect();
        let near = |n: &u64| [n.saturating_sub(1), *n, n.saturating_add(1)];
        let ages =
            if any("login_age") { numbers.iter().flat_map(near).chain([0]).collect() } else { [60].into() };
        let ages: BTreeSet<u64> = ages;
        Self {
            times: times(rules, &numbers, now),
            addresses: if any("ip") { addresses(rules) } else { vec![IpAddr::from([192, 0, 2, 1])] },
            factors: factors(rules, accepted),
            ages: ages.into_iter().filter(|age| *age < DAY * 366).collect(),
            personal: any("User::") || any("principal.") || any("principal["),
        }
    }

    /// Gives every combination for one user.
    pub(super) fn of_user(&self, user: &User) -> impl Iterator<Item = (Facts, UnixSeconds)> {
        let kinds = self.factors.iter().flat_map(|kind| self.ages.iter().map(move |age| (*kind, *age)));
        let places = kinds.flat_map(|how| self.addresses.iter().map(move |ip| (how, *ip)));
        places.flat_map(move |((kind, age), ip)| {
            let times = self.times.iter().copied();
            times.map(move |now| (facts(user, kind, now.minus_secs(age), ip, now), now))
        })
    }
}

fn facts(user: &User, kind: FactorKind, at: UnixSeconds, ip: IpAddr, now: UnixSeconds) -> Facts {
    let key = (kind == FactorKind::ApiKey).then(|| KeyScope {
        profiles: BTreeSet::new(),
        networks: Vec::new(),
        expires_at: now.plus_secs(HOUR),
    });
    let session = Session { id: String::new(), factors: vec![Factor { kind, at }], key };
    Facts::new(user.clone(), session, Source { ip, user_agent: None })
}

/// Gives every factor that is accepted when rules tell them apart; otherwise one, and an API key when rules speak of those.
fn factors(rules: &[String], accepted: &BTreeSet<FactorKind>) -> Vec<FactorKind> {
    let any = |word: &str| rules.iter().any(|rule| rule.contains(word));
    if any("factors") {
        return accepted.iter().copied().collect();
    }
    let (keys, shown): (Vec<FactorKind>, Vec<_>) =
        accepted.iter().partition(|kind| **kind == FactorKind::ApiKey);
    let keys = keys.into_iter().filter(|_| any("api_key") || shown.is_empty());
    shown.first().copied().into_iter().chain(keys).collect()
}

/// Says one of them in words.
pub(super) fn in_words(facts: &Facts, now: UnixSeconds) -> String {
    let day = usize::try_from(now.0 / DAY % 7).ok().and_then(|day| WEEKDAYS.get(day)).unwrap_or(&"");
    let how =
        facts.session.factors.first().map_or_else(String::new, |factor| format!(" with {}", factor.kind));
    let hour = now.0 / HOUR % 24;
    format!("on a {day} at {hour:02}:{:02} UTC from {}{how}", now.0 / 60 % 60, facts.source.ip)
}

/// The hours at and beside the numbers that rules name, on the days they name and one other; and the dates they name.
fn times(rules: &[String], numbers: &BTreeSet<u64>, now: UnixSeconds) -> Vec<UnixSeconds> {
    let any = |word: &str| rules.iter().any(|rule| rule.contains(word));
    let today = now.0 / DAY * DAY;
    let mut hours: BTreeSet<u64> = [12].into();
    if any("hour") {
        let beside = numbers.iter().flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]);
        hours.extend(beside.chain([0, 23]).filter(|hour| *hour < 24));
    }
    let name = |day: u64| usize::try_from((today / DAY + day) % 7).ok().and_then(|day| WEEKDAYS.get(day));
    let named = |day: &u64| name(*day).is_some_and(|name| any(name));
    let other = (0..7).find(|day| !named(day));
    let days: BTreeSet<u64> = (0..7).filter(named).chain(other).collect();
    let week = days.iter().flat_map(|day| hours.iter().map(move |hour| today + day * DAY + hour * HOUR));
    let dates = rules.iter().flat_map(|rule| quoted(rule, "datetime(\"")).filter_map(|text| {
        let full = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
        u64::try_from(full.parse::<jiff::Timestamp>().ok()?.as_second()).ok()
    });
    let dates = dates.flat_map(|at| [at.saturating_sub(1), at, at.saturating_add(1)]);
    week.chain(dates).map(UnixSeconds).collect()
}

/// The first address of every network that rules name, loopback, and addresses that nobody names.
fn addresses(rules: &[String]) -> Vec<IpAddr> {
    let parse =
        |text: &str| text.parse::<IpNet>().map(|net| net.network()).or_else(|_| text.parse::<IpAddr>()).ok();
    let named = rules.iter().flat_map(|rule| quoted(rule, "ip(\"")).filter_map(parse);
    let others = ["192.0.2.1", "2001:db8::1", "127.0.0.1"].into_iter().filter_map(parse);
    others.chain(named).collect::<BTreeSet<_>>().into_iter().collect()
}

fn numbers(rule: &str) -> impl Iterator<Item = u64> {
    rule.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}

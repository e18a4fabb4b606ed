//! Which sources have lately tried in vain, or more often than a person does.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How many attempts without success leave a source in good standing: a person mistypes.
const IN_VAIN: u8 = 3;

/// How long attempts are remembered: this long at least, and twice as long at most.
const WINDOW: Duration = Duration::from_mins(1);

/// How many sources are told apart in a window; above that, one that is not known yet is in no good standing.
const MOST: usize = 1 << 16;

/// The attempts of the last one or two minutes, by IPv4 address or /48 network of an IPv6 address: a /64 is too easily had.
#[derive(Debug)]
pub(super) struct Sources {
    since: Instant,
    now: HashMap<IpAddr, u8>,
    before: HashMap<IpAddr, u8>,
}

impl Sources {
    /// Nobody has tried yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, now: HashMap::new(), before: HashMap::new() }
    }

    /// Counts an attempt, before anything is done for it; tells whether the source was in good standing.
    pub(super) fn attempt(&mut self, source: IpAddr, now: Instant) -> bool {
        let source = site(source);
        self.turn(now);
        let before = self.before.get(&source).copied().unwrap_or(0);
        let is_known = self.now.contains_key(&source);
        if !is_known && self.now.len() >= MOST {
            return false;
        }
        let count = self.now.entry(source).or_default();
        *count = count.saturating_add(1);
        count.saturating_add(before) <= IN_VAIN
    }

    /// Takes an attempt back: it was no vain one.
    pub(super) fn succeeded(&mut self, source: IpAddr) {
        let source = site(source);
        for window in [&mut self.now, &mut self.before] {
            if let Some(count) = window.get_mut(&source).filter(|count| **count > 0) {
                *count -= 1;
                return;
            }
        }
    }

    /// Begins a new window when this one is over.
    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age < WINDOW {
            return;
        }
        let last = std::mem::take(&mut self.now);
        self.before = if age < 2 * WINDOW { last } else { HashMap::new() };
        self.since = now;
    }
}

fn site(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 80 << 80).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn address(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
    }

    #[test]
    fn s1_who_tries_in_vain_loses_good_standing_and_gets_it_back() {
        let start = Instant::now();
        let mut sources = Sources::new(start);
        let tries = [true, true, true, false, false];
        assert_eq!(tries.map(|_| sources.attempt(HOME, start)), tries);
        assert!(sources.attempt(address(7), start), "it is nobody else's business");
        assert!(!sources.attempt(HOME, start + WINDOW), "the window before counts too");
        assert!(sources.attempt(HOME, start + WINDOW * 3));
    }

    #[test]
    fn s1_the_networks_of_a_site_have_one_standing() {
        let start = Instant::now();
        let mut sources = Sources::new(start);
        let mut attempt = |network: u16| {
            sources.attempt(Ipv6Addr::new(0x2001, 0xdb8, 1, network, 0, 0, 0, 0).into(), start)
        };
        assert_eq!([0, 1, 2, 3, 4].map(&mut attempt), [true, true, true, false, false]);
        assert!(sources.attempt(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0).into(), start), "another");
    }

    #[test]
    fn s1_who_succeeds_stays_in_good_standing() {
        let start = Instant::now();
        let mut sources = Sources::new(start);
        for _ in 0..1_000 {
            assert!(sources.attempt(HOME, start), "an office behind one address");
            sources.succeeded(HOME);
        }
    }

    #[test]
    fn s1_however_many_sources_there_are_so_many_are_remembered() {
        let start = Instant::now();
        let mut sources = Sources::new(start);
        for number in 0..MOST {
            assert!(sources.attempt(address(number), start));
        }
        assert!(!sources.attempt(HOME, start), "nothing is known of it");
        assert!(sources.attempt(address(0), start), "this one is known");
        assert_eq!(sources.now.len(), MOST);
    }
}

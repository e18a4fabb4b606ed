//! Wrong short codes, counted per address and minute, so that nobody can try many.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ca_core::time::UnixSeconds;

/// How many wrong codes an address has in a window.
const PER_ADDRESS: u32 = 10;

/// How long a window is, in seconds.
const WINDOW_SECS: u64 = 60;

/// How many addresses are told apart; the others share one count.
const MAX_ADDRESSES: usize = 1024;

/// The wrong codes of this window.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    number: u64,
    wrong: HashMap<IpAddr, u32>,
}

impl Guesses {
    /// Tells how long this address has to wait for its next try, in seconds; `None` when it may try.
    ///
    /// The try is counted as a wrong one; [`Guesses::was_right`] takes that back.
    pub(super) fn admit(&self, ip: IpAddr, now: UnixSeconds) -> Option<u64> {
        let mut window = self.lock(now);
        let place = window.place(ip);
        let wrong = window.wrong.entry(place).or_default();
        if *wrong >= PER_ADDRESS {
            return Some(WINDOW_SECS - now.0 % WINDOW_SECS);
        }
        *wrong += 1;
        None
    }

    /// Takes back a try that was right.
    pub(super) fn was_right(&self, ip: IpAddr, now: UnixSeconds) {
        let mut window = self.lock(now);
        let place = window.place(ip);
        if let Some(wrong) = window.wrong.get_mut(&place) {
            *wrong = wrong.saturating_sub(1);
        }
    }

    fn lock(&self, now: UnixSeconds) -> MutexGuard<'_, Window> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.0 / WINDOW_SECS;
        if window.number != number {
            *window = Window { number, wrong: HashMap::new() };
        }
        window
    }
}

impl Window {
    /// Gives the address that a try is counted for.
    fn place(&self, ip: IpAddr) -> IpAddr {
        let network = network(ip);
        let is_known = self.wrong.contains_key(&network);
        if is_known || self.wrong.len() < MAX_ADDRESSES { network } else { Ipv4Addr::UNSPECIFIED.into() }
    }
}

/// Somebody with one IPv6 address has 2^64 of them.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_codes_a_minute_and_no_more() {
        let guesses = Guesses::default();
        let (now, ip) = (UnixSeconds(600_015), |text: &str| text.parse::<IpAddr>().unwrap());
        for host in 0..10 {
            assert_eq!(guesses.admit(ip(&format!("2001:db8::{host}")), now), None);
        }
        assert_eq!(guesses.admit(ip("2001:db8::ffff"), now), Some(45));
        assert_eq!(guesses.admit(ip("192.0.2.1"), now), None);
        guesses.was_right(ip("2001:db8::1"), now);
        assert_eq!(guesses.admit(ip("2001:db8::1"), now), None);
        assert_eq!(guesses.admit(ip("2001:db8::1"), UnixSeconds(600_060)), None);
    }

    #[test]
    fn a_thousand_addresses_fill_no_memory() {
        let guesses = Guesses::default();
        let now = UnixSeconds(60);
        for number in 0..2000_u32 {
            let _ = guesses.admit(Ipv4Addr::from_bits(number + 1).into(), now);
        }
        assert_eq!(guesses.lock(now).wrong.len(), MAX_ADDRESSES + 1);
        assert!(guesses.admit(Ipv4Addr::from_bits(77_777).into(), now).is_some());
    }
}

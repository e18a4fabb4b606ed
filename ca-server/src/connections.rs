//! How many connections are open at once: a bounded number, of which one source gets at most half (S1).
//!
//! One that is too many is closed before anything is done for it, TLS included.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::factors::hash_pool::network;

/// How many files the server has open besides its connections, at the most: the database, the log, and calls to others.
const OTHER_FILES: u64 = 512;

/// The connections that are open.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    most: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// By IPv4 address, or /64 network of an IPv6 address.
    of_source: HashMap<IpAddr, usize>,
}

/// An open connection; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Opened {
    source: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Connections {
    /// Allows this many at once.
    pub(crate) fn up_to(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// Counts a connection; `None` when it is one too many.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<Opened> {
        let source = network(peer);
        let mut open = lock(&self.open);
        let of_source = open.of_source.get(&source).copied().unwrap_or(0);
        if open.total >= self.most || of_source >= self.most.div_ceil(2) {
            return None;
        }
        open.total += 1;
        open.of_source.insert(source, of_source + 1);
        drop(open);
        Some(Opened { source, open: Arc::clone(&self.open) })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.total = open.total.saturating_sub(1);
        if let Some(of_source) = open.of_source.get_mut(&self.source) {
            *of_source = of_source.saturating_sub(1);
            if *of_source == 0 {
                open.of_source.remove(&self.source);
            }
        }
    }
}

/// Asks the system for enough open files for `most` connections; gives how many there can be.
///
/// Without this, a flood of connections would leave no file for the database and the log.
pub(crate) fn with_files_for(most: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (most as u64).saturating_add(OTHER_FILES);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return most };
    let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)).max(current);
    let new = Rlimit { current: Some(raised), maximum: limit.maximum };
    let files = if setrlimit(Resource::Nofile, new).is_ok() { raised } else { current };
    let possible = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(most).max(1).min(most);
    if possible < most {
        tracing::warn!(files, connections = possible, "the limit of open files allows fewer connections");
    }
    possible
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_connections_are_bounded_and_one_source_gets_half() {
        let connections = Connections::up_to(10);
        let admit = |ip: &str| connections.admit(ip.parse().unwrap());
        let flood: Vec<_> = (0..20).map_while(|n| admit(&format!("2001:db8::{n}"))).collect();
        assert_eq!(flood.len(), 5, "one network is one source");
        let others: Vec<_> = (0..20).map_while(|n| admit(&format!("192.0.2.{n}"))).collect();
        assert_eq!(others.len(), 5);
        assert!(admit("203.0.113.1").is_none());
        drop(flood);
        assert!(admit("2001:db8::1").is_some(), "when some have gone");
        drop(others);
        let open = lock(&connections.open);
        assert_eq!((open.total, open.of_source.len()), (0, 0));
    }
}

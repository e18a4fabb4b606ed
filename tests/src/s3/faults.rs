//! What goes wrong, when, and which promises are broken.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Method;

/// What happens to a call instead of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed before the call is carried out.
    Reset,
    /// The call is carried out and the connection closed instead of an answer.
    ReplyLost,
    /// The call is neither carried out nor answered, and the connection stays open.
    Hang,
    /// The call is carried out this much later.
    Late(Duration),
    /// 500 `InternalError`, not carried out.
    InternalError,
    /// 503 `SlowDown`, not carried out.
    SlowDown,
    /// 403 `AccessDenied`, not carried out.
    Forbidden,
    /// 409 `ConditionalRequestConflict`, not carried out.
    Conflict,
}

/// A promise the server breaks for as long as it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// `If-None-Match` is ignored.
    EveryCreatorWins,
    /// `If-Match` is ignored.
    SwapsBlindly,
    /// Conditions are checked, and the bytes stored a moment later without another look.
    LooksThenWrites,
    /// Lock headers are taken and forgotten.
    LockForgotten,
    /// A locked version can be deleted.
    LockIgnored,
    /// A compliance lock can be shortened.
    LockShortened,
    /// Versions are not kept, though the bucket has a lock.
    NotVersioned,
    /// Checksums are not compared.
    SumIgnored,
    /// Objects are read only some time after they were written.
    StaleReads,
    /// Objects are listed only some time after they were written.
    StaleLists,
}

/// Which calls a fault meets.
#[derive(Clone, Debug, Default)]
pub struct On {
    method: Option<Method>,
    key: String,
}

impl On {
    /// Meets every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Meets PUTs.
    pub fn puts() -> Self {
        Self { method: Some(Method::PUT), key: String::new() }
    }

    /// Meets GETs, listings included.
    pub fn gets() -> Self {
        Self { method: Some(Method::GET), key: String::new() }
    }

    /// Meets only calls whose path and query contain this.
    #[must_use]
    pub fn to(mut self, part: &str) -> Self {
        part.clone_into(&mut self.key);
        self
    }

    fn meets(&self, method: &Method, target: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && target.contains(&self.key)
    }
}

#[derive(Debug)]
struct Rule {
    on: On,
    fault: Fault,
    /// How many calls it still meets.
    left: u64,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Mutex<Vec<Rule>>,
    lies: Mutex<HashSet<Lie>>,
    latency_micros: AtomicU64,
    calls: AtomicU64,
    puts: AtomicU64,
}

/// The handle that makes a server fail and lie.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Inner>);

impl Faults {
    /// Delays every call.
    pub fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.latency_micros.store(micros, Ordering::Relaxed);
    }

    /// Plans a fault for the next call of the kind.
    pub fn next(&self, on: On, fault: Fault) {
        self.times(1, on, fault);
    }

    /// Plans a fault for the next `count` calls of the kind.
    pub fn times(&self, count: u64, on: On, fault: Fault) {
        lock(&self.0.rules).push(Rule { on, fault, left: count });
    }

    /// Plans a fault for every call of the kind until [`clear`](Self::clear).
    pub fn always(&self, on: On, fault: Fault) {
        self.times(u64::MAX, on, fault);
    }

    /// Forgets all planned faults, lies and latency.
    pub fn clear(&self) {
        lock(&self.0.rules).clear();
        lock(&self.0.lies).clear();
        self.set_latency(Duration::ZERO);
    }

    /// Breaks a promise until [`clear`](Self::clear).
    pub fn lie(&self, lie: Lie) {
        lock(&self.0.lies).insert(lie);
    }

    /// Tells whether a promise is broken.
    pub fn lies(&self, lie: Lie) -> bool {
        lock(&self.0.lies).contains(&lie)
    }

    /// Counts the calls that arrived.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Counts the PUTs that arrived.
    pub fn puts(&self) -> u64 {
        self.0.puts.load(Ordering::Relaxed)
    }

    pub(super) fn latency(&self) -> Duration {
        Duration::from_micros(self.0.latency_micros.load(Ordering::Relaxed))
    }

    /// Counts a call and gives what is planned for it.
    pub(super) fn arrive(&self, method: &Method, target: &str) -> Option<Fault> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        if method == Method::PUT {
            self.0.puts.fetch_add(1, Ordering::Relaxed);
        }
        let mut rules = lock(&self.0.rules);
        let met = rules.iter_mut().find(|rule| rule.left > 0 && rule.on.meets(method, target))?;
        met.left -= 1;
        Some(met.fault)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

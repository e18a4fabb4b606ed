//! The threads that hash passwords: few, of low priority, and behind a door that closes before any work is done (S1).
//!
//! Each thread owns the 19 MiB it computes in while there is work, so memory is bounded by the number of threads, whatever
//! arrives. Those who wait are served in turns by source address: one that floods makes only itself wait. Two lines go
//! first, so that a flood from many addresses keeps nobody out: that of known devices, and that of sources which have not
//! lately tried in vain more often than people do.

mod queue;
mod sources;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use queue::{Lane, State};
use tokio::sync::oneshot;

use super::password::{HashError, Password, PasswordHash, Workspace};
use super::pepper::Pepper;
use crate::login::TokenHash;

/// How many hashes may wait per thread: about a second of work.
const WAITING_PER_THREAD: usize = 48;

/// How many hashes of known devices may wait per thread, besides.
const DEVICES_PER_THREAD: usize = 12;

/// How many places one known device may have.
const PLACES_PER_DEVICE: usize = 2;

/// How many hashes of sources in good standing may wait per thread, besides: about half a second of work.
const GOOD_PER_THREAD: usize = 24;

/// How long a thread waits for work before it gives its memory back to the system.
const IDLE: Duration = Duration::from_secs(10);

/// The thread priority below normal, so that hashing never delays signing.
const NICE: i32 = 10;

/// Why a password was not hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Too many wait already.
    #[error("too many logins wait for their password to be checked")]
    Overloaded,
    /// The pool is shutting down.
    #[error("the password pool is shutting down")]
    Closed,
    /// The hash could not be computed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// What came of comparing a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether it was the right one.
    pub matches: bool,
    /// The right password hashed anew, when the stored hash has an outdated pepper or parameters.
    pub rehashed: Option<PasswordHash>,
}

/// A pool of threads that hash passwords.
#[derive(Debug)]
pub struct HashPool {
    shared: Arc<Shared>,
    nobody: PasswordHash,
}

/// A place in the queue; it is given up when dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    lane: Lane,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    threads: usize,
    hashes: AtomicU64,
}

#[derive(Debug)]
struct Job {
    place: Place,
    password: Password,
    task: Task,
}

/// What a thread finds when it looks for work.
enum Next {
    Job(Job),
    Idle,
    Closed,
}

#[derive(Debug)]
enum Task {
    Hash(oneshot::Sender<Result<PasswordHash, HashError>>),
    Verify(PasswordHash, oneshot::Sender<Result<Verified, HashError>>),
}

impl HashPool {
    /// Starts a thread for each core.
    pub fn start(pepper: &Arc<Pepper>) -> Result<Self, StartError> {
        Self::with_threads(std::thread::available_parallelism().map_or(1, usize::from), pepper)
    }

    /// Starts this many threads; fails when the system gives no threads or no randomness.
    pub fn with_threads(threads: usize, pepper: &Arc<Pepper>) -> Result<Self, StartError> {
        let threads = threads.max(1);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new()),
            work: Condvar::new(),
            threads,
            hashes: AtomicU64::new(0),
        });
        let pool = Self { shared, nobody: PasswordHash::of_nobody(pepper)? };
        for number in 0..threads {
            let (shared, workspace) = (pool.shared.clone(), Workspace::new(Arc::clone(pepper)));
            let thread = std::thread::Builder::new().name(format!("password-{number}"));
            thread.spawn(move || work(&shared, workspace))?;
        }
        Ok(pool)
    }

    /// Gives a place to one that comes from `source`, before anything is done for them.
    ///
    /// One source gets at most half of all places.
    pub fn admit(&self, source: IpAddr) -> Result<Place, PoolError> {
        let (source, threads) = (network(source), self.shared.threads);
        let (good, all) = (threads * GOOD_PER_THREAD, threads * WAITING_PER_THREAD);
        let mut state = self.shared.lock();
        let lane = Lane::Good(source);
        if state.sources.attempt(source, Instant::now()) && !state.closed && state.place(lane, good, good) {
            return Ok(Place { shared: self.shared.clone(), lane });
        }
        self.place(state, Lane::Source(source), all, all / 2)
    }

    /// Gives one of the places kept for known devices; one device gets at most two.
    pub(crate) fn admit_device(&self, device: TokenHash) -> Result<Place, PoolError> {
        let capacity = self.shared.threads * DEVICES_PER_THREAD;
        self.place(self.shared.lock(), Lane::Device(device), capacity, PLACES_PER_DEVICE)
    }

    fn place(
        &self,
        mut state: MutexGuard<'_, State>,
        lane: Lane,
        capacity: usize,
        share: usize,
    ) -> Result<Place, PoolError> {
        if state.closed {
            return Err(PoolError::Closed);
        }
        if !state.place(lane, capacity, share) {
            return Err(PoolError::Overloaded);
        }
        drop(state);
        Ok(Place { shared: self.shared.clone(), lane })
    }

    /// Compares a password with a hash; without one, with a hash that nobody has, at the same cost (F9).
    pub async fn verify(
        &self,
        place: Place,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verified, PoolError> {
        let (reply, answer) = oneshot::channel();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        self.shared.push(Job { place, password, task: Task::Verify(hash, reply) })?;
        Ok(answer.await.map_err(|_| PoolError::Closed)??)
    }

    /// Hashes a password.
    pub async fn hash(&self, place: Place, password: Password) -> Result<PasswordHash, PoolError> {
        let (reply, answer) = oneshot::channel();
        self.shared.push(Job { place, password, task: Task::Hash(reply) })?;
        Ok(answer.await.map_err(|_| PoolError::Closed)??)
    }

    /// Tells how many hashes were computed since the start; a metric.
    pub fn hashes(&self) -> u64 {
        self.shared.hashes.load(Ordering::Relaxed)
    }

    /// Tells how many places are given; a metric.
    pub fn waiting(&self) -> usize {
        self.shared.lock().given()
    }
}

/// Why the pool cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system gives no thread.
    #[error("no thread for hashing passwords: {0}")]
    Thread(#[from] std::io::Error),
    /// There is no randomness.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let dropped = {
            let mut state = self.shared.lock();
            state.closed = true;
            state.take_all()
        };
        // Outside the lock: each place takes it to give itself up.
        drop(dropped);
        self.shared.work.notify_all();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.lock().leave(self.lane);
    }
}

impl Place {
    /// Tells whether it was given to a source that has not lately tried in vain more often than people do.
    pub(crate) fn is_in_good_standing(&self) -> bool {
        matches!(self.lane, Lane::Good(_))
    }

    /// Says that whoever has it did not try in vain.
    fn succeeded(&self) {
        if let Lane::Good(source) | Lane::Source(source) = self.lane {
            self.shared.lock().sources.succeeded(source);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), PoolError> {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return Err(PoolError::Closed);
        }
        state.push(job);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Waits for the next job, or until there was none for a while.
    fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Next::Closed;
            }
            if let Some(job) = state.take_turn() {
                return Next::Job(job);
            }
            let waited = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            if waited.1.timed_out() {
                return Next::Idle;
            }
            state = waited.0;
        }
    }
}

impl Job {
    fn is_abandoned(&self) -> bool {
        match &self.task {
            Task::Hash(reply) => reply.is_closed(),
            Task::Verify(_, reply) => reply.is_closed(),
        }
    }

    fn run(self, workspace: &mut Workspace, hashes: &AtomicU64) {
        let Self { place, password, task } = self;
        hashes.fetch_add(1, Ordering::Relaxed);
        // A caller that went away has no use for the answer.
        match task {
            Task::Hash(reply) => {
                place.succeeded();
                let _ = reply.send(workspace.hash(&password));
            }
            Task::Verify(hash, reply) => {
                let verified = verify(workspace, &password, &hash);
                if verified.as_ref().is_ok_and(|verified| verified.matches) {
                    place.succeeded();
                }
                let _ = reply.send(verified);
            }
        }
        drop(place);
    }
}

fn verify(
    workspace: &mut Workspace,
    password: &Password,
    hash: &PasswordHash,
) -> Result<Verified, HashError> {
    let matches = workspace.verify(password, hash)?;
    let rehashed = if matches && workspace.outdates(hash) { Some(workspace.hash(password)?) } else { None };
    Ok(Verified { matches, rehashed })
}

fn work(shared: &Shared, mut workspace: Workspace) {
    lower_priority();
    loop {
        match shared.next() {
            Next::Job(job) if job.is_abandoned() => {}
            Next::Job(job) => job.run(&mut workspace, &shared.hashes),
            Next::Idle => workspace.release(),
            Next::Closed => return,
        }
    }
}

/// Lowers this thread's priority. On Linux a thread is addressed like a process; elsewhere it stays as it is.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::warn!(%error, "password hashing runs at normal priority");
    }
}

/// Gives what counts as one source: an IPv4 address, or the /64 network of an IPv6 address.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(std::net::Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

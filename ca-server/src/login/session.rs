//! Sessions: who a token stands for, asked thousands of times a second.
//!
//! What the database said is believed for [`MAX_AGE_MILLIS`]. So a session that was ended or whose account was disabled
//! *by another process* is good for at most that long; what this process does is seen at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ca_core::policy::{self, Purpose};
use ca_core::time::{UnixMillis, UnixSeconds};

use super::token::TokenHash;
use super::{Login, LoginError, token};
use crate::store::{SessionRow, User};

/// How long what the database said of a session is believed, in milliseconds.
pub const MAX_AGE_MILLIS: u64 = 1000;

/// How far the stored time of last use may lag, in seconds; a session may so end up to a minute early, never late.
const TOUCH_SECS: u64 = 60;

const SHARDS: usize = 64;

/// How many sessions a shard remembers; beyond it forgets and asks the database again.
const MAX_PER_SHARD: usize = 1024;

/// A login that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The ULID of the account.
    pub user_id: String,
    /// Who is logged in, as a decision takes it.
    pub user: policy::User,
    /// What the session can do.
    pub purpose: Purpose,
    /// How they logged in, as a decision takes it.
    pub login: policy::Session,
    /// When the session ends at the latest.
    pub expires_at: UnixSeconds,
}

impl From<User> for policy::User {
    fn from(user: User) -> Self {
        let User { name, email, groups, enabled, person, reduced_until, .. } = user;
        Self { name, email, groups, enabled, person, reduced_until }
    }
}

/// The sessions that were asked for in the last second; its size is bounded.
#[derive(Debug)]
pub struct SessionCache {
    shards: Vec<Shard>,
    /// Counts what was forgotten, so that a row read before does not come in after.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    entries: Mutex<HashMap<TokenHash, Entry>>,
    /// Held while a session of this shard is read, so that a thousand requests at once read it once.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Entry {
    session: Arc<Session>,
    read_at: UnixMillis,
}

impl Default for SessionCache {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        Self { shards, generation: AtomicU64::new(0) }
    }
}

impl SessionCache {
    /// Forgets the sessions of an account, after the database has changed.
    pub fn forget_user(&self, user_id: &str) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            shard.lock().retain(|_, entry| entry.session.user_id != user_id);
        }
    }

    /// Forgets a session, after the database has.
    fn forget(&self, token: TokenHash) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.shard(token).lock().remove(&token);
    }

    fn find(&self, token: TokenHash, now: UnixMillis) -> Option<Arc<Session>> {
        let entry = self.shard(token).lock().get(&token).cloned()?;
        // An entry from the future was read before the clock was set back.
        let fresh = now.0.checked_sub(entry.read_at.0).is_some_and(|age| age < MAX_AGE_MILLIS);
        (fresh && now.seconds() < entry.session.expires_at).then_some(entry.session)
    }

    fn keep(&self, token: TokenHash, entry: Entry, generation: u64) {
        let mut entries = self.shard(token).lock();
        // Under the lock that `forget` takes after it counts: either it is seen here, or it removes what goes in.
        if self.generation.load(Ordering::SeqCst) != generation {
            return;
        }
        if entries.len() >= MAX_PER_SHARD {
            entries.clear();
        }
        entries.insert(token, entry);
    }

    fn shard(&self, token: TokenHash) -> &Shard {
        &self.shards[usize::from(token.as_slice()[0]) % SHARDS]
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    /// Tells whose session a token is; [`LoginError::NoSession`] when it is nobody's, or not any more.
    ///
    /// Up to [`MAX_AGE_MILLIS`] late for what other processes change.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Session>, LoginError> {
        let token = TokenHash::of(token, token::SESSION).ok_or(LoginError::NoSession)?;
        let cache = &self.setup.sessions;
        if let Some(session) = cache.find(token, self.setup.clock.now()) {
            return Ok(session);
        }
        let _loading = cache.shard(token).loading.lock().await;
        let now = self.setup.clock.now();
        if let Some(session) = cache.find(token, now) {
            return Ok(session);
        }
        let generation = cache.generation.load(Ordering::SeqCst);
        let session = Arc::new(self.read_session(token, now.seconds()).await?);
        cache.keep(token, Entry { session: session.clone(), read_at: now }, generation);
        Ok(session)
    }

    /// Ends a session; one that is none any more has ended already.
    pub async fn logout(&self, token: &str) -> Result<(), LoginError> {
        let token = TokenHash::of(token, token::SESSION).ok_or(LoginError::NoSession)?;
        self.setup.store.end_session(token).await?;
        self.setup.sessions.forget(token);
        Ok(())
    }

    async fn read_session(&self, token: TokenHash, now: UnixSeconds) -> Result<Session, LoginError> {
        let row = self.setup.store.session(token).await?.ok_or(LoginError::NoSession)?;
        let idle_until = row.last_used_at.plus_secs(self.config.idle_secs);
        if !row.user.enabled || now >= row.expires_at || now >= idle_until {
            return Err(LoginError::NoSession);
        }
        if now >= row.last_used_at.plus_secs(TOUCH_SECS) {
            self.setup.store.touch_session(token, now).await?;
        }
        Ok(row.into())
    }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            user_id: row.user.id.clone(),
            user: row.user.into(),
            purpose: row.purpose,
            login: policy::Session { id: row.id, factors: row.factors, key: None },
            expires_at: row.expires_at,
        }
    }
}

//! Objects in memory, with the failures a crash test asks for.
//!
//! One [`Memory`] is one node's connection to a bucket; [`Memory::reopen`] gives the connection of the next node,
//! or of the same one after a crash. Failures are planned per connection and always come in pairs: the write
//! *did not* take place and the caller saw an error, or it *did* and the caller saw the same error.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Class, Etag, Object, ObjectStore, Put, StoreError, Swap, key};

mod bucket;
mod plan;

use bucket::Bucket;
pub use plan::{Fault, When};
use plan::{Plan, Verdict};

/// A connection to a bucket in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    bucket: Arc<Mutex<Bucket>>,
    plan: Arc<Plan>,
}

impl Memory {
    /// Makes an empty bucket and the first connection to it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects anew to the same bucket: no failures planned, no writes counted, alive.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { bucket: Arc::clone(&self.bucket), plan: Arc::default() }
    }

    /// Plans one failure of this connection; it happens once.
    pub fn fail(&self, when: When, fault: Fault) {
        self.plan.add(when, fault);
    }

    /// Makes every operation of this connection fail, storing nothing, until told otherwise.
    pub fn set_down(&self, down: bool) {
        self.plan.set_down(down);
    }

    /// Counts the writes begun on this connection, failed ones included.
    pub fn writes(&self) -> u64 {
        self.plan.writes()
    }

    /// Waits until a planned [`Fault::KilledBefore`] or [`Fault::KilledAfter`] has happened.
    ///
    /// The operation that met it never returns, nor does any later one: drop their node and reopen.
    pub async fn killed(&self) {
        self.plan.killed().await;
    }

    /// Lists every key in the bucket, in byte order.
    pub fn keys(&self) -> Vec<String> {
        self.bucket().keys()
    }

    /// Puts bytes at a key as someone with the bucket's own credentials could, asking nobody.
    pub fn overwrite(&self, key: &str, bytes: Bytes) {
        self.bucket().overwrite(key, bytes);
    }

    /// Takes an object away as someone with the bucket's own credentials could.
    pub fn remove(&self, key: &str) -> Option<Bytes> {
        self.bucket().remove(key)
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a write as planned.
    async fn write<T>(
        &self,
        key: &str,
        store: impl FnOnce(&mut Bucket) -> T + Send,
    ) -> Result<T, StoreError> {
        key::check(key)?;
        let planned = match self.plan.write(key) {
            Verdict::Run => return Ok(store(&mut self.bucket())),
            Verdict::Dead => return pending().await,
            Verdict::Down => return Err(down(key)),
            Verdict::Fail(fault) => fault,
        };
        if matches!(planned, Fault::StoredButErrored | Fault::KilledAfter) {
            store(&mut self.bucket());
        }
        if matches!(planned, Fault::KilledBefore | Fault::KilledAfter) {
            self.plan.kill();
            return pending().await;
        }
        Err(StoreError::Unavailable { key: key.into(), cause: "the connection was lost (planned)".into() })
    }

    async fn alive(&self, key: &str) -> Result<(), StoreError> {
        match self.plan.read() {
            Verdict::Dead => pending().await,
            Verdict::Down => Err(down(key)),
            Verdict::Run | Verdict::Fail(_) => Ok(()),
        }
    }
}

fn down(key: &str) -> StoreError {
    StoreError::Unavailable { key: key.into(), cause: "the store is down (planned)".into() }
}

#[async_trait]
impl ObjectStore for Memory {
    async fn put_new(&self, key: &str, bytes: Bytes, _: Class) -> Result<Put, StoreError> {
        self.write(key, |bucket| bucket.put_new(key, bytes)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        key::check(key)?;
        self.alive(key).await?;
        Ok(self.bucket().get(key))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        key::check_prefix(prefix)?;
        self.alive(prefix).await?;
        Ok(self.bucket().list(prefix, after.unwrap_or_default(), limit))
    }

    async fn replace_if(&self, key: &str, bytes: Bytes, expected: Option<&Etag>) -> Result<Swap, StoreError> {
        self.write(key, |bucket| bucket.replace_if(key, bytes, expected)).await
    }
}

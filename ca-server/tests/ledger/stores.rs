//! A store that hangs, or refuses, when told to.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ca_server::objects::memory::Memory;
use ca_server::objects::{Class, Etag, Object, ObjectStore, Put, StoreError, Swap};
use tokio::sync::{Semaphore, watch};

/// What happens to a write that comes to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// It waits until the gate is opened.
    Shut,
    /// It fails, with nothing stored.
    Refuse,
}

/// A store whose writes of some keys pass a gate; reads always go through.
#[derive(Clone, Debug)]
pub(crate) struct Gated {
    store: Memory,
    prefix: &'static str,
    gate: watch::Sender<Gate>,
    /// One permit for each write that has come to the gate while it was not open.
    pub(crate) held: Arc<Semaphore>,
}

impl Gated {
    pub(crate) fn new(store: Memory, prefix: &'static str) -> Self {
        Self { store, prefix, gate: watch::Sender::new(Gate::Open), held: Arc::new(Semaphore::new(0)) }
    }

    pub(crate) fn set(&self, gate: Gate) {
        self.gate.send_replace(gate);
    }

    /// Waits until a write is held up.
    pub(crate) async fn holds_one(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    async fn pass(&self, key: &str) -> Result<(), StoreError> {
        let gate = *self.gate.borrow();
        if !key.starts_with(self.prefix) || gate == Gate::Open {
            return Ok(());
        }
        self.held.add_permits(1);
        if gate == Gate::Refuse {
            return Err(StoreError::Refused { key: key.into(), cause: "read-only (planned)".into() });
        }
        let _ = self.gate.subscribe().wait_for(|gate| *gate != Gate::Shut).await;
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for Gated {
    async fn put_new(&self, key: &str, bytes: Bytes, class: Class) -> Result<Put, StoreError> {
        // On its own, so that it takes place even when the caller has given it up: as over a network.
        let (own, key) = (self.clone(), key.to_owned());
        let write = tokio::spawn(async move {
            own.pass(&key).await?;
            own.store.put_new(&key, bytes, class).await
        });
        write.await.unwrap()
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.store.get(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        self.store.list(prefix, after, limit).await
    }

    async fn replace_if(&self, key: &str, bytes: Bytes, expected: Option<&Etag>) -> Result<Swap, StoreError> {
        self.pass(key).await?;
        self.store.replace_if(key, bytes, expected).await
    }
}

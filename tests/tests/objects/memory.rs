//! The double itself: its failures come as planned, in pairs, once.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use ca_server::objects::memory::{Fault, Memory, When};
use ca_server::objects::{Class, ObjectStore, Put, StoreError};

async fn put(store: &Memory, key: &str) -> Result<Put, StoreError> {
    store.put_new(key, Bytes::from_static(b"x"), Class::Immutable).await
}

#[tokio::test]
async fn a_failed_write_was_stored_or_was_not() -> Result<()> {
    for (fault, stored) in [(Fault::NotStored, false), (Fault::StoredButErrored, true)] {
        let store = Memory::new();
        store.fail(When::Write(2), fault);
        assert_eq!(put(&store, "journal/0").await?, Put::Created);
        assert!(matches!(put(&store, "journal/1").await, Err(StoreError::Unavailable { .. })));
        assert_eq!(store.get("journal/1").await?.is_some(), stored);
        assert_eq!(put(&store, "journal/1").await?, Put::Created);
        assert_eq!(store.writes(), 3);
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_node_never_hears_of_its_write_and_the_next_one_finds_it_or_not() -> Result<()> {
    for (fault, stored) in [(Fault::KilledBefore, false), (Fault::KilledAfter, true)] {
        let store = Memory::new();
        store.fail(When::prefix("journal/"), fault);
        put(&store, "tile/0/000").await?;
        let node = {
            let store = store.clone();
            tokio::spawn(async move { put(&store, "journal/0").await })
        };
        store.killed().await;
        let read = tokio::time::timeout(Duration::from_millis(20), store.get("tile/0/000")).await;
        assert!(read.is_err() && !node.is_finished());
        node.abort();
        assert_eq!(store.reopen().get("journal/0").await?.is_some(), stored);
    }
    Ok(())
}

#[tokio::test]
async fn a_store_that_is_down_comes_back() -> Result<()> {
    let store = Memory::new();
    store.set_down(true);
    assert!(put(&store, "journal/0").await.is_err());
    assert!(store.get("journal/0").await.is_err());
    assert!(store.reopen().get("journal/0").await.is_ok());
    store.set_down(false);
    assert_eq!(store.get("journal/0").await?, None);
    Ok(())
}

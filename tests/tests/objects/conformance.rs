//! Creating and reading.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use ca_server::objects::{Class, ObjectStore, Put, StoreError, probe::probe};
use tokio::task::JoinSet;

use crate::backends::Backend;

const KEY: &str = "journal/00000000000000000000";

/// Reads an object that has to be there.
pub(crate) async fn read(store: &dyn ObjectStore, key: &str) -> Result<Bytes> {
    Ok(store.get(key).await?.with_context(|| format!("{key} is not there"))?.bytes)
}

pub(crate) async fn an_object_reads_back(backend: Backend) -> Result<()> {
    for (key, class) in [(KEY, Class::Immutable), ("tile/0/x001/234.p/17", Class::Derived)] {
        let bytes = Bytes::from(format!("the bytes of {key}"));
        assert_eq!(backend.store.put_new(key, bytes.clone(), class).await?, Put::Created);
        assert_eq!(read(&*backend.store, key).await?, bytes);
    }
    Ok(())
}

pub(crate) async fn empty_and_large_objects_are_stored_whole(backend: Backend) -> Result<()> {
    let binary: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (number, bytes) in [Vec::new(), vec![0], binary].into_iter().enumerate() {
        let (key, bytes) = (format!("journal/{number}"), Bytes::from(bytes));
        assert_eq!(backend.store.put_new(&key, bytes.clone(), Class::Immutable).await?, Put::Created);
        ensure!(
            read(&*backend.store, &key).await? == bytes,
            "{key} of {} bytes came back changed",
            bytes.len()
        );
    }
    Ok(())
}

pub(crate) async fn an_absent_object_is_none(backend: Backend) -> Result<()> {
    assert_eq!(backend.store.get(KEY).await?, None);
    backend.store.put_new(KEY, Bytes::from_static(b"one"), Class::Immutable).await?;
    assert_eq!(backend.store.get("journal/00000000000000000001").await?, None);
    assert_eq!(backend.store.get("journal/0000000000000000000").await?, None);
    Ok(())
}

pub(crate) async fn a_second_creator_with_other_bytes_loses(backend: Backend) -> Result<()> {
    for (key, class) in [("journal/0", Class::Immutable), ("tile/0/000", Class::Derived)] {
        assert_eq!(backend.store.put_new(key, Bytes::from_static(b"first"), class).await?, Put::Created);
        // One is a longer, one a shorter version of what is there: neither may pass for it.
        for other in ["second", "firs", "first and more", ""] {
            assert_eq!(
                backend.store.put_new(key, Bytes::from(other), class).await?,
                Put::Exists,
                "{other:?}"
            );
        }
        assert_eq!(read(&*backend.store, key).await?, "first");
    }
    Ok(())
}

pub(crate) async fn the_same_bytes_again_are_created(backend: Backend) -> Result<()> {
    for (key, class) in [("journal/0", Class::Immutable), ("tile/0/000", Class::Derived)] {
        for store in [&backend.store, &backend.open()?, &backend.store] {
            assert_eq!(store.put_new(key, Bytes::from_static(b"the same"), class).await?, Put::Created);
        }
        assert_eq!(read(&*backend.store, key).await?, "the same");
    }
    Ok(())
}

pub(crate) async fn one_of_many_creators_wins(backend: Backend) -> Result<()> {
    let nodes = [Arc::clone(&backend.store), backend.open()?];
    for round in 0..5 {
        let key = format!("journal/{round}");
        let mut creators = JoinSet::new();
        for number in 0..16 {
            let (node, key) = (Arc::clone(&nodes[number % 2]), key.clone());
            creators.spawn(async move {
                let bytes = Bytes::from(format!("by {number}"));
                Ok::<_, StoreError>((node.put_new(&key, bytes.clone(), Class::Immutable).await?, bytes))
            });
        }
        let results: Vec<_> = creators.join_all().await.into_iter().collect::<Result<_, _>>()?;
        let winners: Vec<_> = results.into_iter().filter(|(put, _)| *put == Put::Created).collect();
        assert_eq!(winners.len(), 1, "winners of round {round}");
        assert_eq!(read(&*backend.store, &key).await?, winners[0].1);
    }
    Ok(())
}

pub(crate) async fn readers_see_all_of_the_bytes_or_nothing(backend: Backend) -> Result<()> {
    let bytes = Bytes::from(vec![b'x'; 1 << 20]);
    for round in 0..5 {
        let key = format!("journal/{round}");
        let reader = {
            let (store, key) = (backend.open()?, key.clone());
            tokio::spawn(async move {
                loop {
                    if let Some(object) = store.get(&key).await? {
                        return Ok::<_, StoreError>(object.bytes.len());
                    }
                    tokio::time::sleep(Duration::from_micros(50)).await;
                }
            })
        };
        backend.store.put_new(&key, bytes.clone(), Class::Immutable).await?;
        assert_eq!(reader.await??, bytes.len());
    }
    Ok(())
}

pub(crate) async fn a_write_is_seen_by_other_handles(backend: Backend) -> Result<()> {
    let other = backend.open()?;
    for number in 0..20 {
        let (key, bytes) = (format!("journal/{number}"), Bytes::from(number.to_string()));
        assert_eq!(other.get(&key).await?, None);
        backend.store.put_new(&key, bytes.clone(), Class::Derived).await?;
        assert_eq!(read(&*other, &key).await?, bytes);
    }
    Ok(())
}

pub(crate) async fn objects_outlive_their_handles(mut backend: Backend) -> Result<()> {
    backend.store.put_new(KEY, Bytes::from_static(b"kept"), Class::Immutable).await?;
    backend.store.replace_if("checkpoint", Bytes::from_static(b"kept too"), None).await?;
    backend.store = backend.open()?;
    assert_eq!(read(&*backend.store, KEY).await?, "kept");
    assert_eq!(read(&*backend.store, "checkpoint").await?, "kept too");
    Ok(())
}

pub(crate) async fn keys_that_could_escape_are_refused(backend: Backend) -> Result<()> {
    let bytes = || Bytes::from_static(b"x");
    for key in
        ["", "/", "/etc/passwd", "../x", "journal/../../x", "a//b", "a/", "./a", "A", "a b", "a\nb", "ä"]
    {
        let put = backend.store.put_new(key, bytes(), Class::Immutable).await;
        assert!(matches!(put, Err(StoreError::Refused { .. })), "put_new {key:?}: {put:?}");
        let get = backend.store.get(key).await;
        assert!(matches!(get, Err(StoreError::Refused { .. })), "get {key:?}: {get:?}");
        let swap = backend.store.replace_if(key, bytes(), None).await;
        assert!(matches!(swap, Err(StoreError::Refused { .. })), "replace_if {key:?}: {swap:?}");
    }
    let list = backend.store.list("../", None, 10).await;
    assert!(matches!(list, Err(StoreError::Refused { .. })), "{list:?}");
    Ok(())
}

pub(crate) async fn promises_are_proven(backend: Backend) -> Result<()> {
    let promises = probe(&*backend.store).await?;
    assert_eq!(promises.locked, backend.locked, "{promises:?}");
    // A second start on the same store finds what the first one left, and is not misled by it.
    probe(&*backend.open()?).await?;
    Ok(())
}

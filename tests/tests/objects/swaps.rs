//! Compare-and-swap.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use ca_server::objects::{Etag, ObjectStore, StoreError, Swap};
use tokio::task::JoinSet;

use crate::backends::Backend;
use crate::conformance::read;

const KEY: &str = "checkpoint";

async fn swap(
    store: &dyn ObjectStore,
    text: &'static str,
    expected: Option<&Etag>,
) -> Result<Swap, StoreError> {
    store.replace_if(KEY, Bytes::from_static(text.as_bytes()), expected).await
}

async fn etag(store: &dyn ObjectStore) -> Result<Etag> {
    Ok(store.get(KEY).await?.context("not there")?.etag)
}

pub(crate) async fn a_swap_makes_what_was_not_there(backend: Backend) -> Result<()> {
    assert_eq!(swap(&*backend.store, "x", Some(&Etag("\"0123\"".to_owned()))).await?, Swap::Lost);
    assert_eq!(backend.store.get(KEY).await?, None);
    let Swap::Done(made) = swap(&*backend.store, "one", None).await? else { anyhow::bail!("lost") };
    assert_eq!(made, etag(&*backend.store).await?);
    assert_eq!(swap(&*backend.store, "two", None).await?, Swap::Lost);
    assert_eq!(read(&*backend.store, KEY).await?, "one");
    Ok(())
}

pub(crate) async fn a_swap_replaces_what_the_caller_saw(backend: Backend) -> Result<()> {
    let other = backend.open()?;
    swap(&*backend.store, "one", None).await?;
    for text in ["two", "three", "four"] {
        let seen = etag(&*other).await?;
        let Swap::Done(done) = swap(&*other, text, Some(&seen)).await? else { anyhow::bail!("lost") };
        assert_eq!(read(&*backend.store, KEY).await?, text);
        assert_eq!(done, etag(&*backend.store).await?);
    }
    Ok(())
}

pub(crate) async fn a_stale_swap_loses(backend: Backend) -> Result<()> {
    swap(&*backend.store, "one", None).await?;
    let stale = etag(&*backend.store).await?;
    assert!(matches!(swap(&*backend.store, "two", Some(&stale)).await?, Swap::Done(_)));
    assert_eq!(swap(&*backend.open()?, "three", Some(&stale)).await?, Swap::Lost);
    assert_eq!(read(&*backend.store, KEY).await?, "two");
    Ok(())
}

pub(crate) async fn one_of_many_swaps_wins(backend: Backend) -> Result<()> {
    let nodes = [Arc::clone(&backend.store), backend.open()?];
    swap(&*backend.store, "start", None).await?;
    for round in 0..5 {
        let seen = etag(&*backend.store).await?;
        let mut writers = JoinSet::new();
        for number in 0..8 {
            let (node, seen) = (Arc::clone(&nodes[number % 2]), seen.clone());
            writers.spawn(async move {
                let bytes = Bytes::from(format!("{round} by {number}"));
                Ok::<_, StoreError>((node.replace_if(KEY, bytes.clone(), Some(&seen)).await?, bytes))
            });
        }
        let results: Vec<_> = writers.join_all().await.into_iter().collect::<Result<_, _>>()?;
        let winners: Vec<_> = results.into_iter().filter(|(swap, _)| *swap != Swap::Lost).collect();
        assert_eq!(winners.len(), 1, "winners of round {round}");
        assert_eq!(read(&*backend.store, KEY).await?, winners[0].1);
    }
    Ok(())
}

pub(crate) async fn the_same_swap_again_is_done(backend: Backend) -> Result<()> {
    swap(&*backend.store, "one", None).await?;
    let seen = etag(&*backend.store).await?;
    for _ in 0..2 {
        let Swap::Done(done) = swap(&*backend.store, "two", Some(&seen)).await? else {
            anyhow::bail!("lost")
        };
        assert_eq!(done, etag(&*backend.store).await?);
    }
    Ok(())
}

//! Listing.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use ca_server::objects::{Class, ObjectStore};
use tokio::task::JoinSet;

use crate::backends::Backend;

async fn fill(store: &Arc<dyn ObjectStore>, keys: &[&str]) -> Result<()> {
    for key in keys {
        store.put_new(key, Bytes::from_static(b"x"), Class::Derived).await?;
    }
    Ok(())
}

pub(crate) async fn keys_come_in_byte_order(backend: Backend) -> Result<()> {
    // As bytes `-` and `.` come before `/` and letters after it, so folders mix with their neighbours.
    let sorted = ["a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "a_b", "ab", "b"];
    let mut keys = sorted;
    keys.reverse();
    fill(&backend.store, &keys).await?;
    assert_eq!(backend.store.list("", None, 100).await?, sorted);
    for after in 0..sorted.len() {
        assert_eq!(backend.store.list("", Some(sorted[after]), 100).await?, sorted[after + 1..]);
        assert_eq!(backend.store.list("", None, after).await?, sorted[..after]);
    }
    Ok(())
}

pub(crate) async fn a_prefix_may_end_within_a_segment(backend: Backend) -> Result<()> {
    fill(&backend.store, &["checkpoint", "checkpoints/1", "checkpoints/12", "checkpoints/2", "tile/0/001"])
        .await?;
    let list = async |prefix: &str| backend.store.list(prefix, None, 100).await;
    assert_eq!(list("checkpoint").await?, ["checkpoint", "checkpoints/1", "checkpoints/12", "checkpoints/2"]);
    assert_eq!(list("checkpoints/").await?, ["checkpoints/1", "checkpoints/12", "checkpoints/2"]);
    assert_eq!(list("checkpoints/1").await?, ["checkpoints/1", "checkpoints/12"]);
    assert_eq!(list("tile/0/").await?, ["tile/0/001"]);
    assert_eq!(list("tile/1").await?, [""; 0]);
    assert_eq!(list("nothing/here/").await?, [""; 0]);
    Ok(())
}

pub(crate) async fn a_listing_goes_on_after_a_key(backend: Backend) -> Result<()> {
    let keys: Vec<String> = (0..25).map(|n| format!("journal/{n:020}")).collect();
    fill(&backend.store, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    fill(&backend.store, &["checkpoint", "zzz"]).await?;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = backend.store.list("journal/", after.as_deref(), 10).await?;
        let Some(last) = page.last().cloned() else { break };
        assert!(page.len() <= 10);
        found.extend(page);
        after = Some(last);
    }
    assert_eq!(found, keys);
    // Neither the key nor its folder has to exist to go on after it.
    assert_eq!(backend.store.list("journal/", Some("journal/000000000000000000225"), 1).await?, keys[23..24]);
    assert_eq!(backend.store.list("journal/", Some("checkpoint"), 1).await?, keys[..1]);
    assert_eq!(backend.store.list("journal/", Some("journal/z"), 1).await?, [""; 0]);
    assert_eq!(backend.store.list("journal/", Some("zz"), 1).await?, [""; 0]);
    Ok(())
}

pub(crate) async fn a_listing_sees_every_write(backend: Backend) -> Result<()> {
    let other = backend.open()?;
    for number in 0..20_usize {
        let key = format!("journal/{number:020}");
        fill(&backend.store, &[&key]).await?;
        let found = other.list("journal/", None, 100).await?;
        assert_eq!((found.len(), found.last()), (number + 1, Some(&key)));
    }
    Ok(())
}

pub(crate) async fn long_listings_are_whole(backend: Backend) -> Result<()> {
    // More than one page of S3.
    let keys: Vec<String> = (0..1_050).map(|n| format!("journal/{n:020}")).collect();
    let mut writers = JoinSet::new();
    for part in keys.chunks(132) {
        let (store, part) = (Arc::clone(&backend.store), part.to_vec());
        writers
            .spawn(async move { fill(&store, &part.iter().map(String::as_str).collect::<Vec<_>>()).await });
    }
    writers.join_all().await.into_iter().collect::<Result<()>>()?;
    assert_eq!(backend.store.list("journal/", None, 10_000).await?, keys);
    assert_eq!(backend.store.list("journal/", None, 1_020).await?, keys[..1_020]);
    assert_eq!(backend.store.list("journal/", Some(&keys[999]), 10_000).await?, keys[1_000..]);
    Ok(())
}

//! L2: writes that took place though the caller was not told, and conflicts. No duplicate, no gap.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use ca_server::objects::s3::S3;
use ca_server::objects::{Class, ObjectStore, Put, StoreError, Swap};
use countersign_tests::s3::{Fault, On, S3Server};

use crate::backends::s3;

const KEY: &str = "journal/00000000000000000000";

fn server() -> Result<(S3Server, S3)> {
    let server = S3Server::start()?;
    let store = s3(&server.bucket(), Some(Duration::from_mins(2)), Duration::from_secs(5));
    Ok((server, store))
}

async fn put(store: &S3, text: &'static str) -> Result<Put, StoreError> {
    store.put_new(KEY, Bytes::from_static(text.as_bytes()), Class::Immutable).await
}

#[tokio::test]
async fn l2_a_create_whose_reply_was_lost_is_created_once() -> Result<()> {
    let (server, store) = server()?;
    server.faults().next(On::puts(), Fault::ReplyLost);
    assert_eq!(put(&store, "ours").await?, Put::Created);
    assert_eq!(server.faults().puts(), 2);
    assert_eq!(server.versions(KEY).len(), 1);
    Ok(())
}

#[tokio::test]
async fn l2_a_lost_412_still_tells_whose_object_it_is() -> Result<()> {
    let (server, store) = server()?;
    put(&store, "theirs").await?;
    server.faults().next(On::puts(), Fault::ReplyLost);
    assert_eq!(put(&store, "ours").await?, Put::Exists);
    assert_eq!(server.versions(KEY).len(), 1);
    Ok(())
}

#[tokio::test]
async fn l2_a_create_of_which_nothing_was_heard_can_be_repeated() -> Result<()> {
    let (server, store) = server()?;
    server.faults().always(On::puts(), Fault::ReplyLost);
    let unknown = put(&store, "ours").await;
    assert!(matches!(unknown, Err(StoreError::Unavailable { .. })), "{unknown:?}");
    server.faults().clear();
    assert_eq!(put(&store, "ours").await?, Put::Created);
    assert_eq!(put(&store, "others").await?, Put::Exists);
    assert_eq!(server.versions(KEY).len(), 1);
    Ok(())
}

#[tokio::test]
async fn l2_a_lost_look_after_a_412_is_repeated() -> Result<()> {
    let (server, store) = server()?;
    server.faults().next(On::puts(), Fault::ReplyLost);
    server.faults().next(On::gets(), Fault::Reset);
    assert_eq!(put(&store, "ours").await?, Put::Created);
    Ok(())
}

#[tokio::test]
async fn l2_a_swap_whose_reply_was_lost_is_done() -> Result<()> {
    let (server, store) = server()?;
    let write = async |text: &'static str, expected| {
        server.faults().next(On::puts(), Fault::ReplyLost);
        store.replace_if("checkpoint", Bytes::from_static(text.as_bytes()), expected).await
    };
    let Swap::Done(one) = write("one", None).await? else { anyhow::bail!("lost") };
    let Swap::Done(two) = write("two", Some(&one)).await? else { anyhow::bail!("lost") };
    assert_eq!(write("three", Some(&one)).await?, Swap::Lost);
    let there = store.get("checkpoint").await?.map(|object| (object.bytes, object.etag));
    assert_eq!(there, Some((Bytes::from_static(b"two"), two)));
    assert_eq!(server.versions("checkpoint").len(), 2);
    Ok(())
}

#[tokio::test]
async fn l2_conflicts_are_waited_out() -> Result<()> {
    let (server, store) = server()?;
    server.faults().times(4, On::puts(), Fault::Conflict);
    assert_eq!(put(&store, "ours").await?, Put::Created);
    server.faults().times(4, On::puts(), Fault::Conflict);
    let swap = store.replace_if("checkpoint", Bytes::from_static(b"x"), None).await?;
    assert!(matches!(swap, Swap::Done(_)), "{swap:?}");
    Ok(())
}

#[tokio::test]
async fn l2_conflicts_without_end_are_unavailable() -> Result<()> {
    let (server, store) = server()?;
    server.faults().always(On::puts(), Fault::Conflict);
    let begun = Instant::now();
    let result = put(&store, "ours").await;
    assert!(matches!(result, Err(StoreError::Unavailable { .. })), "{result:?}");
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(server.faults().puts() < 20);
    Ok(())
}

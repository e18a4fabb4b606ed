//! What is locked on S3, for how long, and what happens to it behind our back.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use ca_server::objects::s3::S3;
use ca_server::objects::{Class, ObjectStore, Put, StoreError, Swap};
use countersign_tests::bucket::Bucket;
use countersign_tests::real_s3;
use countersign_tests::s3::S3Server;

use crate::backends::s3;

const DAYS: Duration = Duration::from_hours(10 * 24);

fn locked(bucket: &Bucket) -> S3 {
    s3(bucket, Some(DAYS), Duration::from_secs(20))
}

async fn put(store: &S3, key: &str, class: Class) -> Result<Put, StoreError> {
    store.put_new(key, Bytes::from_static(b"x"), class).await
}

#[tokio::test]
async fn what_commits_is_locked_and_nothing_else() -> Result<()> {
    let server = S3Server::start()?;
    let store = locked(&server.bucket());
    put(&store, "journal/0", Class::Immutable).await?;
    put(&store, "tile/0/000", Class::Derived).await?;
    store.replace_if("checkpoint", Bytes::from_static(b"x"), None).await?;
    let until = server.versions("journal/0")[0].locked_until.context("not locked")?;
    let expected = SystemTime::now() + DAYS;
    assert!(until <= expected + Duration::from_secs(2) && until > expected - Duration::from_mins(1));
    assert_eq!(server.versions("tile/0/000")[0].locked_until, None);
    assert_eq!(server.versions("checkpoint")[0].locked_until, None);
    Ok(())
}

/// A locked version stays, but a delete marker hides it, and the key looks free. (moto does not say on a GET that a
/// marker is there, so this cannot be shown on it.)
#[tokio::test]
async fn l7_a_hidden_object_is_not_an_absent_one() -> Result<()> {
    let server = S3Server::start()?;
    let bucket = &server.bucket();
    let (store, client) = (locked(bucket), real_s3::client(bucket));
    for (key, class) in [("journal/0", Class::Immutable), ("tile/0/000", Class::Derived)] {
        put(&store, key, class).await?;
        client.delete_object().bucket(&bucket.name).key(key).send().await?;
    }
    let hidden = store.get("journal/0").await;
    let said = hidden.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert!(
        matches!(hidden, Err(StoreError::Refused { .. })) && said.contains("delete marker"),
        "{hidden:?}"
    );
    // What is derived can be made again.
    assert_eq!(store.get("tile/0/000").await?, None);
    assert_eq!(put(&store, "tile/0/000", Class::Derived).await?, Put::Created);
    assert!(store.get("tile/0/000").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn logs_with_different_prefixes_share_a_bucket() -> Result<()> {
    let server = S3Server::start()?;
    let log = |prefix: &str| locked(&Bucket { prefix: prefix.to_owned(), ..server.bucket() });
    let (one, other) = (log("one/"), log("other/"));
    assert_eq!(put(&one, "journal/0", Class::Immutable).await?, Put::Created);
    assert_eq!(other.get("journal/0").await?, None);
    assert_eq!(other.list("", None, 10).await?, [""; 0]);
    let swap = other.replace_if("journal/0", Bytes::from_static(b"theirs"), None).await?;
    assert!(matches!(swap, Swap::Done(_)));
    assert_eq!(server.keys(), ["one/journal/0", "other/journal/0"]);
    assert_eq!(one.list("", Some("checkpoint"), 10).await?, ["journal/0"]);
    Ok(())
}

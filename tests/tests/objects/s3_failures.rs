//! L1: S3 that is down, slow or unwilling. Nothing hangs, nothing is made up, and it goes on by itself.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use ca_server::objects::s3::S3;
use ca_server::objects::{Class, ObjectStore, Put, StoreError};
use countersign_tests::bucket::Bucket;
use countersign_tests::s3::{Fault, On, S3Server};

use crate::backends::s3;

const DEADLINE: Duration = Duration::from_secs(2);
/// The deadline and what a busy machine adds to it.
const SOON: Duration = Duration::from_secs(6);

fn server() -> Result<(S3Server, S3)> {
    let server = S3Server::start()?;
    let store = s3(&server.bucket(), None, DEADLINE);
    Ok((server, store))
}

async fn put(store: &S3, key: &str) -> Result<Put, StoreError> {
    store.put_new(key, Bytes::from_static(b"x"), Class::Immutable).await
}

/// Every operation fails as `expected` says while `fault` lasts, and works as soon as it is over.
async fn all_fail_until_it_ends(fault: Fault, expected: fn(&StoreError) -> bool) -> Result<()> {
    let (server, store) = server()?;
    put(&store, "journal/0").await?;
    server.faults().always(On::any(), fault);
    let begun = Instant::now();
    let (put_new, get, list, swap) = tokio::join!(
        put(&store, "journal/1"),
        store.get("journal/0"),
        store.list("journal/", None, 10),
        store.replace_if("checkpoint", Bytes::from_static(b"x"), None),
    );
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    for error in [put_new.err(), get.err(), list.err(), swap.err()] {
        assert!(error.as_ref().is_some_and(expected), "{error:?}");
    }
    server.faults().clear();
    assert_eq!(server.keys(), ["journal/0"]);
    assert_eq!(put(&store, "journal/1").await?, Put::Created);
    assert_eq!(store.list("journal/", None, 10).await?, ["journal/0", "journal/1"]);
    Ok(())
}

fn unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

fn refused(error: &StoreError) -> bool {
    matches!(error, StoreError::Refused { .. })
}

#[tokio::test]
async fn l1_internal_errors_are_unavailable() -> Result<()> {
    all_fail_until_it_ends(Fault::InternalError, unavailable).await
}

#[tokio::test]
async fn l1_slow_down_is_unavailable() -> Result<()> {
    all_fail_until_it_ends(Fault::SlowDown, unavailable).await
}

#[tokio::test]
async fn l1_resets_are_unavailable() -> Result<()> {
    all_fail_until_it_ends(Fault::Reset, unavailable).await
}

#[tokio::test]
async fn l1_silence_past_the_deadline_is_unavailable() -> Result<()> {
    all_fail_until_it_ends(Fault::Hang, unavailable).await
}

#[tokio::test]
async fn l1_answers_past_the_deadline_are_unavailable() -> Result<()> {
    let (server, store) = server()?;
    server.faults().always(On::gets(), Fault::Late(DEADLINE * 2));
    let begun = Instant::now();
    let got = store.get("journal/0").await;
    assert!(got.as_ref().is_err_and(unavailable), "{got:?}");
    assert!(begun.elapsed() < SOON);
    Ok(())
}

#[tokio::test]
async fn l1_forbidden_is_refused_with_what_is_needed() -> Result<()> {
    all_fail_until_it_ends(Fault::Forbidden, refused).await?;
    let (server, store) = server()?;
    server.faults().next(On::puts(), Fault::Forbidden);
    let said = put(&store, "journal/0").await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(said.contains("403 AccessDenied") && said.contains("s3:PutObject"), "{said}");
    Ok(())
}

#[tokio::test]
async fn l1_a_passing_fault_is_not_noticed() -> Result<()> {
    let (server, store) = server()?;
    let passing = [Fault::InternalError, Fault::SlowDown, Fault::Reset, Fault::Conflict, Fault::Hang];
    for (number, fault) in passing.into_iter().enumerate() {
        let key = format!("journal/{number}");
        server.faults().next(On::puts(), fault);
        assert_eq!(put(&store, &key).await?, Put::Created, "{fault:?}");
        assert_eq!(server.versions(&key).len(), 1, "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn l1_a_distant_store_is_only_slow() -> Result<()> {
    let (server, store) = server()?;
    put(&store, "journal/0").await?;
    server.faults().set_latency(Duration::from_millis(20));
    let begun = Instant::now();
    assert_eq!(put(&store, "journal/1").await?, Put::Created);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    Ok(())
}

#[tokio::test]
async fn l1_a_server_that_is_gone_is_unavailable() -> Result<()> {
    let (server, store) = server()?;
    put(&store, "journal/0").await?;
    drop(server);
    let result = put(&store, "journal/1").await;
    assert!(result.as_ref().is_err_and(unavailable), "{result:?}");
    Ok(())
}

#[tokio::test]
async fn l1_a_missing_bucket_is_refused_and_not_an_empty_log() -> Result<()> {
    let server = S3Server::start()?;
    let store = s3(&Bucket { name: "elsewhere".to_owned(), ..server.bucket() }, None, DEADLINE);
    let (got, listed) = (store.get("checkpoint").await, store.list("journal/", None, 10).await);
    assert!(got.as_ref().is_err_and(refused), "{got:?}");
    assert!(listed.as_ref().is_err_and(refused), "{listed:?}");
    Ok(())
}

#[tokio::test]
async fn l1_a_wrong_secret_is_refused_and_not_repeated_in_the_error() -> Result<()> {
    let server = S3Server::start()?;
    let secret = "a-secret-that-must-not-be-seen";
    let store = s3(&Bucket { secret: secret.to_owned(), ..server.bucket() }, None, DEADLINE);
    let error = put(&store, "journal/0").await.err();
    assert!(error.as_ref().is_some_and(refused), "{error:?}");
    let said = format!("{error:?} {store:?}");
    assert!(!said.contains(secret) && !said.contains("Signature="), "{said}");
    Ok(())
}

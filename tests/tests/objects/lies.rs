//! Stores that break a promise: the probe names it and refuses, or warns where the log can live without it.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use ca_server::objects::probe::{ProbeError, Promises, probe};
use countersign_tests::bucket::Bucket;
use countersign_tests::s3::{Fault, Lie, On, S3Server};

use crate::backends::s3;

const DEADLINE: Duration = Duration::from_secs(10);
const YEAR: Duration = Duration::from_hours(365 * 24);

async fn probe_with(lie: Lie, retention: Option<Duration>) -> Result<Result<Promises, ProbeError>> {
    let server = S3Server::start()?;
    server.faults().lie(lie);
    Ok(probe(&s3(&server.bucket(), retention, DEADLINE)).await)
}

/// The store is refused, whether or not it has a lock, and the error says which promise and what to do.
async fn is_refused(lie: Lie, promises: &[&str]) -> Result<()> {
    for retention in [None, Some(YEAR)] {
        match probe_with(lie, retention).await? {
            Err(ProbeError::Broken { promise, .. }) if promises.contains(&promise) => {}
            other => bail!("{lie:?} with {retention:?}: {other:?}"),
        }
    }
    Ok(())
}

async fn lock_is_refused(lie: Lie, seen: &str) -> Result<()> {
    let Err(error) = probe_with(lie, Some(YEAR)).await? else { bail!("{lie:?} was not noticed") };
    let said = error.to_string();
    assert!(said.contains("the configured lock") && said.contains(seen), "{said}");
    // Without a configured lock it is no promise.
    assert!(!probe_with(lie, None).await??.locked);
    Ok(())
}

#[tokio::test]
async fn a_store_where_every_creator_wins_is_refused() -> Result<()> {
    is_refused(
        Lie::EveryCreatorWins,
        &["create-only", "the race for a key", "compare-and-swap", "the configured lock"],
    )
    .await
}

#[tokio::test]
async fn a_store_that_looks_before_it_writes_is_refused() -> Result<()> {
    is_refused(Lie::LooksThenWrites, &["the race for a key", "compare-and-swap"]).await
}

#[tokio::test]
async fn a_store_that_swaps_blindly_is_refused() -> Result<()> {
    is_refused(Lie::SwapsBlindly, &["compare-and-swap"]).await
}

#[tokio::test]
async fn a_store_that_reads_late_is_refused() -> Result<()> {
    for retention in [None, Some(YEAR)] {
        match probe_with(Lie::StaleReads, retention).await? {
            Err(ProbeError::Broken { .. }) => {}
            // Which of the two it is depends on whose look comes first: the probe's, or our own after a 412.
            Err(ProbeError::Store(error)) if error.to_string().contains("nothing to read") => {}
            other => bail!("with {retention:?}: {other:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_store_that_lists_late_is_refused() -> Result<()> {
    is_refused(Lie::StaleLists, &["reading after writing"]).await
}

#[tokio::test]
async fn a_lock_that_is_forgotten_is_refused() -> Result<()> {
    lock_is_refused(Lie::LockForgotten, "shows none in compliance mode").await
}

#[tokio::test]
async fn a_lock_that_does_not_hold_is_refused() -> Result<()> {
    lock_is_refused(Lie::LockIgnored, "could be deleted").await
}

#[tokio::test]
async fn a_lock_without_versions_is_refused() -> Result<()> {
    lock_is_refused(Lie::NotVersioned, "not versioned").await
}

#[tokio::test]
async fn a_bucket_that_takes_no_lock_is_refused_when_one_is_configured() -> Result<()> {
    let server = S3Server::start()?;
    server.create_bucket("plain", false)?;
    let plain = Bucket { name: "plain".to_owned(), ..server.bucket() };
    let Err(error) = probe(&s3(&plain, Some(YEAR), DEADLINE)).await else { bail!("not noticed") };
    assert!(error.to_string().contains("missing Object Lock"), "{error}");
    assert!(!probe(&s3(&plain, None, DEADLINE)).await?.locked);
    Ok(())
}

#[tokio::test]
async fn what_the_log_can_live_without_is_a_warning() -> Result<()> {
    let promises = probe_with(Lie::LockShortened, Some(YEAR)).await??;
    assert!(promises.locked && promises.warnings[0].contains("shortened"), "{promises:?}");
    let promises = probe_with(Lie::SumIgnored, Some(YEAR)).await??;
    assert!(promises.locked && promises.warnings[0].contains("SHA-256"), "{promises:?}");
    Ok(())
}

#[tokio::test]
async fn an_honest_store_is_taken_without_a_warning_and_its_probe_objects_go_soon() -> Result<()> {
    let server = S3Server::start()?;
    let promises = probe(&s3(&server.bucket(), Some(YEAR), DEADLINE)).await?;
    assert_eq!(promises, Promises { locked: true, warnings: Vec::new() });
    for key in server.keys() {
        assert!(key.starts_with("probe/"), "{key}");
        for version in server.versions(&key) {
            let soon = SystemTime::now() + Duration::from_mins(2);
            assert!(version.locked_until.is_none_or(|until| until < soon), "{key}: {version:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_store_that_fails_during_the_probe_is_not_called_a_liar() -> Result<()> {
    let server = S3Server::start()?;
    server.faults().always(On::any(), Fault::SlowDown);
    let refused = probe(&s3(&server.bucket(), Some(YEAR), DEADLINE)).await;
    assert!(matches!(refused, Err(ProbeError::Store(_))), "{refused:?}");
    server.faults().clear();
    assert!(probe(&s3(&server.bucket(), Some(YEAR), DEADLINE)).await?.locked);
    Ok(())
}

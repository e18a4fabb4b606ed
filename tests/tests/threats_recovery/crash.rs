//! I7: a server that dies while it takes an account goes on when it is back, by the way it always goes.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use ca_core::log::event::{RecoveryFinished, What};
use ca_core::names::RecoveryId;
use ca_core::policy::Approver;
use ca_core::time::UnixSeconds;
use ca_server::store::{RecoveryState, Store};
use countersign_tests::api::Api;
use countersign_tests::approvals::session;
use reqwest::Method;
use serde_json::Value;

use crate::{Scene, accepted};

/// Does what a server has done that dies right after it claimed a recovery to finish it.
async fn claim(store: &Store, id: RecoveryId, policy: &str) -> Result<()> {
    let row = store.recovery(id).await?.context("the recovery")?;
    let (_, until) = row.due.context("a wait")?;
    let (_, voted) = store.votes(id).await?.pop().context("a vote")?;
    let at = until.plus_secs(1);
    let event = RecoveryFinished {
        recovery_id: id,
        user: row.user.name.clone(),
        officer: Approver { at, ..voted },
        policy: policy.to_owned().try_into()?,
        reduced_until: UnixSeconds(at.0 + 3600),
    };
    let event = What::RecoveryFinished(Box::new(event));
    ensure!(store.claim_recovery(id, UnixSeconds(at.0 + 3600), &event, at).await?, "not claimed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_a_recovery_that_was_cut_short_is_gone_on_with() -> Result<()> {
    let mut scene = Scene::new("1s").await?;
    let id = scene.signed("ann").await?;
    let (_, profiles) = scene.api.call(&scene.bo.token, Method::GET, "/v1/profiles", &Value::Null).await?;
    let policy = profiles["policy"].as_str().context("a policy")?.to_owned();
    tokio::task::block_in_place(|| scene.server.kill())?;
    let database = scene.server.folder().join("state.db");
    let store = Store::open(&database).await?;
    claim(&store, id.parse()?, &policy).await?;
    store.close().await;
    let copy = fs::read(&database)?;

    // It died before the entry was committed; then after it, and the database does not know.
    for _ in 0..2 {
        fs::write(&database, &copy)?;
        tokio::task::block_in_place(|| scene.server.serve())?;
        scene.api = Api::new(&scene.server)?;
        ensure!(
            scene.look(&id).await?["state"] == RecoveryState::Finished.as_str(),
            "{}",
            scene.look(&id).await?
        );
        ensure!(session(&scene.api, &scene.ann.person).await.is_err(), "the old password works");
        tokio::task::block_in_place(|| scene.server.stop())?;
    }
    tokio::task::block_in_place(|| scene.server.serve())?;
    scene.api = Api::new(&scene.server)?;
    scene.finished(&scene.bo, &id).await?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_a_recovery_waits_through_a_restart() -> Result<()> {
    let mut scene = Scene::new("24h").await?;
    let id = scene.opened("ann").await?;
    tokio::task::block_in_place(|| scene.server.kill())?;
    tokio::task::block_in_place(|| scene.server.serve())?;
    scene.api = Api::new(&scene.server)?;
    accepted(scene.sign(&scene.chen, &id, "ann").await?, "due")?;
    let before = scene.look(&id).await?["due_until"].clone();
    tokio::task::block_in_place(|| scene.server.kill())?;
    tokio::task::block_in_place(|| scene.server.serve())?;
    scene.api = Api::new(&scene.server)?;
    ensure!(before.is_u64() && scene.look(&id).await?["due_until"] == before, "the wait began anew");
    scene.audit()
}

//! I7, I8: a server that dies between the claim of a request and the end of its issuing goes on, and issues once.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use ca_core::log::event::{OfficerVerdict, What};
use ca_core::policy::Approver;
use ca_core::time::UnixMillis;
use ca_server::config::Config;
use ca_server::ledger::Draft;
use ca_server::store::{Given, NewApproval, RequestRow, RequestState};
use countersign_tests::approvals::POLICY;
use countersign_tests::server::Server;

use crate::node::{Node, People, audit, authority, now, source};

/// Brings a request as far as a server does that dies right after the claim.
async fn claimed(node: &Node, people: &People, row: &RequestRow, at: UnixMillis) -> Result<()> {
    let store = &node.app.login.setup().store;
    let (id, signed) = node.sign(people, row)?;
    let (user, session) = (people.bo.user.clone(), people.bo.login.clone());
    let approver = Approver { user, session, source: source()?, at: now()? };
    let said = OfficerVerdict { pending_id: row.id, signed: signed.clone(), approver: approver.clone() };
    node.app.ledger.append(Draft::Event(What::RequestApproved(Box::new(said)))).await?;
    let new = NewApproval {
        id,
        about: row.id,
        user_id: &people.bo.user_id,
        signed: &signed,
        session: &approver.session,
        source: &approver.source,
        at: approver.at,
    };
    ensure!(store.add_approval(new).await? == Given::Kept, "the approval was not kept");
    ensure!(store.claim_request(row.id, at).await?, "the request was not claimed");
    Ok(())
}

async fn serve(server: &Server) -> Result<Node> {
    Box::pin(Node::start(Config::load(&server.config())?)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_a_claim_that_was_cut_short_is_gone_on_with_and_issues_once() -> Result<()> {
    let server = authority(POLICY)?;
    let node = Box::pin(serve(&server)).await?;
    let people = node.people().await?;
    let row = node.ask(&people).await?.into_iter().next().context("a request")?;
    claimed(&node, &people, &row, node.app.clock.now()).await?;
    node.stop().await;
    let database = server.folder().join("state.db");
    let copy = fs::read(&database)?;

    // It died before the entry was committed.
    let node = Box::pin(serve(&server)).await?;
    ca_server::approvals::sweep(&node.app).await?;
    ensure!(node.settled(row.id).await?, "it was not issued");
    let first = node.state(row.id).await?.issued;
    node.stop().await;

    // It died after the entry was committed, and the database does not know: the same certificate, no second entry.
    fs::write(&database, copy)?;
    let node = Box::pin(serve(&server)).await?;
    ensure!(
        node.app.login.setup().store.request(row.id).await?.is_some_and(|row| row.issued.is_none()),
        "copied"
    );
    ca_server::approvals::sweep(&node.app).await?;
    ensure!(node.settled(row.id).await?, "it was not issued");
    ensure!(node.state(row.id).await?.issued == first, "another certificate");
    node.stop().await;
    audit(&server, &BTreeMap::from([(row.id, true)]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_a_claim_that_is_too_old_to_tell_is_void() -> Result<()> {
    let server = authority(POLICY)?;
    let node = Box::pin(serve(&server)).await?;
    let people = node.people().await?;
    let rows = node.ask(&people).await?;
    let (old, older) = (&rows[0], &rows[1]);
    let ago = |secs: u64| UnixMillis(node.app.clock.now().0 - secs * 1000);
    claimed(&node, &people, old, ago(200)).await?;
    claimed(&node, &people, older, ago(301)).await?;
    ca_server::approvals::sweep(&node.app).await?;
    // The ledger cannot tell any more, and who claimed it may yet be about to hear from it.
    ensure!(node.state(old.id).await?.state == RequestState::Issuing, "{:?}", node.state(old.id).await?);
    ensure!(!node.settled(older.id).await?, "it was issued");
    node.stop().await;
    audit(&server, &BTreeMap::from([(older.id, false)]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_a_database_older_than_the_log_remembers_voids_what_waits() -> Result<()> {
    let server = authority(POLICY)?;
    let node = Box::pin(serve(&server)).await?;
    let people = node.people().await?;
    let row = node.ask(&people).await?.into_iter().next().context("a request")?;
    let store = node.app.login.setup().store.clone();
    let log = ca_server::ledger::TakenUp { first: 100, requests: [].into() };
    ca_server::approvals::recover(&store, &log, 100, &node.app.clock).await?;
    ensure!(
        node.state(row.id).await?.state == RequestState::Pending,
        "it knows as much as the log remembers"
    );
    ca_server::approvals::recover(&store, &log, 99, &node.app.clock).await?;
    ensure!(!node.settled(row.id).await?, "it was issued");
    ensure!(!node.approve(&people, &row).await?, "it was approved");
    node.stop().await;
    audit(&server, &BTreeMap::from([(row.id, false)]))
}

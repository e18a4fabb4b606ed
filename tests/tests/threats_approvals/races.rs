//! A5: the last approval against a cancellation, against the end of the wait, and against a new policy: 1,000 races, each
//! with one winner, and a log that says who won.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use ca_core::log::event::What;
use ca_core::names::RequestId;
use ca_server::approvals;
use ca_server::config::Config;
use ca_server::ledger::Draft;
use countersign_tests::approvals::{POLICY, RULES};

use crate::node::{BATCH, Node, audit, authority};

/// How much later the other side starts: as much as makes either side win about as often, however fast the machine is.
struct Pace(u64);

impl Pace {
    /// Gives the delay of one race of a batch: from none to twice the pace.
    fn delay(&self, at: usize) -> Duration {
        Duration::from_micros(self.0 * 2 * at as u64 / BATCH as u64)
    }

    /// Goes by who won in the last batch.
    fn learn(&mut self, outcomes: &[(RequestId, bool)]) {
        let approved = outcomes.iter().filter(|(_, approved)| *approved).count();
        self.0 = if approved * 2 < outcomes.len() { self.0 * 3 / 2 + 100 } else { self.0 * 2 / 3 };
    }
}

/// Checks that each side has won some of the races.
fn check_raced(outcomes: &BTreeMap<RequestId, bool>, expected: usize) -> Result<()> {
    let approved = outcomes.values().filter(|approved| **approved).count();
    eprintln!("{approved} of {} were approved first", outcomes.len());
    ensure!(outcomes.len() == expected && (1..expected).contains(&approved), "no race: {approved} approved");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_approve_against_cancel_500_times() -> Result<()> {
    let server = authority(POLICY)?;
    let node = Box::pin(Node::start(Config::load(&server.config())?)).await?;
    let people = node.people().await?;
    let mut outcomes = BTreeMap::new();
    let mut pace = Pace(20_000);
    for _ in 0..500 / BATCH {
        let races = node.ask(&people).await?;
        let both = races.iter().enumerate().map(async |(at, row)| {
            let cancel = async {
                tokio::time::sleep(pace.delay(at)).await;
                anyhow::Ok(approvals::cancel(&node.app, &people.ann, row.id).await.is_ok())
            };
            let (approved, cancelled) = tokio::join!(node.approve(&people, row), cancel);
            let (approved, cancelled) = (approved?, cancelled?);
            ensure!(approved != cancelled, "{}: approved {approved}, cancelled {cancelled}", row.id);
            ensure!(node.settled(row.id).await? == approved, "{}: not what was answered", row.id);
            Ok((row.id, approved))
        });
        let answered = futures_util::future::try_join_all(both).await?;
        pace.learn(&answered);
        outcomes.extend(answered);
    }
    check_raced(&outcomes, 500)?;
    node.stop().await;
    audit(&server, &outcomes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_approve_against_expiry_300_times() -> Result<()> {
    let server = authority(&POLICY.replace(
        "count = 1, groups = [\"security-officers\"], wait = \"1h\"",
        "count = 1, groups = [\"security-officers\"], wait = \"2s\"",
    ))?;
    let node = Box::pin(Node::start(Config::load(&server.config())?)).await?;
    let people = node.people().await?;
    let mut outcomes = BTreeMap::new();
    let mut pace = Pace(50_000);
    for _ in 0..300 / BATCH {
        let races = node.ask(&people).await?;
        let last = races.iter().map(|row| row.expires_at.0).max().context("a batch")?;
        let both = races.iter().enumerate().map(async |(at, row)| {
            // The wait ends with the last second of it; around that some approve and everything is swept.
            let end = UNIX_EPOCH + Duration::from_secs(last + 1);
            let start = end - pace.delay(at);
            tokio::time::sleep(start.duration_since(SystemTime::now()).unwrap_or_default()).await;
            let swept = async {
                for _ in 0..5 {
                    approvals::advance(&node.app, row.id).await?;
                }
                anyhow::Ok(())
            };
            let (approved, swept) = tokio::join!(node.approve(&people, row), swept);
            swept?;
            Ok((row.id, approved?))
        });
        let answered = futures_util::future::try_join_all(both).await;
        let answered: Vec<(RequestId, bool)> = answered.map_err(|error: anyhow::Error| error)?;
        let over = UNIX_EPOCH + Duration::from_millis((last + 1) * 1000 + 50);
        tokio::time::sleep(over.duration_since(SystemTime::now()).unwrap_or_default()).await;
        pace.learn(&answered);
        for (id, approved) in answered {
            ensure!(node.settled(id).await? == approved, "{id}: not what was answered");
            outcomes.insert(id, approved);
        }
    }
    check_raced(&outcomes, 300)?;
    node.stop().await;
    audit(&server, &outcomes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_approve_against_another_policy_200_times() -> Result<()> {
    let server = authority(POLICY)?;
    let node = Box::pin(Node::start(Config::load(&server.config())?)).await?;
    let people = node.people().await?;
    let mut outcomes = BTreeMap::new();
    let mut pace = Pace(20_000);
    for _ in 0..200 / BATCH {
        let races = node.ask(&people).await?;
        // A second node, which has the new policy already: what a reload is to whoever comes a moment later.
        let changed = server.folder().join("changed");
        fs::create_dir_all(&changed)?;
        fs::write(changed.join("profiles.toml"), POLICY.replace("The lab", "Another lab"))?;
        fs::write(changed.join("rules.cedar"), RULES)?;
        let other = Node::start(Config { policy: changed, ..Config::load(&server.config())? }).await?;
        let both = races.iter().enumerate().map(async |(at, row)| {
            let reload = async {
                tokio::time::sleep(pace.delay(at)).await;
                other.state(row.id).await
            };
            let (approved, reloaded) = tokio::join!(node.approve(&people, row), reload);
            reloaded?;
            Ok((row.id, approved?))
        });
        let answered = futures_util::future::try_join_all(both).await;
        let answered: Vec<(RequestId, bool)> = answered.map_err(|error: anyhow::Error| error)?;
        let mut settled = Vec::new();
        for (id, approved) in answered {
            let issued = other.settled(id).await?;
            ensure!(issued || !approved, "{id}: approved and not issued");
            settled.push((id, issued));
        }
        pace.learn(&settled);
        outcomes.extend(settled);
        other.stop().await;
        // The first node takes the old policy up again.
        let again =
            What::PolicyAdopted { policy: node.app.policy().id(), text: node.app.policy().text().to_owned() };
        node.app.ledger.append(Draft::Event(again)).await?;
    }
    check_raced(&outcomes, 200)?;
    node.stop().await;
    audit(&server, &outcomes)
}

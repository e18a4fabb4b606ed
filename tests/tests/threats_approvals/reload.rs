//! A5: the last approval against a reload of the policy, 1,000 times on a running server: each request is issued or closed,
//! and no certificate stands in the log after the policy that its approvals were given under was replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::{Approval, Verdict};
use countersign_tests::api::{Api, problem};
use countersign_tests::approvals::{Member, POLICY, RULES, server};
use countersign_tests::journey;
use countersign_tests::process::run;
use countersign_tests::server::Server;
use futures_util::future::try_join_all;
use serde_json::Value;

/// How many accounts ask; one may have twenty requests waiting.
const ASKERS: usize = 5;
const EACH: usize = 20;
const RELOADS: usize = 10;

/// Over how long the approvals of a batch are sent, so that the reload falls among them.
const SPREAD: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_approve_against_a_reload_of_the_running_server_1000_times() -> Result<()> {
    let mut server = server()?;
    let api = Api::new(&server)?;
    let bo = Member::officer(&server, &api, "bo").await?;
    let mut askers = Vec::new();
    for at in 0..ASKERS {
        askers.push(Member::engineer(&server, &api, &format!("ann{at}")).await?);
    }
    let mut issued = BTreeMap::new();
    // How long after the first approval the policy changes: as much as makes either side win about as often.
    let mut pace = Duration::from_millis(200);
    for reload in 0..RELOADS {
        let asked = askers.iter().flat_map(|member| std::iter::repeat_n(member, EACH));
        let ids = try_join_all(asked.map(|member| member.ask(&api, "lab"))).await?;
        let approvals = try_join_all(ids.iter().map(async |id| -> Result<(&str, Approval)> {
            Ok((id.as_str(), bo.approval(&bo.look(&api, id).await?, Verdict::Approve)?))
        }));
        let approvals = approvals.await?;
        let change = async {
            tokio::time::sleep(pace).await;
            server.set_policy(&POLICY.replace("The lab", &format!("Lab {reload}")), RULES)?;
            run(Command::new("kill").args(["-HUP", &server.process()?.id().to_string()]))
        };
        let races = approvals.iter().enumerate().map(async |(at, (id, approval))| -> Result<_> {
            tokio::time::sleep(SPREAD * u32::try_from(at)? / u32::try_from(ids.len())?).await;
            Ok((*id, approve(&api, &bo, id, approval).await?))
        });
        let (changed, outcomes) = tokio::join!(change, try_join_all(races));
        changed?;
        let outcomes = outcomes?;
        let first = outcomes.iter().filter(|(_, approved)| *approved).count();
        pace = if first * 2 < outcomes.len() { pace * 3 / 2 } else { pace * 2 / 3 };
        for (id, approved) in outcomes {
            ensure!(settled(&api, &bo, id).await? == approved, "{id}: not what was answered: {approved}");
            issued.insert(id.to_owned(), approved);
        }
    }
    let approved = issued.values().filter(|issued| **issued).count();
    eprintln!("{approved} of {} were approved first", issued.len());
    ensure!(issued.len() == ASKERS * EACH * RELOADS, "{} races", issued.len());
    ensure!((1..issued.len()).contains(&approved), "no race: {approved} approved");
    tokio::task::block_in_place(|| server.stop())?;
    check_log(&server, &issued)?;
    journey::verify(&server, &bo.person)
}

/// Approves; tells whether that issued the certificate. If it did not, the policy must be why. It may be the server itself
/// that goes on with the request at that moment: then it says so, and where the request stands is to be asked for.
async fn approve(api: &Api, bo: &Member, id: &str, approval: &Approval) -> Result<bool> {
    let (status, answer) = bo.say(api, id, approval).await?;
    if status == 200 && answer["state"] == "issuing" {
        return settled(api, bo, id).await;
    }
    let issued = status == 200 && answer["state"] == "issued";
    let closed = answer["outcome"] == "policy-changed"
        || (status == 409 && ["request-over", "approval-void"].contains(&problem(&answer)));
    ensure!(issued != closed, "{id}: {status} {answer}");
    Ok(issued)
}

/// Tells whether a request was issued, once it is over.
async fn settled(api: &Api, bo: &Member, id: &str) -> Result<bool> {
    let mut row = bo.look(api, id).await?;
    for _ in 0..600 {
        if row.state != "issuing" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        row = bo.look(api, id).await?;
    }
    match (row.state.as_str(), row.outcome.as_deref()) {
        ("issued", None) => Ok(true),
        ("closed", Some("policy-changed")) => Ok(false),
        _ => anyhow::bail!("{id} is neither: {row:?}"),
    }
}

/// Reads the events in order: each request has a certificate or an end, and each certificate the policy then in force.
fn check_log(server: &Server, issued: &BTreeMap<String, bool>) -> Result<()> {
    let (mut policy, mut certified, mut closed) = (Value::Null, BTreeSet::new(), BTreeSet::new());
    for event in events(server)? {
        let id = |name: &str| event[name].as_str().map(str::to_owned).context("an id");
        match event["type"].as_str() {
            Some("policy-adopted") => policy = event["policy"].clone(),
            Some("certificate") => {
                ensure!(event["policy"] == policy, "by a policy that was replaced: {event}");
                ensure!(certified.insert(id("request_id")?), "two certificates: {event}");
            }
            // Two who look at once may both record it; the first counts.
            Some("request-closed") => closed.extend([id("pending_id")?]),
            _ => {}
        }
    }
    for (id, issued) in issued {
        ensure!(certified.contains(id) == *issued && closed.contains(id) != *issued, "{id}: issued {issued}");
    }
    Ok(())
}

fn events(server: &Server) -> Result<Vec<Value>> {
    let files = std::fs::read_dir(server.log_folder().join("journal"))?;
    let mut files = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut events = Vec::new();
    for file in files {
        let bytes = std::fs::read(file)?;
        let text = String::from_utf8_lossy(&bytes);
        events.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
    }
    Ok(events)
}

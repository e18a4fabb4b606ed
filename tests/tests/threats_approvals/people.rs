//! A1, A3, A4, A16: who approves, and whether they still may.

use anyhow::{Result, ensure};
use ca_core::approval::{NAMESPACE, Verdict};
use countersign_tests::approvals::Member;
use countersign_tests::person::{Person, new_password};
use countersign_tests::process::run;
use countersign_tests::requests::{Key, request};
use countersign_tests::server::ORIGIN;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Scene, accepted, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_two_people_approve_and_the_certificate_is_issued() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, ann, bo, chen, .. } = &scene;
    let id = ann.ask(api, "vault").await?;
    let waiting = accepted(bo.approve(api, &id).await?, "pending")?;
    ensure!(waiting["issued"].is_null() && waiting["approvals"][0]["approver"] == "bo", "{waiting}");
    let done = accepted(chen.approve(api, &id).await?, "issued")?;
    ensure!(done["issued"].is_null(), "an officer got the certificate: {done}");
    let issued = ann.look(api, &id).await?.issued.map(|issued| issued.certificate).unwrap_or_default();
    ensure!(issued.contains("cert-v01"), "{issued}");
    ensure!(ann.look(api, &id).await?.issued.is_some_and(|again| again.certificate == issued), "another one");
    // A denial ends it, whoever else approves.
    let id = ann.ask(api, "vault").await?;
    accepted(bo.approve(api, &id).await?, "pending")?;
    let no = chen.approval(&chen.look(api, &id).await?, Verdict::Deny)?;
    let closed = accepted(chen.say(api, &id, &no).await?, "closed")?;
    ensure!(closed["outcome"] == "denied" && closed["closed_by"] == "chen", "{closed}");
    refused(chen.approve(api, &id).await?, 409, "request-over")?;
    // So does its requester, and nobody else.
    let id = ann.ask(api, "vault").await?;
    let cancel = format!("/v1/requests/{id}/cancel");
    refused(api.call(&bo.token, Method::POST, &cancel, &json!({})).await?, 404, "no-request")?;
    let closed = accepted(api.call(&ann.token, Method::POST, &cancel, &json!({})).await?, "closed")?;
    ensure!(closed["outcome"] == "cancelled", "{closed}");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_nobody_approves_their_own_request_with_whatever_account() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { server, api, ann, bo, chen } = &scene;
    let own = bo.ask(api, "lab").await?;
    refused(bo.approve(api, &own).await?, 403, "own-request")?;
    // Accounts that somebody else's name stands on, but the same person behind: by what was said, and by the address.
    for (name, more) in [("bo2", &["--person", "bo"][..]), ("bo3", &["--email", "bo+admin@example.com"])] {
        let password = new_password()?;
        let mut add = server.command(&["user", "add", name, "--json", "--group", "security-officers"])?;
        add.env("COUNTERSIGN_PASSWORD", &password);
        if more[0] == "--person" {
            add.args(["--email", &format!("{name}@example.org")]);
        }
        let added = run(add.args(more))?;
        let home = tempfile::tempdir()?;
        let second = Member::of(Person::at(server, name, password, &added, home.path())?, api).await?;
        let (status, answer) = second.register(api, &second.key).await?;
        ensure!(status == 200, "{answer}");
        let approval = second.approval(&bo.look(api, &own).await?, Verdict::Approve)?;
        refused(second.say(api, &own, &approval).await?, 403, "own-request")?;
        let taken = second.register(api, &bo.key).await?;
        refused(taken, 409, "taken")?;
        // Nor do two of them make two people for somebody else's request.
        let id = ann.ask(api, "vault").await?;
        accepted(bo.approve(api, &id).await?, "pending")?;
        refused(second.approve(api, &id).await?, 409, "approved-already")?;
        accepted(chen.approve(api, &id).await?, "issued")?;
    }
    accepted(chen.approve(api, &own).await?, "issued")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1_only_officers_with_registered_keys_decide() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { server, api, ann, bo, .. } = &scene;
    let id = ann.ask(api, "vault").await?;
    let waiting = bo.look(api, &id).await?;
    // An engineer neither sees it nor decides.
    let eve = Member::engineer(server, api, "eve").await?;
    let path = format!("/v1/requests/{id}");
    refused(api.call(&eve.token, Method::GET, &path, &Value::Null).await?, 404, "no-request")?;
    let (_, list) = api.call(&eve.token, Method::GET, "/v1/requests", &Value::Null).await?;
    ensure!(list["requests"].as_array().is_some_and(Vec::is_empty), "{list}");
    refused(eve.say(api, &id, &eve.approval(&waiting, Verdict::Approve)?).await?, 403, "not-allowed")?;
    // A key that nobody registered; bo's signature in eve's name; a signature for something else.
    let approval = bo.approval(&waiting, Verdict::Approve)?;
    let send = async |key: &Key, namespace, text: String| {
        let signed = key.sign_text(namespace, text);
        let body = json!({ "text": signed.request, "signature": signed.signature });
        api.call(&bo.token, Method::POST, &format!("{path}/approvals"), &body).await
    };
    refused(send(&Key::new()?, NAMESPACE, approval.to_text()).await?, 403, "no-such-key")?;
    let in_her_name = eve.approval(&waiting, Verdict::Approve)?.to_text();
    refused(send(&bo.key, NAMESPACE, in_her_name).await?, 403, "other-approver")?;
    refused(send(&bo.key, "file", approval.to_text()).await?, 401, "approval-signature")?;
    refused(send(&bo.key, NAMESPACE, format!("{}x", approval.to_text())).await?, 400, "malformed-approval")?;
    // A session for the account is none to decide with, and one for certificates none to register keys with (F14).
    let owner = api.own(&bo.person).await?;
    let signed = bo.key.sign_text(NAMESPACE, approval.to_text());
    let body = json!({ "text": signed.request, "signature": signed.signature });
    let by_owner = api.call(&owner, Method::POST, &format!("{path}/approvals"), &body).await?;
    refused(by_owner, 401, "no-session")?;
    let new = json!({ "label": "k", "text": "", "signature": "" });
    let by_session = api.call(&bo.token, Method::POST, "/v1/account/signing-keys", &new).await?;
    refused(by_session, 401, "full-credentials-needed")?;
    ensure!(bo.look(api, &id).await?.approvals.is_empty(), "something counted");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a3_an_approval_counts_once_and_for_one_request() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, ann, bo, chen, .. } = &scene;
    let (one, other) = (ann.ask(api, "vault").await?, ann.ask(api, "vault").await?);
    let approval = bo.approval(&bo.look(api, &one).await?, Verdict::Approve)?;
    refused(bo.say(api, &other, &approval).await?, 409, "other-request")?;
    accepted(bo.say(api, &one, &approval).await?, "pending")?;
    refused(bo.say(api, &one, &approval).await?, 409, "approved-already")?;
    refused(bo.approve(api, &one).await?, 409, "approved-already")?;
    let mut old = chen.approval(&chen.look(api, &one).await?, Verdict::Approve)?;
    let before = ca_core::time::UnixMillis(old.id.time().0 - 121_000);
    old.id = ca_core::names::ApprovalId::from_parts(before, 7);
    refused(chen.say(api, &one, &old).await?, 401, "stale")?;
    let approval = chen.approval(&chen.look(api, &one).await?, Verdict::Approve)?;
    // The same last approval twenty times at once: one certificate.
    let all = (0..20).map(|_| chen.say(api, &one, &approval));
    let statuses: Vec<u16> = futures_of(all).await?.into_iter().map(|(status, _)| status).collect();
    ensure!(statuses.iter().filter(|status| **status == 200).count() == 1, "{statuses:?}");
    ensure!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    refused(chen.say(api, &one, &approval).await?, 409, "request-over")?;
    scene.audit()
}

/// Awaits all of them at once.
async fn futures_of<T>(all: impl Iterator<Item = impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    futures_util::future::try_join_all(all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a4_who_was_disabled_before_the_last_approval_does_not_count() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { server, api, ann, bo, chen } = &scene;
    let dee = Member::officer(server, api, "dee").await?;
    let id = ann.ask(api, "vault").await?;
    accepted(bo.approve(api, &id).await?, "pending")?;
    run(&mut server.command(&["user", "disable", "bo"])?)?;
    accepted(chen.approve(api, &id).await?, "pending")?;
    accepted(dee.approve(api, &id).await?, "issued")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a16_what_waits_is_void_when_its_requester_is_disabled() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { server, api, ann, bo, chen } = &scene;
    let id = ann.ask(api, "vault").await?;
    accepted(bo.approve(api, &id).await?, "pending")?;
    run(&mut server.command(&["user", "disable", "ann"])?)?;
    refused(chen.approve(api, &id).await?, 409, "request-over")?;
    // Being switched on again does not bring it back.
    run(&mut server.command(&["user", "enable", "ann"])?)?;
    refused(chen.approve(api, &id).await?, 409, "request-over")?;
    let outcome = chen.look(api, &id).await?.outcome;
    ensure!(outcome.as_deref() == Some("user-disabled"), "{outcome:?}");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_is_answered_alike_when_it_comes_again() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, ann, bo, .. } = &scene;
    let key = Key::new()?;
    let asked = request(ORIGIN, "ann", "lab", &key)?;
    for _ in 0..2 {
        let (status, answer) = ann.send(api, &key, &asked).await?;
        ensure!(status == 202 && answer["request_id"] == asked.id.to_string(), "{status} {answer}");
    }
    let mut other = asked.clone();
    other.ttl = Some("20m".parse()?);
    refused(ann.send(api, &key, &other).await?, 409, "request-id-used")?;
    accepted(bo.approve(api, &asked.id.to_string()).await?, "issued")?;
    let (status, answer) = ann.send(api, &key, &asked).await?;
    let issued = ann.look(api, &asked.id.to_string()).await?.issued.map(|issued| issued.certificate);
    ensure!(status == 200 && answer["certificate"].as_str() == issued.as_deref(), "{status} {answer}");
    // As many wait as may, and no more.
    for _ in 0..20 {
        ann.ask(api, "lab").await?;
    }
    let (status, _) = ann.send(api, &key, &request(ORIGIN, "ann", "lab", &key)?).await?;
    ensure!(status == 429, "{status}");
    scene.audit()
}

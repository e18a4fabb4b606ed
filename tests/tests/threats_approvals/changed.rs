//! A2: what was approved is what is issued; any change of request or policy voids what was said.

use anyhow::{Result, ensure};
use ca_core::approval::{Approval, RequestHash, Verdict};
use ca_core::log::Origin;
use ca_core::names::{Principal, ProfileName};
use ca_core::request::CertRequest;
use ca_core::time::UnixSeconds;
use countersign_tests::approvals::{Member, POLICY, RULES};
use countersign_tests::requests::{Key, request};
use countersign_tests::server::ORIGIN;

use crate::{Scene, accepted, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a2_every_field_altered_after_approval_one_by_one_is_refused() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, ann, bo, chen, .. } = &scene;
    let (key, other_key) = (Key::new()?, Key::new()?);
    let asked = request(ORIGIN, "ann", "vault", &key)?;
    let (status, answer) = ann.send(api, &key, &asked).await?;
    ensure!(status == 202, "{status} {answer}");
    let id = asked.id.to_string();
    accepted(bo.approve(api, &id).await?, "pending")?;
    let waiting = chen.look(api, &id).await?;

    // The requester sends it again with a field changed: the id stands for what was approved.
    let alter: [&dyn Fn(&mut CertRequest); 5] = [
        &|r| r.ttl = "1h".parse().ok(),
        &|r| r.principals = "vault".parse::<Principal>().ok().and_then(|p| vec![p].try_into().ok()),
        &|r| r.reason = "INC-43".parse().ok(),
        &|r| r.key = other_key.public().clone(),
        &|r| "lab".parse::<ProfileName>().into_iter().for_each(|profile| r.profile = profile),
    ];
    for (at, alter) in alter.into_iter().enumerate() {
        let mut altered = asked.clone();
        alter(&mut altered);
        ensure!(altered != asked, "case {at} changes nothing");
        let by = if altered.key == asked.key { &key } else { &other_key };
        refused(ann.send(api, by, &altered).await?, 409, "request-id-used")?;
        // And an officer who was shown the altered text signs nothing that counts.
        let approval = Approval {
            request_hash: RequestHash::of(&altered.to_text()),
            ..chen.approval(&waiting, Verdict::Approve)?
        };
        refused(chen.say(api, &id, &approval).await?, 409, "other-request")?;
    }
    let wrong: [&dyn Fn(&mut Approval); 4] = [
        &|a| a.expires_at = UnixSeconds(a.expires_at.0 + 1),
        &|a| a.policy = "0".repeat(64).try_into().unwrap_or(a.policy),
        &|a| "ca.example.org/log".parse::<Origin>().into_iter().for_each(|origin| a.authority = origin),
        &|a| a.request = ca_core::names::RequestId::from_parts(a.request.time(), 1),
    ];
    for change in wrong {
        let mut approval = chen.approval(&waiting, Verdict::Approve)?;
        change(&mut approval);
        refused(chen.say(api, &id, &approval).await?, 409, "other-request")?;
    }
    accepted(chen.approve(api, &id).await?, "issued")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a2_a_policy_that_changes_voids_what_waits() -> Result<()> {
    let mut scene = Scene::new().await?;
    let id = scene.ann.ask(&scene.api, "vault").await?;
    accepted(scene.bo.approve(&scene.api, &id).await?, "pending")?;
    let before = scene.chen.approval(&scene.chen.look(&scene.api, &id).await?, Verdict::Approve)?;
    scene.server.stop()?;
    let policy = POLICY.replace("max_ttl = \"1h\"", "max_ttl = \"90m\"");
    scene.server.set_policy(&policy, RULES)?;
    scene.server.serve()?;
    refused(scene.chen.say(&scene.api, &id, &before).await?, 409, "request-over")?;
    let outcome = scene.ann.look(&scene.api, &id).await?.outcome;
    ensure!(outcome.as_deref() == Some("policy-changed"), "{outcome:?}");
    let again = scene.ann.ask(&scene.api, "lab").await?;
    accepted(Member::approve(&scene.chen, &scene.api, &again).await?, "issued")?;
    scene.audit()
}

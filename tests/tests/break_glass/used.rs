//! What a voucher does.

use anyhow::{Result, ensure};
use ca_core::approval::Verdict;
use countersign_tests::requests::{Key, request};
use countersign_tests::server::ORIGIN;
use reqwest::Method;
use serde_json::Value;

use crate::{Scene, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_voucher_that_enough_people_sealed_issues_at_once_and_once() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, ann, bo, chen, .. } = &scene;
    let (voucher, secret) = scene.voucher(None).await?;
    let (_, half) = scene.seal(bo, &voucher).await?;
    ensure!(half["state"] == "unsealed" && half["needs"] == 2, "{half}");
    refused(scene.use_for(ann, "vault", &secret).await?, 403, "voucher-unsealed")?;
    let (_, whole) = scene.seal(chen, &voucher).await?;
    ensure!(whole["state"] == "ready" && whole["sealed_by"][1] == "chen", "{whole}");

    let key = Key::new()?;
    let asked = request(ORIGIN, "ann", "vault", &key)?;
    let (status, issued) = scene.show(ann, &key, &asked, &secret.to_text().to_lowercase()).await?;
    ensure!(status == 200 && issued["certificate"].is_string(), "{status} {issued}");
    // A13: the same request is answered alike, another is not answered with this voucher.
    let (status, again) = scene.show(ann, &key, &asked, &secret.to_text()).await?;
    ensure!(status == 200 && again["certificate"] == issued["certificate"], "{status} {again}");
    refused(scene.use_for(ann, "vault", &secret).await?, 409, "voucher-used")?;

    // It is open until somebody else has looked into it, and has said what was found.
    let id = asked.id.to_string();
    let (_, list) = api.call(&bo.token, Method::GET, "/v1/requests", &Value::Null).await?;
    ensure!(list["requests"][0]["id"] == id && list["requests"][0]["to_review"] == true, "{list}");
    let waiting = bo.look(api, &id).await?;
    let mut review = bo.approval(&waiting, Verdict::Review)?;
    refused(bo.say(api, &id, &review).await?, 400, "note-missing")?;
    review.note = Some("the disk of db1 was full".parse()?);
    let own = ann.approval(&ann.look(api, &id).await?, Verdict::Review)?;
    refused(ann.say(api, &id, &own).await?, 403, "own-request")?;
    let late = bo.approval(&waiting, Verdict::Approve)?;
    refused(bo.say(api, &id, &late).await?, 409, "request-over")?;
    let (status, after) = bo.say(api, &id, &review).await?;
    ensure!(status == 200 && after["to_review"] == false, "{status} {after}");
    review.id = countersign_tests::requests::new_id(ca_core::names::ApprovalId::from_parts)?;
    refused(bo.say(api, &id, &review).await?, 409, "nothing-to-review")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_of_fifty_who_show_one_voucher_at_once_one_gets_a_certificate() -> Result<()> {
    let scene = Scene::new().await?;
    let (_, secret) = scene.sealed().await?;
    let all = (0..50).map(|_| scene.use_for(&scene.ann, "vault", &secret));
    let answers = futures_util::future::try_join_all(all).await?;
    let issued = answers.iter().filter(|(status, _)| *status == 200).count();
    ensure!(issued == 1, "{issued} certificates: {answers:?}");
    ensure!(answers.iter().all(|(status, _)| matches!(status, 200 | 409)), "{answers:?}");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voucher_outlives_the_server_and_a_certificate_its_review() -> Result<()> {
    let mut scene = Scene::new().await?;
    let (_, secret) = scene.sealed().await?;
    scene.server.kill()?;
    scene.server.serve()?;
    let (status, issued) = scene.use_for(&scene.ann, "vault", &secret).await?;
    ensure!(status == 200, "{status} {issued}");
    scene.server.kill()?;
    scene.server.serve()?;
    refused(scene.use_for(&scene.ann, "vault", &secret).await?, 409, "voucher-used")?;
    let (_, list) = scene.api.call(&scene.bo.token, Method::GET, "/v1/requests", &Value::Null).await?;
    ensure!(list["requests"][0]["id"] == issued["request_id"], "{list}");
    ensure!(list["requests"][0]["to_review"] == true, "{list}");
    scene.audit()
}

//! What a voucher does not do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::approvals::RULES;
use countersign_tests::process::run;
use countersign_tests::requests::{Key, request};
use countersign_tests::server::ORIGIN;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Scene, profiles, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_nobody_breaks_the_glass_with_their_own_seal() -> Result<()> {
    let scene = Scene::new().await?;
    let (voucher, secret) = scene.sealed().await?;
    // Bo may ask for the vault himself; his own seal does not count then.
    refused(scene.use_for(&scene.bo, "vault", &secret).await?, 403, "voucher-unsealed")?;
    refused(scene.seal(&scene.bo, &voucher).await?, 409, "sealed-already")?;
    let (for_bo, _) = scene.voucher(Some("bo")).await?;
    refused(scene.seal(&scene.bo, &for_bo).await?, 403, "own-voucher")?;
    refused(scene.seal(&scene.ann, &scene.voucher(None).await?.0).await?, 403, "not-allowed")?;
    // A4: who was switched off meanwhile does not count any more.
    run(&mut scene.server.command(&["user", "disable", "chen"])?)?;
    refused(scene.use_for(&scene.ann, "vault", &secret).await?, 403, "voucher-unsealed")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voucher_is_good_for_one_profile_one_holder_and_until_it_is_withdrawn() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, ann, bo, chen, server, .. } = &scene;
    let (voucher, secret) = scene.sealed().await?;
    for wrong in ["", "7ZZZ", "not a voucher at all, really", "UUUUU-UUUUU-UUUUU-UUUUU-UUUUUU"] {
        let key = Key::new()?;
        refused(
            scene.show(ann, &key, &request(ORIGIN, "ann", "vault", &key)?, wrong).await?,
            400,
            "no-voucher",
        )?;
    }
    let (_, unknown) = scene.voucher(None).await?;
    refused(scene.use_for(ann, "vault", &unknown).await?, 404, "no-voucher")?;
    let denied = refused(scene.use_for(ann, "lab", &secret).await?, 403, "denied")?;
    ensure!(denied["detail"].as_str().is_some_and(|why| why.contains("takes no vouchers")), "{denied}");
    let (for_dee, dees) = scene.voucher(Some("dee")).await?;
    for officer in [bo, chen] {
        scene.seal(officer, &for_dee).await?;
    }
    let denied = refused(scene.use_for(ann, "vault", &dees).await?, 403, "denied")?;
    ensure!(denied["detail"].as_str().is_some_and(|why| why.contains("somebody else's")), "{denied}");

    let withdraw = format!("/v1/vouchers/{}/withdraw", for_dee.id);
    refused(api.call(&ann.token, Method::POST, &withdraw, &json!({})).await?, 403, "not-allowed")?;
    let (status, gone) = api.call(&bo.token, Method::POST, &withdraw, &json!({})).await?;
    ensure!(status == 200 && gone["state"] == "withdrawn", "{status} {gone}");
    refused(api.call(&bo.token, Method::POST, &withdraw, &json!({})).await?, 409, "voucher-withdrawn")?;

    // The profile says something else now: what was sealed for it before is void.
    server.set_policy(&profiles().replace("The vault", "The other vault"), RULES)?;
    ensure!(is_void(&scene, &voucher.id.to_string()).await?, "the voucher is not void");
    let denied = refused(scene.use_for(ann, "vault", &secret).await?, 403, "denied")?;
    ensure!(denied["detail"].as_str().is_some_and(|why| why.contains("was changed")), "{denied}");
    scene.audit()
}

/// Waits until the server says that a voucher is void.
async fn is_void(scene: &Scene, id: &str) -> Result<bool> {
    for _ in 0..300 {
        let (_, list) = scene.api.call(&scene.bo.token, Method::GET, "/v1/vouchers", &Value::Null).await?;
        let vouchers = list["vouchers"].as_array().cloned().unwrap_or_default();
        if vouchers.iter().any(|voucher| voucher["id"] == id && voucher["state"] == "void") {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_is_by_a_registered_key_over_the_voucher_itself() -> Result<()> {
    let scene = Scene::new().await?;
    let Scene { api, bo, chen, .. } = &scene;
    let (voucher, _) = scene.voucher(None).await?;
    let send = async |key: &Key, namespace, text: String| {
        let signed = key.sign_text(namespace, text);
        let body = json!({ "text": signed.request, "signature": signed.signature });
        api.call(&bo.token, Method::POST, "/v1/vouchers", &body).await
    };
    let text = voucher.to_text();
    refused(send(&Key::new()?, ca_core::voucher::NAMESPACE, text.clone()).await?, 403, "no-such-key")?;
    refused(send(&bo.key, ca_core::approval::NAMESPACE, text.clone()).await?, 401, "approval-signature")?;
    refused(
        send(&bo.key, ca_core::voucher::NAMESPACE, format!("{text}x")).await?,
        400,
        "malformed-approval",
    )?;
    let mut long = voucher.clone();
    long.expires_at = long.expires_at.plus_secs(366 * 86_400);
    refused(scene.seal(bo, &long).await?, 400, "malformed-approval")?;
    let mut elsewhere = voucher.clone();
    elsewhere.authority = "other.example/log".parse().ok().context("an origin")?;
    refused(scene.seal(bo, &elsewhere).await?, 409, "other-request")?;
    // What the second officer signs is what the first one signed.
    let (status, answer) = scene.seal(bo, &voucher).await?;
    ensure!(status == 200, "{status} {answer}");
    let mut other = voucher.clone();
    other.holder = Some("ann".parse()?);
    refused(scene.seal(chen, &other).await?, 409, "voucher-exists")?;
    scene.audit()
}

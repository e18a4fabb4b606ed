//! A16, F18: what was asked for by a session or an API key that has ended is over, and a key has what it asked for itself.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::approvals::{Member, POLICY, RULES};
use countersign_tests::process::run;
use countersign_tests::requests::{Key, request};
use countersign_tests::server::{ORIGIN, Server};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Scene, accepted, refused};

/// Whoever has a key in `lab` waits as people do.
async fn scene() -> Result<Scene> {
    let lab = POLICY.find("[profiles.lab]").context("the lab")?;
    let (before, lab) = POLICY.split_at(lab);
    let policy =
        format!("{before}{}", lab.replace("factors = [\"totp\"]", "factors = [\"totp\", \"api-key\"]"));
    let mut server = Server::make_ruled(&policy, RULES)?;
    server.serve()?;
    Scene::on(server).await
}

/// Makes an API key of somebody's for `lab`; gives its token and its id.
async fn api_key(api: &Api, owner: &str, label: &str, network: &str, secs: u64) -> Result<(String, String)> {
    let body = json!({ "label": label, "profiles": ["lab"], "networks": [network], "lasts_secs": secs });
    let (status, made) = api.call(owner, Method::POST, "/v1/account/api-keys", &body).await?;
    ensure!(status == 200, "{status} {made}");
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    Ok((text(&made["token"])?, text(&made["api_key"]["id"])?))
}

/// Asks for `lab` as somebody; gives the request's id.
async fn ask(api: &Api, token: &str, user: &str) -> Result<String> {
    let key = Key::new()?;
    let asked = request(ORIGIN, user, "lab", &key)?;
    let body = serde_json::to_value(key.sign(&asked))?;
    let (status, answer) = api.call(token, Method::POST, "/v1/certificates", &body).await?;
    ensure!(status == 202, "{status} {answer}");
    Ok(asked.id.to_string())
}

async fn cancel(api: &Api, token: &str, id: &str) -> Result<(u16, Value)> {
    api.call(token, Method::POST, &format!("/v1/requests/{id}/cancel"), &json!({})).await
}

async fn list(api: &Api, token: &str) -> Result<(u16, Value)> {
    api.call(token, Method::GET, "/v1/requests", &Value::Null).await
}

/// Makes sure that a request is over because of its account, and that nobody approves it any more.
async fn ensure_over(scene: &Scene, id: &str) -> Result<()> {
    let waiting = scene.bo.look(&scene.api, id).await;
    if let Ok(waiting) = waiting {
        ensure!(waiting.outcome.as_deref() == Some("user-disabled"), "{waiting:?}");
    }
    let (status, answer) = scene.bo.approve(&scene.api, id).await.unwrap_or((404, Value::Null));
    ensure!(status == 404 || status == 409, "{status} {answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a16_what_waits_ends_with_the_session_that_asked_for_it() -> Result<()> {
    let scene = scene().await?;
    let (api, ann) = (&scene.api, &scene.ann);
    let asked = ask(api, &ann.token, "ann").await?;
    let owner = api.own(&ann.person).await?;
    let change = json!({ "password": "an altogether different one" });
    let (status, answer) = api.call(&owner, Method::PUT, "/v1/account/password", &change).await?;
    ensure!(status == 204, "{status} {answer}");
    ensure_over(&scene, &asked).await?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a16_what_waits_ends_with_the_api_key_that_asked_for_it() -> Result<()> {
    let scene = scene().await?;
    let (api, ann) = (&scene.api, &scene.ann);
    let owner = api.own(&ann.person).await?;
    let (key, id) = api_key(api, &owner, "one", "127.0.0.0/8", 600).await?;
    let (other, _) = api_key(api, &owner, "two", "127.0.0.0/8", 600).await?;
    let (ended, kept) = (ask(api, &key, "ann").await?, ask(api, &other, "ann").await?);
    let path = format!("/v1/account/api-keys/{id}");
    let (status, _) = api.call(&owner, Method::DELETE, &path, &json!({})).await?;
    ensure!(status == 204, "{status}");
    ensure_over(&scene, &ended).await?;
    accepted(scene.bo.approve(api, &kept).await?, "issued")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_an_api_key_sees_and_cancels_only_what_it_asked_for_itself() -> Result<()> {
    let scene = scene().await?;
    let (api, ann) = (&scene.api, &scene.ann);
    let owner = api.own(&ann.person).await?;
    let (key, _) = api_key(api, &owner, "one", "127.0.0.0/8", 600).await?;
    let (other, _) = api_key(api, &owner, "two", "127.0.0.0/8", 600).await?;
    let asked = ask(api, &key, "ann").await?;
    let (_, seen) = list(api, &other).await?;
    ensure!(seen["requests"] == json!([]), "{seen}");
    refused(cancel(api, &other, &asked).await?, 404, "no-request")?;
    let path = format!("/v1/requests/{asked}");
    refused(api.call(&other, Method::GET, &path, &Value::Null).await?, 404, "no-request")?;
    let (_, own) = list(api, &key).await?;
    ensure!(own["requests"].as_array().is_some_and(|own| own.len() == 1), "{own}");
    let (status, cancelled) = cancel(api, &key, &asked).await?;
    let by = cancelled["closed_by"].as_str().unwrap_or_default();
    ensure!(status == 200 && by.starts_with("API key ") && by.ends_with(" of ann"), "{status} {cancelled}");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_an_api_key_that_has_expired_or_is_elsewhere_opens_nothing() -> Result<()> {
    let scene = scene().await?;
    let (api, ann) = (&scene.api, &scene.ann);
    let owner = api.own(&ann.person).await?;
    let (elsewhere, _) = api_key(api, &owner, "elsewhere", "10.0.0.0/8", 600).await?;
    let (short, _) = api_key(api, &owner, "short", "127.0.0.0/8", 1).await?;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let asked = ask(api, &ann.token, "ann").await?;
    for key in [&elsewhere, &short] {
        refused(list(api, key).await?, 401, "no-session")?;
        refused(cancel(api, key, &asked).await?, 401, "no-session")?;
        let explain = json!({ "profile": "lab" });
        refused(api.call(key, Method::POST, "/v1/explain", &explain).await?, 401, "no-session")?;
        for path in [&format!("/v1/requests/{asked}"), "/v1/host-profiles"] {
            refused(api.call(key, Method::GET, path, &Value::Null).await?, 401, "no-session")?;
        }
    }
    ensure!(ann.look(api, &asked).await?.state == "pending", "somebody cancelled it");
    let log = scene.server.log_folder().display().to_string();
    let mut search = ann.person.ca(&["audit", "search", &log, "--type", "login-failed", "--key"])?;
    let found = run(search.arg(scene.server.log_key()))?;
    ensure!(found.contains("api-key-not-good"), "{found}");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_after_a_reset_nothing_opens_the_account_that_did_before() -> Result<()> {
    let scene = scene().await?;
    let (api, bo) = (&scene.api, &scene.bo);
    let owner = api.own(&bo.person).await?;
    let (key, _) = api_key(api, &owner, "left behind", "127.0.0.0/8", 600).await?;
    let (by_person, by_key) = (ask(api, &bo.token, "bo").await?, ask(api, &key, "bo").await?);
    let mut reset = scene.server.command(&["user", "reset", "bo"])?;
    let shown = run(reset.arg("--json").env("COUNTERSIGN_PASSWORD", "given by an operator"))?;

    refused(list(api, &key).await?, 401, "no-session")?;
    // The server may remember for a second or two what another process has ended.
    let mut status = 200;
    for _ in 0..100 {
        status = list(api, &bo.token).await?.0;
        if status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    ensure!(status == 401, "a session from before the reset: {status}");
    for asked in [&by_person, &by_key] {
        let (status, answer) = scene.chen.approve(api, asked).await.unwrap_or((404, Value::Null));
        ensure!(status == 404 || status == 409, "{status} {answer}");
    }
    // Bo logs in anew, and has no key to approve with any more.
    let home = tempfile::tempdir()?;
    let password = "given by an operator".to_owned();
    let person = countersign_tests::person::Person::at(&scene.server, "bo", password, &shown, home.path())?;
    let anew = Member { key: scene.bo.key, ..Member::of(person, api).await? };
    let scene = Scene { bo: anew, ..scene };
    let asked = ask(&scene.api, &scene.ann.token, "ann").await?;
    let (status, answer) = scene.bo.approve(&scene.api, &asked).await?;
    ensure!((400..404).contains(&status), "a key from before the reset: {status} {answer}");
    accepted(scene.chen.approve(&scene.api, &asked).await?, "issued")?;
    scene.audit()
}

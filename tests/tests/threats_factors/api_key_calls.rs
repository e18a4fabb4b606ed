//! F18: every call there is, with an API key that is not good for it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_core::host_request::HostRequest;
use ca_core::names::RequestId;
use ca_core::voucher::VoucherSecret;
use countersign_tests::api::{Answered, Api, problem};
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::requests::{Key, new_id, signed_request};
use countersign_tests::server::{ORIGIN, RULES, Server};
use reqwest::Method;
use serde_json::{Value, json};

use super::api_keys::{POLICY, make_for};
use super::ensure_logged;

/// A profile that is broken the glass for, and hosts, for programs as well.
const MORE: &str = r#"
[profiles.vault]
description = "The vault"
principals = ["vault"]
default_ttl = "15m"
max_ttl = "15m"
factors = ["totp", "api-key"]
login_max_age = "12h"
approvals = { count = 1, groups = ["security-officers"], wait = "1h" }
break_glass = true

[host_profiles.db]
description = "Databases"
names = ["*.db.example.com"]
default_ttl = "24h"
max_ttl = "24h"
factors = ["totp", "api-key"]
login_max_age = "1h"
"#;

/// The calls that give something to whoever has an API key, with the profile to ask for, and the event of a refusal.
const GIVING: [(&str, &str, &str); 3] = [
    ("/v1/certificates", "backup", "request-denied"),
    ("/v1/certificates/break-glass", "vault", "request-denied"),
    ("/v1/host-certificates", "db", "host-request-denied"),
];

/// The other calls that take API keys: they show what a key can ask for, and what it has asked for.
const SHOWING: [(&str, &str); 5] = [
    ("/v1/explain", "post"),
    ("/v1/host-profiles", "get"),
    ("/v1/requests", "get"),
    ("/v1/requests/{id}", "get"),
    ("/v1/requests/{id}/cancel", "post"),
];

/// A server, and somebody who may do everything that a login is good for.
struct Scene {
    server: Server,
    robot: Person,
    api: Api,
    owner: String,
}

impl Scene {
    async fn new() -> Result<Self> {
        let mut server = Server::make_ruled(&format!("{POLICY}{MORE}"), RULES)?;
        server.serve()?;
        let groups = ["automation", "host-enrollers", "security-officers", "auditors"];
        let robot = Person::new(&server, "robot", &groups)?;
        let api = Api::new(&server)?;
        let owner = api.own(&robot).await?;
        Ok(Self { server, robot, api, owner })
    }

    /// Makes an API key; gives its token and its id.
    async fn key(&self, profiles: &[&str], network: &str, secs: u64) -> Result<(String, String)> {
        let label = format!("{} {network} {secs}", profiles.len());
        make_for(&self.api, &self.owner, (&label, profiles), &[network], secs).await
    }

    async fn ask(&self, token: &str, path: &str, profile: &str) -> Result<Answered> {
        self.api.call(token, Method::POST, path, &body(path, profile)?).await
    }
}

/// Writes a good request for one of the calls.
fn body(path: &str, profile: &str) -> Result<Value> {
    if path == "/v1/host-certificates" {
        let request = HostRequest {
            authority: ORIGIN.parse().ok().context("not an origin")?,
            id: new_id(RequestId::from_parts)?,
            user: "robot".parse()?,
            profile: profile.parse()?,
            ttl: None,
            names: "db1.db.example.com".parse()?,
            key: Key::new()?.public().clone(),
            reason: None,
        };
        return Ok(json!({ "request": request.to_text() }));
    }
    let mut body = serde_json::to_value(signed_request(ORIGIN, "robot", profile)?)?;
    if path.ends_with("break-glass") {
        body["voucher"] = VoucherSecret::from_bytes([7; 16]).to_text().as_str().into();
    }
    Ok(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_key_gives_nothing_out_of_scope_elsewhere_too_late_or_revoked() -> Result<()> {
    let mut scene = Scene::new().await?;
    let all = ["backup", "vault", "db"];
    let (good, id) = scene.key(&all, "127.0.0.0/8", 3600).await?;
    let (other, _) = scene.key(&["other"], "127.0.0.0/8", 3600).await?;
    let (elsewhere, _) = scene.key(&all, "127.0.0.2/32", 3600).await?;
    let (short, _) = scene.key(&all, "127.0.0.0/8", 1).await?;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    for (path, profile, event) in GIVING {
        for (token, words) in [
            (&other, format!("the API key is not for {profile}")),
            (&elsewhere, "not good from 127.0.0.1".to_owned()),
            (&short, "the API key ended".to_owned()),
        ] {
            let (status, answer) = scene.ask(token, path, profile).await?;
            ensure!(status == 403 && problem(&answer) == "denied", "{path}: {status} {answer}");
            ensure!(answer.to_string().contains(&words), "{path}: {answer}");
            ensure_logged(&scene.server, &scene.robot, event, &words)?;
        }
        // The vault waits for officers, or for a voucher that is one.
        let expected = if profile == "vault" { 404 } else { 200 };
        let (status, answer) = scene.ask(&good, path, profile).await?;
        ensure!(status == expected, "{path} with a good key: {status} {answer}");
    }
    let revoke = format!("/v1/account/api-keys/{id}");
    let (status, _) = scene.api.call(&scene.owner, Method::DELETE, &revoke, &Value::Null).await?;
    ensure!(status == 204, "{status}");
    for (path, profile, _) in GIVING {
        let (status, answer) = scene.ask(&good, path, profile).await?;
        ensure!(status == 401 && problem(&answer) == "no-session", "{path}, revoked: {status} {answer}");
    }
    ensure_logged(&scene.server, &scene.robot, "login-failed", "unknown-api-key")?;
    tokio::task::block_in_place(|| scene.server.stop())?;
    journey::verify(&scene.server, &scene.robot)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_no_other_call_takes_a_key_and_none_a_revoked_one() -> Result<()> {
    let scene = Scene::new().await?;
    let (good, _) = scene.key(&["backup", "vault", "db"], "127.0.0.0/8", 3600).await?;
    let (revoked, id) = scene.key(&["backup"], "127.0.0.0/8", 60).await?;
    let revoke = format!("/v1/account/api-keys/{id}");
    let (status, _) = scene.api.call(&scene.owner, Method::DELETE, &revoke, &Value::Null).await?;
    ensure!(status == 204, "{status}");

    let (_, document) = scene.api.call("", Method::GET, "/openapi.json", &Value::Null).await?;
    let calls = calls(&document)?;
    ensure!(calls.len() > 30, "{calls:?}");
    for (path, method) in calls {
        let takes_keys =
            GIVING.iter().any(|(giving, ..)| *giving == path) || SHOWING.contains(&(path.as_str(), &method));
        let shown = path.replace("{id}", "x").replace("{name}", "robot");
        for token in [&good, &revoked] {
            if takes_keys && token == &good {
                continue;
            }
            let method = method.to_uppercase().parse()?;
            let (status, answer) = scene.api.call(token, method, &shown, &json!({})).await?;
            ensure!(status == 401 && problem(&answer) == "no-session", "{path}: {status} {answer}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_key_shows_nothing_from_elsewhere_or_too_late() -> Result<()> {
    let scene = Scene::new().await?;
    let all = ["backup", "vault", "db"];
    let (good, _) = scene.key(&all, "127.0.0.0/8", 3600).await?;
    let (elsewhere, _) = scene.key(&all, "127.0.0.2/32", 3600).await?;
    let (short, _) = scene.key(&all, "127.0.0.0/8", 1).await?;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    for (path, method) in SHOWING {
        let path = path.replace("{id}", &new_id(RequestId::from_parts)?.to_string());
        let ask = async |token: &str| {
            let method = method.to_uppercase().parse()?;
            scene.api.call(token, method, &path, &json!({})).await
        };
        for token in [&elsewhere, &short] {
            let (status, answer) = ask(token).await?;
            ensure!(status == 401 && problem(&answer) == "no-session", "{method} {path}: {status} {answer}");
        }
        let (status, answer) = ask(&good).await?;
        ensure!(status != 401, "{method} {path} with a good key: {status} {answer}");
    }
    ensure_logged(&scene.server, &scene.robot, "login-failed", "api-key-not-good")
}

/// Lists the calls that need a session.
fn calls(document: &Value) -> Result<Vec<(String, String)>> {
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().context("paths")? {
        for (method, operation) in methods.as_object().context("methods")? {
            if operation["security"] == json!([{ "session": [] }]) {
                calls.push((path.clone(), method.clone()));
            }
        }
    }
    Ok(calls)
}

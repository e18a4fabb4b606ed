use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::{Answered, Api, problem};
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_logged;

/// The sample policy's profile for programs, without the network that no test is in; and one that takes no API keys.
pub(super) const POLICY: &str = r#"
[profiles.backup]
description = "Reads one backup stream, and nothing else"
principals = ["backup"]
default_ttl = "15m"
max_ttl = "15m"
factors = ["totp", "api-key"]
login_max_age = "12h"

[profiles.other]
description = "Something else for programs"
principals = ["other"]
default_ttl = "15m"
max_ttl = "15m"
factors = ["totp", "api-key"]
login_max_age = "12h"

[profiles.people]
description = "For people alone"
principals = ["people"]
default_ttl = "15m"
max_ttl = "15m"
factors = ["totp"]
login_max_age = "12h"
"#;

async fn make(api: &Api, owner: &str, label: &str, networks: &[&str], secs: u64) -> Result<(String, String)> {
    make_for(api, owner, (label, &["backup", "people"]), networks, secs).await
}

/// Makes an API key of a label for some profiles; gives its token and its id.
pub(super) async fn make_for(
    api: &Api,
    owner: &str,
    (label, profiles): (&str, &[&str]),
    networks: &[&str],
    secs: u64,
) -> Result<(String, String)> {
    let body = json!({ "label": label, "profiles": profiles, "networks": networks, "lasts_secs": secs });
    let (status, made) = api.call(owner, Method::POST, "/v1/account/api-keys", &body).await?;
    ensure!(status == 200, "{status} {made}");
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    Ok((text(&made["token"])?, text(&made["api_key"]["id"])?))
}

async fn ask(api: &Api, token: &str, profile: &str) -> Result<Answered> {
    let body = serde_json::to_value(signed_request(ORIGIN, "robot", profile)?)?;
    api.call(token, Method::POST, "/v1/certificates", &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_an_api_key_opens_what_its_scope_says_and_nothing_else() -> Result<()> {
    let server = Server::start_with(None, Some(POLICY))?;
    let robot = Person::new(&server, "robot", &["automation"])?;
    let api = Api::new(&server)?;
    let owner = api.own(&robot).await?;
    let (good, id) = make(&api, &owner, "good", &["127.0.0.0/8"], 3600).await?;
    let (elsewhere, _) = make(&api, &owner, "elsewhere", &["10.0.0.0/8"], 3600).await?;
    let (short, _) = make(&api, &owner, "short", &["0.0.0.0/0"], 1).await?;

    let (status, issued) = ask(&api, &good, "backup").await?;
    ensure!(status == 200, "{status} {issued}");
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    for (token, profile, words) in [
        (&good, "other", "not for other"),
        (&good, "people", "needs a login with totp"),
        (&elsewhere, "backup", "not good from 127.0.0.1"),
        (&short, "backup", "the API key ended"),
    ] {
        let (status, answer) = ask(&api, token, profile).await?;
        ensure!(status == 403 && answer.to_string().contains(words), "{profile}: {status} {answer}");
        ensure_logged(&server, &robot, "request-denied", words)?;
    }
    for (method, path) in [
        (Method::GET, "/v1/account"),
        (Method::POST, "/v1/account/recovery-codes"),
        (Method::GET, "/v1/account/api-keys"),
        (Method::DELETE, "/v1/session"),
    ] {
        let (status, answer) = api.call(&good, method.clone(), path, &json!({})).await?;
        ensure!(status == 401, "{method} {path}: {status} {answer}");
    }
    let path = format!("/v1/account/api-keys/{id}");
    let (status, _) = api.call(&owner, Method::DELETE, &path, &json!({})).await?;
    ensure!(status == 204, "{status}");
    for token in [good.as_str(), "cs_k_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let (status, answer) = ask(&api, token, "backup").await?;
        ensure!(status == 401 && problem(&answer) == "no-session", "revoked or invented: {status} {answer}");
    }
    ensure_logged(&server, &robot, "login-failed", "unknown-api-key")?;
    ensure_logged(&server, &robot, "api-key-revoked", &id)?;
    let database = std::fs::read(server.folder().join("state.db"))?;
    ensure!(!database.windows(good.len()).any(|w| w == good.as_bytes()), "f17: the token is in the database");
    journey::verify(&server, &robot)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_key_without_bounds_is_not_made() -> Result<()> {
    let server = Server::start()?;
    let robot = Person::new(&server, "robot", &["automation"])?;
    let api = Api::new(&server)?;
    let owner = api.own(&robot).await?;
    for (profiles, networks, secs) in [
        (json!([]), json!(["0.0.0.0/0"]), 3600_u64),
        (json!(["backup"]), json!([]), 3600),
        (json!(["backup"]), json!(["everywhere"]), 3600),
        (json!(["Backup!"]), json!(["0.0.0.0/0"]), 3600),
        (json!(["bakcup"]), json!(["0.0.0.0/0"]), 3600),
        (json!(["backup"]), json!(["0.0.0.0/0"]), 0),
        (json!(["backup"]), json!(["0.0.0.0/0"]), 367 * 86_400),
        (json!(["backup"]), json!(["0.0.0.0/0"]), u64::MAX),
    ] {
        let body = json!({ "label": "k", "profiles": profiles, "networks": networks, "lasts_secs": secs });
        let (status, answer) = api.call(&owner, Method::POST, "/v1/account/api-keys", &body).await?;
        ensure!(status == 400, "{body}: {status} {answer}");
    }
    Ok(())
}

#[test]
fn a_program_gets_its_certificate_with_the_real_ca_and_an_api_key() -> Result<()> {
    let server = Server::start_with(None, Some(POLICY))?;
    let robot = Person::new(&server, "robot", &["automation"])?;
    robot.login()?;
    let add =
        ["apikey", "add", "nightly", "--profile", "backup", "--network", "127.0.0.1/32", "--factor", "totp"];
    let mut add = robot.ca(&add)?;
    add.env("COUNTERSIGN_PASSWORD", &robot.password).env("COUNTERSIGN_CODE", robot.phone.code());
    let token = run(&mut add)?.trim().to_owned();
    run(&mut robot.ca(&["logout"])?)?;

    let key = robot.new_key("id", &["ed25519"])?;
    let request = ["request", "backup", "--user", "robot", "--key", &key.to_string_lossy()];
    ensure!(!output(&mut robot.ca(&request)?)?.status.success(), "without the key");
    run(robot.ca(&request)?.env("COUNTERSIGN_TOKEN", &token))?;
    ensure!(robot.home("id-cert.pub").exists());
    journey::verify(&server, &robot)
}

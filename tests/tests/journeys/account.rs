//! A person looks after their account with the real `ca`: another factor, recovery codes, a new password.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::{Api, problem};
use countersign_tests::client::Client;
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::totp::Phone;
use reqwest::Method;
use serde_json::{Value, json};

/// Gives a command the credentials that are asked for.
fn with(mut command: Command, password: &str, code: &str) -> Command {
    command.env("COUNTERSIGN_PASSWORD", password).env("COUNTERSIGN_CODE", code);
    command
}

/// Adds a TOTP app with `ca factor add`; answers it as a person would, with what the new app shows.
fn add_phone(person: &Person) -> Result<Phone> {
    let add = ["factor", "add", "totp", "--json", "--factor", "totp", "--new-code-fd", "0"];
    let mut command = with(person.ca(&add)?, &person.password, &person.phone.code());
    let mut adding = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut shown = BufReader::new(adding.stdout.take().context("its output")?);
    let mut pending = String::new();
    while !pending.ends_with("}\n") {
        ensure!(shown.read_line(&mut pending)? > 0, "`ca factor add` ended early: {pending}");
    }
    let pending: Value = serde_json::from_str(&pending)?;
    ensure!(pending["otpauth_url"].as_str().is_some_and(|url| url.starts_with("otpauth://totp/")));
    let phone = Phone::new(pending["secret"].as_str().context("its secret")?)?;
    writeln!(adding.stdin.take().context("its input")?, "{}", phone.code())?;
    ensure!(adding.wait()?.success(), "`ca factor add` failed");
    Ok(phone)
}

#[test]
fn a_person_adds_a_factor_and_changes_the_password_and_recovers() -> Result<()> {
    let server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    ann.login()?;
    let phone = add_phone(&ann)?;
    ensure!(!output(&mut ann.ca(&["factor", "list"])?)?.status.success(), "the session has ended");

    let codes = ["recovery", "codes", "--json", "--user", "ann", "--factor", "totp"];
    let codes = run(&mut with(ann.ca(&codes)?, &ann.password, &phone.code()))?;
    let codes: Value = serde_json::from_str(&codes)?;
    let codes: Vec<&str> =
        codes["codes"].as_array().context("codes")?.iter().filter_map(Value::as_str).collect();
    ensure!(codes.len() == 8, "{codes:?}");

    let change = ["password", "--user", "ann", "--factor", "recovery"];
    let new = "an altogether different one";
    run(with(ann.ca(&change)?, &ann.password, codes[0]).env("COUNTERSIGN_NEW_PASSWORD", new))?;
    let again =
        output(with(ann.ca(&change)?, new, codes[0]).env("COUNTERSIGN_NEW_PASSWORD", "another one yet"))?;
    ensure!(!again.status.success(), "f12: a recovery code was taken twice");

    let login = ["login", "--user", "ann", "--factor", "recovery"];
    run(&mut with(ann.ca(&login)?, new, codes[3]))?;
    let account: Value = serde_json::from_str(&run(&mut ann.ca(&["factor", "list", "--json"])?)?)?;
    ensure!(account["factors"].as_array().is_some_and(|factors| factors.len() == 2), "{account}");
    ensure!(account["recovery_codes_left"] == 6, "{account}");
    let remove = ["factor", "remove", "authenticator app", "--factor", "recovery"];
    run(&mut with(ann.ca(&remove)?, new, codes[1]))?;
    let remove = ["factor", "remove", "another app", "--user", "ann", "--factor", "recovery"];
    let last = output(&mut with(ann.ca(&remove)?, new, codes[2]))?;
    let said = String::from_utf8_lossy(&last.stderr).into_owned();
    ensure!(last.status.code() == Some(1) && said.contains("last factor"), "f15: {said}");
    audited(&server, &ann)
}

/// The log says all of it, and its decisions replay.
fn audited(server: &Server, ann: &Person) -> Result<()> {
    let events = run(&mut ann.ca(&[
        "audit",
        "search",
        &server.log_folder().to_string_lossy(),
        "--key",
        &server.log_key().to_string_lossy(),
        "--user",
        "ann",
    ])?)?;
    for kind in ["factor-added", "recovery-codes-made", "password-changed", "factor-removed"] {
        ensure!(events.contains(kind), "no {kind} in\n{events}");
    }
    journey::verify(server, ann)
}

#[tokio::test]
async fn f14_a_session_alone_changes_nothing() -> Result<()> {
    let server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let mut client = Client::connect(&server).await?;
    client.login(&ann).await?;
    let token = client.token.context("a session")?;
    let (status, account) = api.call(&token, Method::GET, "/v1/account", &json!({})).await?;
    ensure!(status == 200, "{account}");
    let id = account["factors"][0]["id"].as_str().context("a factor")?.to_owned();
    let factor = format!("/v1/account/factors/{id}");
    let key = json!({ "label": "k", "profiles": ["dev"], "networks": ["0.0.0.0/0"], "lasts_secs": 60 });
    let changes = [
        (Method::POST, "/v1/account/factors", json!({ "kind": "totp", "label": "mine" })),
        (Method::POST, "/v1/account/factors/sms", json!({ "label": "mine", "number": "+4915123456789" })),
        (Method::POST, "/v1/account/factors/yubikey", json!({ "label": "mine", "otp": "x" })),
        (Method::POST, "/v1/account/factors/webauthn", json!({ "label": "mine" })),
        (Method::POST, "/v1/account/factors/webauthn/confirm", json!({ "poll": "x" })),
        (Method::POST, &factor, json!({ "code": "123456" })),
        (Method::DELETE, &factor, json!({})),
        (Method::PUT, "/v1/account/password", json!({ "password": "a stolen session" })),
        (Method::POST, "/v1/account/recovery-codes", json!({})),
        (Method::POST, "/v1/account/api-keys", key),
        (Method::DELETE, "/v1/account/api-keys/some", json!({})),
        (Method::POST, "/v1/account/signing-keys", json!({ "label": "mine", "text": "x", "signature": "x" })),
        (Method::DELETE, "/v1/account/signing-keys/some", json!({})),
    ];
    for (method, path, body) in changes {
        let (status, answer) = api.call(&token, method.clone(), path, &body).await?;
        ensure!(status == 401, "{method} {path}: {status} {answer}");
        ensure!(problem(&answer) == "full-credentials-needed", "{answer}");
    }
    let (_, after) = api.call(&token, Method::GET, "/v1/account", &json!({})).await?;
    ensure!(after == account, "something changed: {after}");
    Ok(())
}

#[tokio::test]
async fn a_session_for_changing_the_account_gets_no_certificate() -> Result<()> {
    let server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let token = api.own(&ann).await?;
    let body = serde_json::to_value(signed_request(ORIGIN, "ann", "dev")?)?;
    let (status, answer) = api.call(&token, Method::POST, "/v1/certificates", &body).await?;
    ensure!(status == 401, "{status} {answer}");
    Ok(())
}

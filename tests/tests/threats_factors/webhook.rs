use anyhow::{Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::person::Person;
use countersign_tests::process::wait_until;
use countersign_tests::smtp::Smtp;
use countersign_tests::webhook::Receiver;
use reqwest::Method;
use serde_json::{Value, json};

use super::warnings::{PATIENCE, URL, link, mail};

const SECRET: &str = "a secret that both sides know";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_account_is_told_to_the_webhook_until_it_is_taken_and_not_again() -> Result<()> {
    let (smtp, receiver) = (Smtp::start()?, Receiver::start(SECRET, &[500, 503])?);
    let top = format!("public_url = \"{URL}\"\nalerts = [\"officers@example.com\"]\n");
    let (address, hook) = (smtp.address(), receiver.url());
    let more = format!(
        "[mail]\nurl = \"smtp://{address}\"\nfrom = \"ca@example.com\"\ntimeout = \"2s\"\n\
         [webhook]\nurl = \"{hook}\"\nsecret_file = \"webhook_secret\"\nallow_private = true\ntimeout = \"2s\"\n"
    );
    let server = super::server_with(&top, &more, &[("webhook_secret", SECRET)])?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let api = Api::new(&server)?;
    let token = api.own(&ann).await?;
    let new = json!({ "password": "an altogether different one" });
    let (status, answer) = api.call(&token, Method::PUT, "/v1/account/password", &new).await?;
    ensure!(status == 204, "{status} {answer}");
    let path = link(&mail(&smtp, "ann@example.com", "the password was changed")?)?;
    ensure!(receiver.received()?.is_empty(), "a change of ann's own is not the officers' business");
    let (status, _) = api.call("", Method::POST, &path, &Value::Null).await?;
    ensure!(status == 200, "freezing: {status}");

    mail(&smtp, "officers@example.com", "ann has frozen their account")?;
    let calls = wait_until("the third try", PATIENCE, || {
        Ok(Some(receiver.received()?).filter(|calls| calls.len() == 3))
    })?;
    for call in &calls {
        ensure!(call.id == calls[0].id && call.body == calls[0].body, "the tries differ: {calls:?}");
    }
    let body = &calls[0].body;
    ensure!(body["kind"] == "account-frozen" && body["about"]["user"] == "ann", "{body}");
    ensure!(body["about"]["source"] == "127.0.0.1" && body["authority"] == "ca.example.com/log", "{body}");
    // The next try would be 20 s later.
    tokio::time::sleep(std::time::Duration::from_secs(25)).await;
    ensure!(receiver.received()?.len() == 3, "it is sent again after it was taken");
    for secret in [SECRET, "from=countersign"] {
        ensure!(!server.output().contains(secret), "i9: {secret} is in the server's log");
    }
    Ok(())
}

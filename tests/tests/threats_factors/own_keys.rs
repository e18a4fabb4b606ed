//! F14, F15: security keys and signing keys come and go with full credentials alone, and officers do nothing silently; each
//! is recorded, and the owner is warned.

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::{KEY_NAMESPACE, SigningKey};
use ca_core::names::ApprovalId;
use countersign_tests::api::{Api, problem};
use countersign_tests::approvals::session;
use countersign_tests::ceremonies::{Caller, server_with};
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::requests::{Key, new_id};
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::smtp::Smtp;
use countersign_tests::webauthn::{Manner, SecurityKey};
use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_logged;
use super::warnings::mail;

/// A server with the page for security keys that sends mail, and Ann.
struct Scene {
    smtp: Smtp,
    server: Server,
    ann: Person,
    api: Api,
}

impl Scene {
    fn new() -> Result<Self> {
        let smtp = Smtp::start()?;
        let mail = format!("[mail]\nurl = \"smtp://{}\"\nfrom = \"ca@example.com\"\n", smtp.address());
        let server = server_with(&mail)?;
        let ann = Person::new(&server, "ann", &["security-officers"])?;
        let api = Api::new(&server)?;
        Ok(Self { smtp, server, ann, api })
    }

    /// Makes a call that a session for certificates alone must not make.
    async fn refused(&self, token: &str, (method, path): (Method, &str), body: &Value) -> Result<()> {
        let (status, answer) = self.api.call(token, method, path, body).await?;
        ensure!(status == 401 && problem(&answer) == "full-credentials-needed", "{path}: {status} {answer}");
        Ok(())
    }

    /// Makes sure that something that was just done is in the log and in a mail that says where from.
    fn told(&self, event: &str, label: &str, words: &str) -> Result<()> {
        ensure_logged(&self.server, &self.ann, event, label)?;
        let warning = mail(&self.smtp, "ann@example.com", words)?;
        ensure!(warning.body.contains("from  127.0.0.1"), "{}", warning.body);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_security_key_is_added_and_removed_with_full_credentials_and_told() -> Result<()> {
    let scene = Scene::new()?;
    let caller = Caller::new(&scene.server)?;
    let stolen = session(&scene.api, &scene.ann).await?;
    let add = (Method::POST, "/v1/account/factors/webauthn");
    scene.refused(&stolen, add, &json!({ "label": "mine" })).await?;

    let own = caller.account_session(&scene.ann).await?;
    let ceremony = caller.begin_registration(&own, "desk key").await?;
    let shown = caller.show(&ceremony).await?;
    let credential = SecurityKey::new(true)?.create(&shown.options, &Manner::at(&caller.origin)?)?;
    ensure!(caller.answer(&ceremony, &credential).await?.status == 204);
    let confirm = (Method::POST, "/v1/account/factors/webauthn/confirm");
    scene.refused(&stolen, confirm, &json!({ "poll": ceremony.poll.0 })).await?;
    ensure!(scene.smtp.mails().is_empty(), "nothing has changed yet");
    let added: Value = caller.confirm(&own, &ceremony).await?.good()?;
    scene.told("factor-added", "desk key", "a factor was added: webauthn \"desk key\"")?;

    let path = format!("/v1/account/factors/{}", added["id"].as_str().context("an id")?);
    let (status, answer) = scene.api.call(&stolen, Method::DELETE, &path, &Value::Null).await?;
    ensure!(status == 401, "its session has ended besides: {status} {answer}");
    let (status, answer) = scene.api.call(&own, Method::DELETE, &path, &Value::Null).await?;
    ensure!(status == 200, "{status} {answer}");
    scene.told("factor-removed", "desk key", "a factor was removed: webauthn \"desk key\"")?;
    journey::verify(&scene.server, &scene.ann)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_signing_key_is_added_and_removed_with_full_credentials_and_told() -> Result<()> {
    let scene = Scene::new()?;
    let stolen = session(&scene.api, &scene.ann).await?;
    let key = Key::new()?;
    let text = SigningKey {
        authority: ORIGIN.parse().ok().context("an origin")?,
        id: new_id(ApprovalId::from_parts)?,
        user: "ann".parse()?,
        key: key.public().clone(),
    };
    let signed = key.sign_text(KEY_NAMESPACE, text.to_text());
    let new = json!({ "label": "desk", "text": signed.request, "signature": signed.signature });
    let keys = "/v1/account/signing-keys";
    scene.refused(&stolen, (Method::POST, keys), &new).await?;
    let own = scene.api.own(&scene.ann).await?;
    let (status, added) = scene.api.call(&own, Method::POST, keys, &new).await?;
    ensure!(status == 200, "{status} {added}");
    scene.told("signing-key-added", "desk", "a key to approve requests with was registered: \"desk\"")?;

    let path = format!("{keys}/{}", added["id"].as_str().context("an id")?);
    let before = scene.smtp.mails().len();
    scene.refused(&stolen, (Method::DELETE, &path), &Value::Null).await?;
    let (_, listed) = scene.api.call(&own, Method::GET, keys, &Value::Null).await?;
    ensure!(listed["signing_keys"].as_array().is_some_and(|keys| keys.len() == 1), "{listed}");
    ensure!(scene.smtp.mails().len() == before, "a warning of what was not done");
    let (status, answer) = scene.api.call(&own, Method::DELETE, &path, &Value::Null).await?;
    ensure!(status == 204, "{status} {answer}");
    scene.told("signing-key-removed", "desk", "a key to approve requests with was removed: \"desk\"")?;
    let (_, listed) = scene.api.call(&own, Method::GET, keys, &Value::Null).await?;
    ensure!(listed["signing_keys"] == json!([]), "{listed}");
    journey::verify(&scene.server, &scene.ann)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_an_officers_unlock_works_is_recorded_and_warns_the_owner() -> Result<()> {
    const UNLOCK: &str = "/v1/admin/users/bob/unlock";
    let scene = Scene::new()?;
    let bob = Person::new(&scene.server, "bob", &["engineers"])?;
    let bobs = session(&scene.api, &bob).await?;
    let (status, answer) = scene.api.call(&bobs, Method::POST, UNLOCK, &Value::Null).await?;
    ensure!(status == 403 && problem(&answer) == "not-allowed", "by no officer: {status} {answer}");
    let officers = session(&scene.api, &scene.ann).await?;
    let wrong = json!({ "user": "bob", "password": "not the password" });
    let wait = loop {
        let (status, answer) = scene.api.post("/v1/login", &wrong).await?;
        match answer["retry_after_secs"].as_u64() {
            Some(secs) if secs >= 4 => break secs,
            Some(secs) => tokio::time::sleep(std::time::Duration::from_secs(secs)).await,
            None => ensure!(status == 401, "{status} {answer}"),
        }
    };
    ensure!(scene.smtp.mails().is_empty(), "nothing was unlocked yet");
    let (status, answer) = scene.api.call(&officers, Method::POST, UNLOCK, &Value::Null).await?;
    ensure!(status == 200, "{status} {answer}");
    let (status, _) = scene.api.post("/v1/login", &wrong).await?;
    ensure!(status == 401, "{wait} s were left to wait: {status}");
    scene.api.begin(&bob, "access").await?;

    let words = "disabled factors were made to work again by officer ann";
    mail(&scene.smtp, "bob@example.com", words)?;
    ensure_logged(&scene.server, &bob, "user-unlocked", "officer ann")?;
    let to_others = |mail: &countersign_tests::smtp::Mail| mail.to.iter().any(|to| to != "bob@example.com");
    ensure!(!scene.smtp.mails().iter().any(to_others), "it is told to others: {:?}", scene.smtp.mails());
    journey::verify(&scene.server, &bob)
}

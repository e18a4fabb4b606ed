//! Notices: those who may approve hear that something waits, who asked hears what became of it, and a webhook hears both.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::Verdict;
use countersign_tests::api::Api;
use countersign_tests::approvals::{Member, POLICY, RULES};
use countersign_tests::person::{Person, add_command, new_password};
use countersign_tests::process::{run, wait_until};
use countersign_tests::requests::{Key, request};
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::smtp::{At, Mail, Smtp, Trouble};
use countersign_tests::webhook::{Received, Receiver};
use reqwest::Method;
use serde_json::Value;

use crate::{Scene, accepted};

const SECRET: &str = "a secret that both sides know";
const PATIENCE: Duration = Duration::from_secs(30);
const REASON: &str = "INC-4127 disk full on db3";

/// A mail server and a receiver of webhooks, and what the configuration says of them.
pub(super) struct Outside {
    smtp: Smtp,
    receiver: Receiver,
}

impl Outside {
    fn start() -> Result<Self> {
        Ok(Self { smtp: Smtp::start()?, receiver: Receiver::start(SECRET, &[])? })
    }

    /// Configures a server that does not run to use both.
    fn configure(&self, server: &Server) -> Result<()> {
        write_secret(&server.folder().join("webhook_secret"))?;
        let config = fs::read_to_string(server.config())?;
        let (address, hook) = (self.smtp.address(), self.receiver.url());
        let more = format!(
            "[mail]\nurl = \"smtp://{address}\"\nfrom = \"ca@example.com\"\ntimeout = \"2s\"\n\
             [webhook]\nurl = \"{hook}\"\nsecret_file = \"webhook_secret\"\nallow_private = true\n"
        );
        // Who hears of attacks is not told of every request.
        Ok(fs::write(server.config(), format!("alerts = [\"alarm@example.com\"]\n{config}\n{more}"))?)
    }

    fn mails(&self, to: &str, id: &str) -> Vec<Mail> {
        let to = format!("{to}@example.com");
        self.smtp.mails().into_iter().filter(|mail| mail.to.contains(&to) && mail.body.contains(id)).collect()
    }

    /// Waits for a mail to somebody about a request whose subject says this.
    pub(super) fn mail(&self, to: &str, id: &str, words: &str) -> Result<Mail> {
        wait_until(&format!("a mail to {to}: {words}"), PATIENCE, || {
            Ok(self.mails(to, id).into_iter().find(|mail| mail.subject.contains(words)))
        })
    }

    pub(super) fn calls(&self, id: &str) -> Result<Vec<Received>> {
        let calls = self.receiver.received()?;
        Ok(calls.into_iter().filter(|call| call.body["about"]["request_id"] == id).collect())
    }

    /// Waits for a call about a request that says how it ended.
    pub(super) fn call(&self, id: &str, outcome: &str) -> Result<Value> {
        wait_until(&format!("a call: {outcome}"), PATIENCE, || {
            let call = self.calls(id)?.into_iter().find(|call| call.body["about"]["outcome"] == outcome);
            Ok(call.map(|call| call.body))
        })
    }
}

fn write_secret(path: &Path) -> Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(std::io::Write::write_all(&mut file, SECRET.as_bytes())?)
}

/// A scene whose server tells people of requests.
pub(super) async fn scene(policy: &str) -> Result<(Scene, Outside)> {
    let outside = Outside::start()?;
    let mut server = Server::make_ruled(policy, RULES)?;
    outside.configure(&server)?;
    server.serve()?;
    let scene = Scene::on(server).await?;
    Ok((scene, outside))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn officers_hear_of_what_waits_and_the_requester_of_its_certificate() -> Result<()> {
    let (scene, outside) = scene(POLICY).await?;
    let api = &scene.api;
    Person::new(&scene.server, "eve", &["engineers"])?;
    Person::new(&scene.server, "dan", &["security-officers"])?;
    let mut second = add_command(&scene.server, "ann2", &["security-officers"], &new_password()?)?;
    run(second.args(["--person", "ann"]))?;
    Member::officer(&scene.server, api, "fay").await?;
    run(&mut scene.server.command(&["user", "disable", "fay"])?)?;

    let key = Key::new()?;
    let mut asked = request(ORIGIN, "ann", "vault", &key)?;
    asked.reason = Some(REASON.parse()?);
    let id = asked.id.to_string();
    for _ in 0..2 {
        let (status, answer) = scene.ann.send(api, &key, &asked).await?;
        ensure!(status == 202, "{status} {answer}");
    }
    for officer in ["bo", "chen", "dan"] {
        let mail = outside.mail(officer, &id, "ann asks for vault")?;
        let fingerprint = key.public().key().fingerprint().to_string();
        for words in [REASON, "ann, vault", "30m", &fingerprint, "2 approvals by security-officers"] {
            ensure!(mail.body.contains(words), "no {words:?} in {}", mail.body);
        }
        ensure!(mail.body.contains(&format!("ca show {id}")), "{}", mail.body);
    }
    accepted(scene.bo.approve(api, &id).await?, "pending")?;
    accepted(scene.chen.approve(api, &id).await?, "issued")?;
    let mail = outside.mail("ann", &id, "issued")?;
    ensure!(mail.body.contains("bo and chen") && mail.body.contains("ca collect"), "{}", mail.body);
    let body = outside.call(&id, "issued")?;
    let certificate = scene.ann.look(api, &id).await?.issued.context("a certificate")?;
    ensure!(body["kind"] == "certificate" && body["about"]["by"] == "bo, chen", "{body}");
    let serial = certificate.serial.to_string();
    ensure!(body["about"]["serial"].as_str() == Some(&serial), "{body}");

    // What everybody got, once everything has gone out: each once, and nobody else anything.
    let calls = outside.calls(&id)?;
    ensure!(calls.len() == 2 && calls[0].body["kind"] == "request-pending", "{calls:?}");
    ensure!(
        calls[0].body["about"]["reason"] == REASON && calls[0].body["about"]["needed"] == "2",
        "{calls:?}"
    );
    let about = outside.smtp.mails().into_iter().filter(|mail| mail.body.contains(&id));
    let mut to: Vec<String> = about.flat_map(|mail| mail.to).collect();
    to.sort();
    let expected = ["ann", "bo", "chen", "dan"].map(|name| format!("{name}@example.com"));
    ensure!(to == expected, "told were {to:?}");
    let blob = certificate.certificate.split_whitespace().nth(1).context("a certificate")?;
    let texts: Vec<String> = outside.smtp.mails().into_iter().map(|mail| mail.body).collect();
    ensure!(!texts.iter().any(|text| text.contains(blob)), "the certificate is in a mail");
    tokio::task::block_in_place(|| scene.audit())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requester_hears_of_a_denial_and_of_the_end_but_not_of_what_they_did_themselves() -> Result<()> {
    let wait = "groups = [\"security-officers\"], wait = \"1h\" }";
    let (head, lab) = POLICY.rsplit_once(wait).context("the lab's approvals")?;
    let short = format!("{head}{}{lab}", wait.replace("1h", "2s"));
    let (scene, outside) = scene(&short).await?;
    let api = &scene.api;
    let late = scene.ann.ask(api, "lab").await?;
    let denied = scene.ann.ask(api, "vault").await?;
    let verdict = scene.chen.approval(&scene.chen.look(api, &denied).await?, Verdict::Deny)?;
    let (status, answer) = scene.chen.say(api, &denied, &verdict).await?;
    ensure!(status == 200 && answer["outcome"] == "denied", "{status} {answer}");
    let own = scene.ann.ask(api, "vault").await?;
    let path = format!("/v1/requests/{own}/cancel");
    let (status, answer) = api.call(&scene.ann.token, Method::POST, &path, &Value::Null).await?;
    ensure!(status == 200, "{status} {answer}");

    ensure!(outside.call(&own, "cancelled")?["kind"] == "request-closed", "another kind");
    let mail = outside.mail("ann", &denied, "denied")?;
    ensure!(mail.body.contains("chen denied it"), "{}", mail.body);
    ensure!(outside.call(&denied, "denied")?["about"]["by"] == "chen", "another officer");
    let mail = outside.mail("ann", &late, "expired")?;
    ensure!(mail.body.contains("not approved in time"), "{}", mail.body);
    outside.call(&late, "expired")?;
    ensure!(outside.mails("ann", &own).is_empty(), "ann was told what she did");
    let voided = scene.ann.ask(api, "vault").await?;
    scene.server.set_policy(&short.replace("max_ttl = \"2h\"", "max_ttl = \"3h\""), RULES)?;
    outside.mail("ann", &voided, "policy-changed")?;
    tokio::task::block_in_place(|| scene.audit())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_waits_for_the_mail_server_also_over_a_kill_and_comes_once() -> Result<()> {
    let (mut scene, outside) = scene(POLICY).await?;
    outside.smtp.fail(At::Sender, Trouble::Code(451));
    let id = scene.ann.ask(&scene.api, "lab").await?;
    accepted(scene.bo.approve(&scene.api, &id).await?, "issued")?;
    tokio::task::block_in_place(|| scene.server.kill())?;
    outside.smtp.behave();
    scene.server.serve()?;
    for (to, words) in [("bo", "ann asks for lab"), ("chen", "ann asks for lab"), ("ann", "issued")] {
        outside.mail(to, &id, words)?;
    }
    outside.call(&id, "issued")?;
    for to in ["ann", "bo", "chen"] {
        let mails = outside.mails(to, &id);
        ensure!(mails.len() == 1, "{} mails to {to}", mails.len());
    }
    tokio::task::block_in_place(|| scene.audit())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_to_be_sent_when_nothing_is_configured() -> Result<()> {
    let outside = Outside::start()?;
    let mut scene = Scene::new().await?;
    let before = scene.ann.ask(&scene.api, "lab").await?;
    accepted(scene.bo.approve(&scene.api, &before).await?, "issued")?;
    tokio::task::block_in_place(|| scene.server.stop())?;
    outside.configure(&scene.server)?;
    scene.server.serve()?;
    scene.api = Api::new(&scene.server)?;
    // What waited would go out first.
    let after = scene.ann.ask(&scene.api, "lab").await?;
    accepted(scene.bo.approve(&scene.api, &after).await?, "issued")?;
    outside.mail("ann", &after, "issued")?;
    outside.call(&after, "issued")?;
    ensure!(outside.calls(&before)?.is_empty(), "a call of before");
    ensure!(!outside.smtp.mails().iter().any(|mail| mail.body.contains(&before)), "a mail of before");
    tokio::task::block_in_place(|| scene.audit())
}

//! Recovery of an account: what it takes, who can stop it, and what is left for a while when it is done.

mod crash;
mod journey;
mod people;

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::Verdict;
use ca_core::names::{ApprovalId, RecoveryId};
use ca_core::recovery::{NAMESPACE, Vote};
use countersign_tests::api::{Answered, Api, problem};
use countersign_tests::approvals::Member;
use countersign_tests::process::wait_until;
use countersign_tests::requests::new_id;
use countersign_tests::server::{ORIGIN, RULES, Server};
use countersign_tests::smtp::{Mail, Smtp};
use reqwest::Method;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

const URL: &str = "https://ca.example.com";

/// `dev` is for whoever was recovered, `prod` is not.
const PROFILES: &str = r#"
[profiles.dev]
description = "Your own account"
principals = ["{user}"]
default_ttl = "1h"
max_ttl = "2h"
factors = ["totp"]
login_max_age = "12h"
after_recovery = true

[profiles.prod]
description = "Production"
principals = ["{user}"]
default_ttl = "30m"
max_ttl = "1h"
factors = ["totp"]
login_max_age = "12h"
"#;

/// Starts a server whose recoveries wait so long.
fn server(smtp: &Smtp, wait: &str) -> Result<Server> {
    let mut server = Server::make_ruled(PROFILES, RULES)?;
    let config = fs::read_to_string(server.config())?;
    let more = format!(
        "[mail]\nurl = \"smtp://{}\"\nfrom = \"ca@example.com\"\ntimeout = \"2s\"\n\n[recovery]\nwait = \"{wait}\"\n",
        smtp.address()
    );
    fs::write(server.config(), format!("public_url = \"{URL}\"\n{config}\n{more}"))?;
    server.serve()?;
    Ok(server)
}

/// Waits for a mail to somebody that says this.
fn mail(smtp: &Smtp, to: &str, words: &str) -> Result<Mail> {
    wait_until(&format!("a mail to {to} about {words}"), PATIENCE, || {
        let to = to.to_owned();
        Ok(smtp.mails().into_iter().find(|mail| mail.to.contains(&to) && mail.subject.contains(words)))
    })
}

/// A server of its own, ann, who lost everything, and officers.
struct Scene {
    server: Server,
    smtp: Smtp,
    api: Api,
    ann: Member,
    bo: Member,
    chen: Member,
}

impl Scene {
    async fn new(wait: &str) -> Result<Self> {
        let smtp = Smtp::start()?;
        let server = server(&smtp, wait)?;
        let api = Api::new(&server)?;
        let ann = Member::engineer(&server, &api, "ann").await?;
        let bo = Member::officer(&server, &api, "bo").await?;
        let chen = Member::officer(&server, &api, "chen").await?;
        Ok(Self { server, smtp, api, ann, bo, chen })
    }

    /// Has bo open a recovery of an account, and gives its id.
    async fn opened(&self, user: &str) -> Result<String> {
        let vote = vote(&self.bo, new_id(RecoveryId::from_parts)?, user)?;
        accepted(send(&self.api, &self.bo, "/v1/recoveries", &vote).await?, "open")?;
        Ok(vote.recovery.to_string())
    }

    /// Has bo open it and chen sign it.
    async fn signed(&self, user: &str) -> Result<String> {
        let id = self.opened(user).await?;
        accepted(self.sign(&self.chen, &id, user).await?, "due")?;
        Ok(id)
    }

    async fn sign(&self, officer: &Member, id: &str, user: &str) -> Result<Answered> {
        let vote = vote(officer, id.parse()?, user)?;
        send(&self.api, officer, &format!("/v1/recoveries/{id}/votes"), &vote).await
    }

    async fn act(&self, who: &Member, id: &str, what: &str) -> Result<Answered> {
        let path = format!("/v1/recoveries/{id}/{what}");
        self.api.call(&who.token, Method::POST, &path, &json!({})).await
    }

    /// Asks to finish until the wait is over, and gives the invitation.
    async fn finished(&self, officer: &Member, id: &str) -> Result<String> {
        let begun = std::time::Instant::now();
        loop {
            let (status, answer) = self.act(officer, id, "finish").await?;
            if status == 200 {
                return Ok(answer["token"].as_str().context("a token")?.to_owned());
            }
            let waits = status == 409 && problem(&answer) == "recovery-waits";
            ensure!(waits && begun.elapsed() < PATIENCE, "{status} {answer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Gives where a recovery stands, as the officers see it.
    async fn look(&self, id: &str) -> Result<Value> {
        let (status, list) =
            self.api.call(&self.bo.token, Method::GET, "/v1/recoveries", &Value::Null).await?;
        ensure!(status == 200, "{status} {list}");
        let all = list["recoveries"].as_array().context("a list")?;
        all.iter().find(|recovery| recovery["id"] == id).cloned().context("the recovery")
    }

    /// Stops the server, and lets the real `ca audit verify` go through the log.
    fn audit(mut self) -> Result<()> {
        self.server.stop()?;
        countersign_tests::journey::verify(&self.server, &self.ann.person)
    }
}

/// Writes what an officer signs in favour of a recovery.
fn vote(officer: &Member, recovery: RecoveryId, user: &str) -> Result<Vote> {
    Ok(Vote {
        authority: ORIGIN.parse().ok().context("an origin")?,
        id: new_id(ApprovalId::from_parts)?,
        recovery,
        user: user.parse()?,
        officer: officer.name.parse()?,
        verdict: Verdict::Approve,
        reason: "met in person, passport seen".parse()?,
    })
}

async fn send(api: &Api, officer: &Member, path: &str, vote: &Vote) -> Result<Answered> {
    let signed = officer.key.sign_text(NAMESPACE, vote.to_text());
    let body = json!({ "text": signed.request, "signature": signed.signature });
    api.call(&officer.token, Method::POST, path, &body).await
}

fn refused((status, answer): Answered, expected: u16, kind: &str) -> Result<Value> {
    ensure!(status == expected && problem(&answer) == kind, "{expected} {kind}: {status} {answer}");
    Ok(answer)
}

fn accepted((status, answer): Answered, state: &str) -> Result<Value> {
    ensure!(status == 200 && answer["state"] == state, "200 {state}: {status} {answer}");
    Ok(answer)
}

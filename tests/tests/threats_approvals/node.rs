//! A server in this process, and people who ask and approve by its own functions: quicker than over HTTP, and closer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::{Approval, KEY_NAMESPACE, NAMESPACE, RequestHash, SigningKey, Verdict};
use ca_core::log::event::{SignedApproval, What};
use ca_core::names::{ApprovalId, RequestId};
use ca_core::policy::{self, Factor, FactorKind, Purpose, Source};
use ca_core::time::UnixSeconds;
use ca_server::accounts::NewAccount;
use ca_server::accounts::own::Owner;
use ca_server::app::SharedApp;
use ca_server::approvals;
use ca_server::config::Config;
use ca_server::issue::{Answer, issue};
use ca_server::ledger::{Draft, Tasks};
use ca_server::login::Session;
use ca_server::secret::Secret;
use ca_server::start;
use ca_server::store::{RequestRow, RequestState};
use countersign_tests::approvals::RULES;
use countersign_tests::person::new_password;
use countersign_tests::process::run;
use countersign_tests::programs::program;
use countersign_tests::requests::{Key, new_id, request};
use countersign_tests::server::{ORIGIN, Server};

/// How many requests wait at once; fewer than one account may have.
pub(crate) const BATCH: usize = 20;

/// A node of this process, and the two people of every race.
pub(crate) struct Node {
    pub(crate) app: SharedApp,
    tasks: Tasks,
}

pub(crate) struct People {
    pub(crate) ann: Session,
    pub(crate) bo: Session,
    pub(crate) key: Key,
}

pub(crate) fn now() -> Result<UnixSeconds> {
    Ok(UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()))
}

pub(crate) fn source() -> Result<Source> {
    Ok(Source { ip: "127.0.0.1".parse()?, user_agent: None })
}

/// Makes an authority with a policy by the real `ca-server init`.
pub(crate) fn authority(policy: &str) -> Result<Server> {
    Server::make_ruled(policy, RULES)
}

impl Node {
    pub(crate) async fn start(config: Config) -> Result<Self> {
        let (app, tasks) = Box::pin(start::app(config)).await?;
        Ok(Self { app, tasks })
    }

    pub(crate) async fn stop(self) {
        self.app.ledger.close();
        self.tasks.finished().await;
        self.app.login.close().await;
    }

    /// Makes an account, and records a login of it.
    async fn member(&self, name: &str, group: &str) -> Result<Session> {
        let new = NewAccount {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
            groups: vec![group.to_owned()],
            person: None,
            password: Secret::new(new_password()?),
        };
        let user = self.app.accounts.add(&new, "console").await?.user;
        let id = format!("session-{name}");
        let login = What::LoginSucceeded {
            user: user.name.clone(),
            email: user.email.clone(),
            session: id.clone(),
            purpose: Purpose::Access,
            factors: vec![FactorKind::Totp],
            source: source()?,
        };
        self.app.ledger.append(Draft::Event(login)).await?;
        let factors = vec![Factor { kind: FactorKind::Totp, at: now()? }];
        Ok(Session {
            user_id: user.id.clone(),
            user: user.into(),
            purpose: Purpose::Access,
            login: policy::Session { id, factors, key: None },
            expires_at: now()?.plus_secs(3600),
        })
    }

    pub(crate) async fn people(&self) -> Result<People> {
        let (ann, bo) =
            (self.member("ann", "engineers").await?, self.member("bo", "security-officers").await?);
        let key = Key::new()?;
        let text = SigningKey {
            authority: self.app.keys.origin().clone(),
            id: new_id(ApprovalId::from_parts)?,
            user: bo.user.name.clone(),
            key: key.public().clone(),
        }
        .to_text();
        let signed = key.sign_text(KEY_NAMESPACE, text);
        let owner = Owner { session: &bo, source: &source()? };
        let proof = (signed.request.as_str(), signed.signature.as_str());
        self.app.accounts.add_signing_key(owner, self.app.keys.origin(), "key".parse()?, proof).await?;
        Ok(People { ann, bo, key })
    }

    /// Has a batch of requests wait.
    pub(crate) async fn ask(&self, people: &People) -> Result<Vec<RequestRow>> {
        let each = (0..BATCH).map(async |_| {
            let key = Key::new()?;
            let body = key.sign(&request(ORIGIN, "ann", "lab", &key)?);
            match issue(&self.app, &people.ann, source()?, body, None).await {
                Ok(Answer::Waiting(row)) => Ok(*row),
                other => anyhow::bail!("it does not wait: {other:?}"),
            }
        });
        futures_util::future::try_join_all(each).await
    }

    /// Signs what bo says.
    pub(crate) fn sign(&self, people: &People, row: &RequestRow) -> Result<(ApprovalId, SignedApproval)> {
        let approval = Approval {
            authority: self.app.keys.origin().clone(),
            id: new_id(ApprovalId::from_parts)?,
            request_hash: RequestHash::of(&row.request),
            request: row.id,
            policy: row.policy,
            approver: people.bo.user.name.clone(),
            verdict: Verdict::Approve,
            expires_at: row.expires_at,
            note: None,
        };
        let signed = people.key.sign_text(NAMESPACE, approval.to_text());
        Ok((approval.id, SignedApproval { text: signed.request, signature: signed.signature }))
    }

    /// Approves; tells whether that issued the certificate.
    pub(crate) async fn approve(&self, people: &People, row: &RequestRow) -> Result<bool> {
        let (_, said) = self.sign(people, row)?;
        let after = approvals::say(&self.app, (&people.bo, &source()?), row.id, said).await;
        Ok(after.is_ok_and(|row| matches!(row.state, RequestState::Issued | RequestState::Issuing)))
    }

    pub(crate) async fn state(&self, id: RequestId) -> Result<RequestRow> {
        approvals::advance(&self.app, id).await?.context("the request is gone")
    }

    /// Checks that a request is over, one way or the other, and tells whether it was issued.
    pub(crate) async fn settled(&self, id: RequestId) -> Result<bool> {
        let row = self.state(id).await?;
        match row.state {
            RequestState::Issued => ensure!(row.issued.is_some() && row.closed.is_none(), "{row:?}"),
            RequestState::Closed => ensure!(row.issued.is_none() && row.closed.is_some(), "{row:?}"),
            _ => anyhow::bail!("it is not over: {row:?}"),
        }
        Ok(row.state == RequestState::Issued)
    }
}

/// Lets the real `ca audit verify` go through the log, and counts the certificates of each request in it.
pub(crate) fn audit(server: &Server, expected: &BTreeMap<RequestId, bool>) -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut verify = Command::new(program("ca")?);
    verify.env("HOME", home.path()).env_remove("XDG_STATE_HOME").args(["audit", "verify"]);
    run(verify.arg(server.log_folder()).arg("--key").arg(server.log_key()))?;
    let log = journal(&server.log_folder().join("journal"))?;
    for (id, issued) in expected {
        let certificates = log.matches(&format!("\"request_id\":\"{id}\"")).count();
        ensure!(certificates == usize::from(*issued), "{id}: {certificates} certificates, issued: {issued}");
        let closed = log.contains(&format!("\"type\":\"request-closed\",\"pending_id\":\"{id}\""));
        ensure!(closed != *issued, "{id}: closed {closed}, issued {issued}");
    }
    Ok(())
}

fn journal(folder: &Path) -> Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(folder)? {
        text.push_str(&String::from_utf8_lossy(&fs::read(entry?.path())?));
    }
    Ok(text)
}

//! A server, an engineer with a session, and what both look like while nothing can be recorded.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_api::{IssuedCertificate, LoginChallenge};
use countersign_tests::client::Client;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::wire::{Reply, Wire};
use serde_json::json;

/// How often something is asked before it counts as never happening.
const TRIES: u32 = 600;

pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) wire: Wire,
    pub(crate) ann: Person,
    /// People who have not shown a code yet: a login that fails for want of the log uses its code up.
    others: Vec<Person>,
    pub(crate) token: String,
    pub(crate) certificates: Vec<IssuedCertificate>,
}

impl Scene {
    /// Sets up a scene in which everything can be denied this many times.
    pub(crate) async fn new(server: Server, denials: usize) -> Result<Self> {
        let other = |number: usize| Person::new(&server, &format!("other-{number}"), &["engineers"]);
        let others = (0..denials).map(other).collect::<Result<_>>()?;
        let ann = Person::new(&server, "ann", &["engineers", "auditors"])?;
        let mut client = Client::connect(&server).await?;
        client.login(&ann).await?;
        let token = client.token.context("a session")?;
        let wire = Wire::to(&server)?;
        let mut scene = Self { server, wire, ann, others, token, certificates: Vec::new() };
        scene.assert_works().await?;
        Ok(scene)
    }

    async fn ask(&self) -> Result<Reply> {
        let request = signed_request(ORIGIN, "ann", "dev")?;
        self.wire.post("/v1/certificates", Some(&self.token), &request).await
    }

    /// Asks for a certificate, which must come, and keeps it.
    pub(crate) async fn assert_works(&mut self) -> Result<()> {
        let reply = self.ask().await?;
        self.certificates.push(reply.json()?);
        self.readiness(200).await
    }

    /// Goes through everything that has to be recorded; nothing is granted, and each says when to come back (I10).
    pub(crate) async fn assert_denies(&mut self) -> Result<()> {
        let reply = self.ask().await?;
        reply.expect(503, "log-unavailable")?;
        assert_nothing_leaves(&reply)?;
        // The password alone grants nothing, and so need not be recorded.
        let other = self.others.pop().context("more denials than people")?;
        let first = json!({ "user": other.name, "password": other.password });
        let challenge: LoginChallenge = self.wire.post("/v1/login", None, &first).await?.json()?;
        let code = tokio::task::block_in_place(|| other.phone.code());
        let second = json!({ "challenge": challenge.challenge, "kind": "totp", "code": code });
        let reply = self.wire.post("/v1/login/factor", None, &second).await?;
        reply.expect(503, "unavailable")?;
        assert_nothing_leaves(&reply)?;
        self.readiness(503).await
    }

    /// Waits until the server says of itself that it is ready.
    pub(crate) async fn until_ready(&self) -> Result<()> {
        for _ in 0..TRIES {
            if self.readiness(200).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("it never becomes ready again:\n{}", self.server.output())
    }

    /// Checks what `/readyz` says.
    async fn readiness(&self, status: u16) -> Result<()> {
        let found = reqwest::get(format!("{}/readyz", self.server.metrics_url())).await?.status();
        ensure!(found == status, "/readyz says {found}, not {status}");
        Ok(())
    }
}

fn assert_nothing_leaves(reply: &Reply) -> Result<()> {
    ensure!(reply.header("retry-after").is_some(), "it does not say when to come back: {reply:?}");
    for granted in ["-cert-v01@openssh.com", "cs_s_", "tlog-proof"] {
        ensure!(!reply.text().contains(granted), "{granted} has left: {}", reply.text());
    }
    Ok(())
}

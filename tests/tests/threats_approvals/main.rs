//! A1–A5, A16, I5: what people can try with approvals, by real keys over HTTP, and what races do to them.

mod changed;
mod crash;
mod inert;
mod node;
mod notices;
mod people;
mod races;
mod reload;
mod restart;
mod sessions;

use anyhow::{Result, ensure};
use countersign_tests::api::{Answered, Api, problem};
use countersign_tests::approvals::{Member, server};
use countersign_tests::server::Server;
use serde_json::Value;

/// A server of its own, somebody who asks, and two who approve.
struct Scene {
    server: Server,
    api: Api,
    ann: Member,
    bo: Member,
    chen: Member,
}

impl Scene {
    async fn new() -> Result<Self> {
        Self::on(server()?).await
    }

    /// The same on a server that runs.
    async fn on(server: Server) -> Result<Self> {
        let api = Api::new(&server)?;
        let ann = Member::engineer(&server, &api, "ann").await?;
        let bo = Member::officer(&server, &api, "bo").await?;
        let chen = Member::officer(&server, &api, "chen").await?;
        Ok(Self { server, api, ann, bo, chen })
    }

    /// Stops the server, and lets the real `ca audit verify` go through the log.
    fn audit(mut self) -> Result<()> {
        self.server.stop()?;
        countersign_tests::journey::verify(&self.server, &self.ann.person)
    }
}

fn refused((status, answer): Answered, expected: u16, kind: &str) -> Result<Value> {
    ensure!(status == expected && problem(&answer) == kind, "{expected} {kind}: {status} {answer}");
    Ok(answer)
}

fn accepted((status, answer): Answered, state: &str) -> Result<Value> {
    ensure!(status == 200 && answer["state"] == state, "200 {state}: {status} {answer}");
    Ok(answer)
}

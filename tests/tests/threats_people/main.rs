//! What people can try with codes, accounts, requests and secrets in the wrong place.

mod canaries;
mod codes;
mod devices;
mod fixation;
mod names;
mod requests;
mod retries;
mod serials;
mod sessions;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use ca_api::LoginChallenge;
use countersign_tests::client::Client;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::shared::Shared;
use countersign_tests::wire::{Reply, Wire};
use serde_json::json;

static SERVER: Shared = Shared::new();

fn server() -> Result<Arc<Server>> {
    SERVER.get(Server::start)
}

/// Logs somebody in and gives the token.
async fn session(server: &Server, person: &Person) -> Result<String> {
    let mut client = Client::connect(server).await?;
    client.login(person).await?;
    client.token.context("a session")
}

/// Sends the first step of a login.
async fn first_step(wire: &Wire, user: &str, password: &str) -> Result<Reply> {
    wire.post("/v1/login", None, &json!({ "user": user, "password": password })).await
}

/// Gives a challenge for somebody.
async fn challenge(wire: &Wire, person: &Person) -> Result<String> {
    let reply = first_step(wire, &person.name, &person.password).await?;
    Ok(reply.json::<LoginChallenge>()?.challenge.0)
}

/// Sends the second step of a login.
async fn second_step(wire: &Wire, challenge: &str, code: &str) -> Result<Reply> {
    wire.post("/v1/login/factor", None, &json!({ "challenge": challenge, "kind": "totp", "code": code }))
        .await
}

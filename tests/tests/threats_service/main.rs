//! What hostile and clumsy clients can do to the service as such: nothing, and others get their certificates meanwhile.

mod attack;
mod connections;
mod first;
mod flood;
mod malformed;
mod openapi;
mod problems;
mod reading;
mod slow;
mod stop;
mod tls;
mod too_much;
mod witness;

use std::fs;
use std::sync::Arc;

use anyhow::Result;
use countersign_tests::process::run;
use countersign_tests::server::Server;
use countersign_tests::shared::Shared;

static SERVER: Shared = Shared::new();

/// Gives the server of these tests, which has little patience.
fn server() -> Result<Arc<Server>> {
    SERVER.get(|| impatient(&mut |_| Ok(())))
}

/// Starts a server with short limits, after something was done to its folder.
fn impatient(prepare: &mut dyn FnMut(&Server) -> Result<()>) -> Result<Server> {
    limited("head = \"1s\"\ncall = \"2s\"\nsilence = \"3s\"\n", prepare)
}

/// Starts a server with these limits, after something was done to its folder.
fn limited(limits: &str, prepare: &mut dyn FnMut(&Server) -> Result<()>) -> Result<Server> {
    let mut server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    let mut config = fs::read_to_string(server.config())?;
    config.push_str("\n[limits]\n");
    config.push_str(limits);
    config.push_str("\n[webauthn]\nurl = \"https://ca.example.com\"\n");
    fs::write(server.config(), config)?;
    prepare(&server)?;
    server.serve()?;
    Ok(server)
}

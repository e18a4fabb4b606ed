//! Revocation from end to end: an officer's word, the log, a KRL on a host, and what a real sshd makes of it.

mod disabled;
mod index;
mod refused;
mod sshd;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ca_core::krl::Krl;
use countersign_tests::http::{Connection, get, trust};
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::Server;
use countersign_tests::sshd::running_user;

/// Everybody may have a certificate for the account that the tests run as: that is the one sshd can let in to.
fn policy() -> Result<String> {
    Ok(format!(
        r#"
[profiles.dev]
description = "The account of the tests"
principals = ["{}"]
default_ttl = "1h"
max_ttl = "2h"
factors = ["totp"]
login_max_age = "12h"
extensions = ["permit-pty"]
"#,
        running_user()?
    ))
}

/// A server with an officer who is logged in.
struct Authority {
    server: Server,
    officer: Person,
}

impl Authority {
    fn start() -> Result<Self> {
        let server = Server::start_with(None, Some(&policy()?))?;
        let officer = Person::new(&server, "olga", &["security-officers"])?;
        officer.login()?;
        Ok(Self { server, officer })
    }

    /// Makes somebody who is logged in and has a certificate.
    fn engineer(&self, name: &str) -> Result<(Person, PathBuf)> {
        let person = Person::new(&self.server, name, &["engineers"])?;
        person.login()?;
        let key = person.new_key("id", &["ed25519"])?;
        person.request("dev", &key, &[])?;
        Ok((person, key))
    }

    /// Runs `ca revoke` as the officer.
    fn revoke(&self, args: &[&str]) -> Result<String> {
        let all = [&["revoke", "--reason", "lost laptop"], args].concat();
        run(&mut self.officer.ca(&all)?)
    }

    /// Fetches the KRL as a host does, which knows the log's key and no account.
    fn fetch(&self, file: &Path) -> Result<()> {
        let mut command = self.officer.ca(&["krl", "fetch"])?;
        command.arg(file).args(["--server", self.server.url(), "--log-key"]).arg(self.server.log_key());
        run(&mut command).map(drop)
    }

    /// Asks for a certificate again; gives the exit code and what was said.
    fn ask(person: &Person, key: &Path) -> Result<(Option<i32>, String)> {
        let asked = output(&mut person.ca(&["request", "dev", "--key", &key.to_string_lossy()])?)?;
        Ok((asked.status.code(), String::from_utf8_lossy(&asked.stderr).into_owned()))
    }
}

/// Gets the KRL that is served.
async fn served(server: &Server) -> Result<Krl> {
    let mut connection = Connection::open(server.url(), &trust(&server.tls_certificate())?).await?;
    let answer = connection.send(&get("/v1/krl")).await?;
    Krl::parse(&answer.body).with_context(|| format!("status {}", answer.status))
}

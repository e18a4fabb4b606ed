//! Somebody with an account, a phone, and a home of their own on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tempfile::TempDir;

use crate::process::run;
use crate::programs::program;
use crate::server::Server;
use crate::totp::Phone;

/// A user of one server, who has the real `ca`.
pub struct Person {
    /// The name of the account.
    pub name: String,
    /// The address, with which every key id opens.
    pub email: String,
    /// The password.
    pub password: String,
    /// The second factor.
    pub phone: Phone,
    home: PathBuf,
    agent: Option<PathBuf>,
    url: String,
    tls_certificate: PathBuf,
    /// Keeps the home until the person goes.
    temporary: Option<TempDir>,
}

/// What `ca-server user add --json` prints.
#[derive(Debug, Deserialize)]
struct Added {
    email: String,
    totp_secret: String,
}

impl Person {
    /// Makes an account on the server and a home in a folder that goes away with the person.
    pub fn new(server: &Server, name: &str, groups: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let password = new_password()?;
        let added = run(&mut add_command(server, name, groups, &password)?)?;
        let mut person = Self::at(server, name, password, &added, folder.path())?;
        person.temporary = Some(folder);
        Ok(person)
    }

    /// Takes up an account that [`add_command`] made, from what that printed.
    pub fn at(server: &Server, name: &str, password: String, added: &str, home: &Path) -> Result<Self> {
        let added: Added = serde_json::from_str(added).context("`user add --json` prints the account")?;
        Ok(Self {
            name: name.to_owned(),
            email: added.email,
            password,
            phone: Phone::new(&added.totp_secret)?,
            home: home.to_owned(),
            agent: None,
            url: server.url().to_owned(),
            tls_certificate: server.tls_certificate(),
            temporary: None,
        })
    }

    /// Lets `ca` find an agent.
    #[must_use]
    pub fn with_agent(mut self, socket: &Path) -> Self {
        self.agent = Some(socket.to_owned());
        self
    }

    /// Gives a path in the person's home.
    pub fn home(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Prepares the real `ca`, which sees this person's home and agent and nothing else of this machine.
    pub fn ca(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("ca")?);
        command.args(args).current_dir(&self.home).env_remove("SSH_AUTH_SOCK");
        command.env("HOME", &self.home);
        for (variable, folder) in
            [("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")]
        {
            command.env(variable, self.home.join(folder));
        }
        command.env("COUNTERSIGN_TLS_CA", &self.tls_certificate);
        if let Some(agent) = &self.agent {
            command.env("SSH_AUTH_SOCK", agent);
        }
        Ok(command)
    }

    /// Prepares `ca login` with the password and a fresh code.
    pub fn login_command(&self) -> Result<Command> {
        let mut command =
            self.ca(&["login", "--server", &self.url, "--user", &self.name, "--factor", "totp"])?;
        command.env("COUNTERSIGN_PASSWORD", &self.password).env("COUNTERSIGN_CODE", self.phone.code());
        Ok(command)
    }

    /// Logs in.
    pub fn login(&self) -> Result<()> {
        run(&mut self.login_command()?).map(drop)
    }

    /// Makes a key pair in the person's home with `ssh-keygen` and gives the path of the private half.
    pub fn new_key(&self, name: &str, kind: &[&str]) -> Result<PathBuf> {
        let path = self.home(name);
        let comment = format!("{}@laptop", self.name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-N", "", "-C", &comment, "-f"]).arg(&path).arg("-t").args(kind);
        run(&mut command)?;
        Ok(path)
    }

    /// Asks for a certificate for a key file and gives the path of the certificate, beside it.
    pub fn request(&self, profile: &str, key: &Path, more: &[&str]) -> Result<PathBuf> {
        let key_text = key.to_string_lossy();
        run(&mut self.ca(&[&["request", profile, "--key", &key_text], more].concat())?)?;
        Ok(PathBuf::from(format!("{key_text}-cert.pub")))
    }

    /// Gives what `ca inspect --json` says about a certificate file.
    pub fn inspect(&self, certificate: &Path) -> Result<serde_json::Value> {
        let json = run(&mut self.ca(&["inspect", &certificate.to_string_lossy(), "--json"])?)?;
        let mut reports: Vec<serde_json::Value> = serde_json::from_str(&json)?;
        reports.pop().context("no report")
    }
}

/// Prepares `ca-server user add`.
pub fn add_command(server: &Server, name: &str, groups: &[&str], password: &str) -> Result<Command> {
    let mut command = server.command(&["user", "add", name])?;
    command.args(["--email", &format!("{name}@example.com"), "--json"]);
    for group in groups {
        command.args(["--group", group]);
    }
    command.env("COUNTERSIGN_PASSWORD", password);
    Ok(command)
}

/// Invents a password that nobody else has.
pub fn new_password() -> Result<String> {
    Ok(format!("{:016x}-{:016x}", getrandom::u64()?, getrandom::u64()?))
}

//! A real `ca-server` process in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::bucket::Bucket;
use crate::ports;
use crate::process::{Running, run};
use crate::programs::{program, repository};

/// The origin of every test server's log.
pub const ORIGIN: &str = "ca.example.com/log";

/// The rules of servers with profiles of their own: everybody in the usual groups may have every one.
pub const RULES: &str = r#"
@id("engineers") permit (principal in Group::"engineers", action == Action::"request", resource);
@id("operators") permit (principal in Group::"operators", action == Action::"request", resource);
@id("automation") permit (principal in Group::"automation", action == Action::"request", resource);
@id("auditors") permit (principal in Group::"auditors", action == Action::"audit", resource);
@id("enrollers") permit (principal in Group::"host-enrollers", action == Action::"certify-host", resource);
@id("officers") permit (principal in Group::"security-officers", action, resource)
unless { action == Action::"request" };
"#;

/// A server with a folder, and a process while it runs.
pub struct Server {
    folder: PathBuf,
    bucket: Option<Bucket>,
    ports: [u16; 2],
    url: String,
    metrics_url: String,
    process: Option<Running>,
    environment: Vec<(String, String)>,
    /// Keeps the folder until the server goes.
    temporary: Option<TempDir>,
}

impl Server {
    /// Starts a new server that keeps its log in a folder.
    pub fn start() -> Result<Self> {
        Self::start_with(None, None)
    }

    /// Starts a new server, with the log in a bucket if one is given, and with other profiles than the sample's if given,
    /// which engineers, operators and automation may have.
    pub fn start_with(bucket: Option<Bucket>, profiles: Option<&str>) -> Result<Self> {
        let mut server = Self::make(bucket)?;
        run(&mut server.init_command()?)?;
        if let Some(profiles) = profiles {
            server.set_policy(profiles, RULES)?;
        }
        server.serve()?;
        Ok(server)
    }

    /// Makes a server with this policy, not started yet.
    pub fn make_ruled(profiles: &str, rules: &str) -> Result<Self> {
        let server = Self::make(None)?;
        run(&mut server.init_command()?)?;
        server.set_policy(profiles, rules)?;
        Ok(server)
    }

    /// Describes a server in a folder that goes away with it; nothing is made and nothing runs yet.
    pub fn make(bucket: Option<Bucket>) -> Result<Self> {
        let temporary = tempfile::tempdir()?;
        let mut server = Self::at(&temporary.path().join("server"), bucket)?;
        server.temporary = Some(temporary);
        Ok(server)
    }

    /// Describes a server in this folder; nothing is made and nothing runs yet.
    pub fn at(folder: &Path, bucket: Option<Bucket>) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            bucket,
            ports: [ports::free()?, ports::free()?],
            url: String::new(),
            metrics_url: String::new(),
            process: None,
            environment: Vec::new(),
            temporary: None,
        })
    }

    /// Gives every command of this server a variable of the environment.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Prepares `ca-server init`.
    pub fn init_command(&self) -> Result<Command> {
        let mut command = self.bare_command()?;
        command.args(["init", "--origin", ORIGIN, "--dir"]).arg(&self.folder);
        for (option, port) in ["--listen", "--metrics-listen"].into_iter().zip(self.ports) {
            command.args([option, &format!("127.0.0.1:{port}")]);
        }
        if let Some(bucket) = &self.bucket {
            command.args(bucket.init_options());
        }
        Ok(command)
    }

    /// Prepares a `ca-server` command that works on this server's configuration.
    pub fn command(&self, args: &[&str]) -> Result<Command> {
        let mut command = self.bare_command()?;
        command.args(args).arg("--config").arg(self.config());
        Ok(command)
    }

    fn bare_command(&self) -> Result<Command> {
        let mut command = Command::new(program("ca-server")?);
        command.current_dir(repository()).envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(bucket) = &self.bucket {
            command.env("AWS_ACCESS_KEY_ID", &bucket.key).env("AWS_SECRET_ACCESS_KEY", &bucket.secret);
        }
        Ok(command)
    }

    /// Prepares `ca-server serve`, which will write its addresses to the ready file.
    pub fn serve_command(&self) -> Result<Command> {
        let mut command = self.command(&["serve"])?;
        command.arg("--ready-file").arg(self.ready_file());
        Ok(command)
    }

    /// Starts the process and waits until it serves.
    pub fn serve(&mut self) -> Result<()> {
        let ready_file = self.ready_file();
        let _ = std::fs::remove_file(&ready_file);
        let mut process = Running::start("ca-server", &mut self.serve_command()?, &self.log_file())?;
        let (url, metrics_url) =
            process.wait_for("the server's ready file", Duration::from_secs(30), |_| {
                addresses(&std::fs::read_to_string(&ready_file).ok()?)
            })?;
        (self.url, self.metrics_url) = (url, metrics_url);
        self.process = Some(process);
        Ok(())
    }

    /// Kills the process as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Asks the process to end, and waits until what was in flight is finished.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let status = process.stop(Duration::from_secs(20))?;
        anyhow::ensure!(status.success(), "ca-server ended with {status}:\n{}", process.output());
        Ok(())
    }

    /// Gives the process.
    pub fn process(&self) -> Result<&Running> {
        self.process.as_ref().context("the server does not run")
    }

    /// Gives what the server has written, in all its runs.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Puts another policy without cases into the folder; a server that runs takes it up by itself.
    pub fn set_policy(&self, profiles: &str, rules: &str) -> Result<()> {
        let folder = self.policy();
        match std::fs::remove_file(folder.join("cases.toml")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::write(folder.join("profiles.toml"), profiles)?;
        Ok(std::fs::write(folder.join("rules.cedar"), rules)?)
    }

    /// Gives the folder of the policy.
    pub fn policy(&self) -> PathBuf {
        self.folder.join("policies")
    }

    /// Gives the address of the API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives the address of the listener for health and metrics.
    pub fn metrics_url(&self) -> &str {
        &self.metrics_url
    }

    /// Gives the folder that `init` filled.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// Gives the log's folder, when it is kept in one.
    pub fn log_folder(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Gives the file with the log's verifier key.
    pub fn log_key(&self) -> PathBuf {
        self.folder.join("log.vkey")
    }

    /// Gives the file with the CA's public key, for `TrustedUserCAKeys`.
    pub fn ca_key(&self) -> PathBuf {
        self.folder.join("ca_key.pub")
    }

    /// Gives the file with the CA's public key for hosts.
    pub fn host_ca_key(&self) -> PathBuf {
        self.folder.join("host_ca_key.pub")
    }

    /// Gives the certificate that clients trust the server by.
    pub fn tls_certificate(&self) -> PathBuf {
        self.folder.join("tls.crt")
    }

    /// Gives the bucket, when the log is kept in one.
    pub fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.join("ready")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}

/// Reads the two lines of a ready file; `None` while it is not complete.
fn addresses(text: &str) -> Option<(String, String)> {
    let mut lines = text.lines();
    let (url, metrics) = (lines.next()?, lines.next()?);
    Some((url.to_owned(), metrics.to_owned())).filter(|_| metrics.starts_with("http://"))
}

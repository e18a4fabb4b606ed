//! A real ssh-agent that ends with its owner.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::process::{Running, run};

/// An empty agent.
pub struct SshAgent {
    socket: PathBuf,
    _process: Running,
    _folder: TempDir,
}

impl SshAgent {
    /// Starts an agent.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("agent");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(&socket);
        let mut process = Running::start("ssh-agent", &mut command, &folder.path().join("log"))?;
        process.wait_for("the agent's socket", Duration::from_secs(5), |_| socket.exists().then_some(()))?;
        Ok(Self { socket, _process: process, _folder: folder })
    }

    /// Gives the socket, for `SSH_AUTH_SOCK`.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Gives what `ssh-add -L` lists.
    pub fn list(&self) -> Result<String> {
        run(Command::new("ssh-add").arg("-L").env("SSH_AUTH_SOCK", &self.socket))
    }
}

//! A real sshd on a port of its own, which trusts one CA.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::openssh::OpenSsh;
use crate::ports;
use crate::process::{Running, output, run};

/// An sshd that lets the running user in, with a certificate and nothing else.
pub struct Sshd {
    openssh: OpenSsh,
    folder: TempDir,
    account: String,
    port: u16,
    process: Running,
}

impl Sshd {
    /// Starts the system's sshd, trusting the CA whose public key is in this file.
    pub fn start(ca_key: &Path) -> Result<Self> {
        Self::start_of(OpenSsh::of_the_system(), ca_key)
    }

    /// Starts the sshd of one OpenSSH, which [`Sshd::ssh`] will then come from, too.
    pub fn start_of(openssh: OpenSsh, ca_key: &Path) -> Result<Self> {
        Self::start_with(openssh, ca_key, "")
    }

    /// Starts it with more lines of configuration.
    pub fn start_with(openssh: OpenSsh, ca_key: &Path, lines: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let account = running_user()?;
        let port = ports::free()?;
        let config = configure(&openssh, folder.path(), ca_key, port)?;
        File::options().append(true).open(&config)?.write_all(lines.as_bytes())?;
        let mut command = Command::new(openssh.program("sshd"));
        command.args(["-D", "-e", "-f"]).arg(&config);
        let mut process = Running::start("sshd", &mut command, &folder.path().join("sshd.log"))?;
        process.wait_for("sshd to listen", Duration::from_secs(10), |log| {
            log.contains("Server listening").then_some(())
        })?;
        Ok(Self { openssh, folder, account, port, process })
    }

    /// Gives the account that can be logged in to: the user we run as.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Gives the OpenSSH it is from.
    pub fn openssh(&self) -> &OpenSsh {
        &self.openssh
    }

    /// Gives the port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Gives the configuration it runs with.
    pub fn config(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("sshd_config"))?)
    }

    /// Gives the log, which sshd writes with `LogLevel VERBOSE`.
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// Prepares `ssh` to this sshd, with no other configuration or key than what is added.
    pub fn ssh(&self) -> Command {
        let mut command = Command::new(self.openssh.program("ssh"));
        command.args(["-F", "none", "-p", &self.port.to_string(), "-l", &self.account]);
        command.args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o"]);
        command.arg(format!("UserKnownHostsFile={}", self.folder.path().join("known_hosts").display()));
        command.env_remove("SSH_AUTH_SOCK");
        command
    }

    /// Prepares `ssh` with a key file and its certificate beside it.
    pub fn ssh_with_key(&self, key: &Path) -> Command {
        let mut command = self.ssh();
        command.args(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i"]).arg(key);
        command
    }

    /// Tries to log in with a key file from an address of the loopback network.
    pub fn try_login(&self, key: &Path, from: &str) -> Result<Output> {
        output(self.ssh_with_key(key).args(["-b", from, "127.0.0.1", "id", "-un"]))
    }

    /// Logs in with a key file, and gives the line that sshd logged about it.
    pub fn login(&self, key: &Path) -> Result<String> {
        let before = self.accepted().len();
        let who = run(self.ssh_with_key(key).args(["127.0.0.1", "id", "-un"]))
            .with_context(|| format!("sshd said:\n{}", self.log()))?;
        anyhow::ensure!(who.trim() == self.account, "logged in as {who}");
        self.accepted().into_iter().nth(before).context("sshd logged no accepted certificate")
    }

    /// Gives the lines about accepted certificates.
    pub fn accepted(&self) -> Vec<String> {
        let is_accepted = |line: &&str| line.contains("Accepted publickey") && line.contains("-CERT");
        self.log().lines().filter(is_accepted).map(|l| l.trim_end().to_owned()).collect()
    }
}

/// Gives the name of the user we run as.
pub fn running_user() -> Result<String> {
    Ok(run(Command::new("id").arg("-un"))?.trim().to_owned())
}

/// Writes a host key, the matching `known_hosts` and the configuration.
fn configure(openssh: &OpenSsh, folder: &Path, ca_key: &Path, port: u16) -> Result<PathBuf> {
    let sshd = openssh.program("sshd");
    if !sshd.exists() {
        bail!("{} is missing: `apt-get install openssh-server` (cargo xtask does it)", sshd.display());
    }
    let host_key = folder.join("host_key");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host_key))?;
    let public = fs::read_to_string(host_key.with_extension("pub"))?;
    fs::write(folder.join("known_hosts"), format!("[127.0.0.1]:{port} {public}"))?;
    let (host_key, ca_key) = (host_key.display(), fs::canonicalize(ca_key)?);
    let mut text = format!("Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\n");
    text += &["TrustedUserCAKeys ", &ca_key.to_string_lossy(), "\n"].concat();
    text +=
        "AuthorizedKeysFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n";
    text += "LogLevel VERBOSE\nPidFile none\n";
    text += &openssh.configuration();
    if rustix::process::geteuid().is_root() {
        text += "PermitRootLogin prohibit-password\n";
        // A privileged sshd confines its unprivileged half to this empty folder, and a boot makes it.
        fs::create_dir_all("/run/sshd")?;
    }
    let config = folder.join("sshd_config");
    fs::write(&config, text)?;
    Ok(config)
}

//! The OpenSSH of the system and, when `cargo xtask test` has fetched one, a newer one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::output;

/// Names the folder with a newer OpenSSH's `ssh`, `sshd`, `sshd-session`, `sshd-auth` and `ssh-keygen`.
pub const NEWER: &str = "COUNTERSIGN_OPENSSH";

/// One installation of OpenSSH.
#[derive(Clone, Debug)]
pub struct OpenSsh {
    folder: Option<PathBuf>,
}

impl OpenSsh {
    /// Takes the system's.
    pub fn of_the_system() -> Self {
        Self { folder: None }
    }

    /// Gives the system's and, if there is one, the newer; says so when there is none.
    pub fn all() -> Vec<Self> {
        let folder = std::env::var_os(NEWER).map(PathBuf::from);
        if folder.is_none() {
            eprintln!("only the system's OpenSSH: {NEWER} does not name a newer one");
        }
        let newer = folder.map(|folder| Self { folder: Some(folder) });
        std::iter::once(Self::of_the_system()).chain(newer).collect()
    }

    /// Gives what `ssh -V` says.
    pub fn version(&self) -> String {
        let said = output(Command::new(self.program("ssh")).arg("-V")).map(|o| o.stderr).unwrap_or_default();
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// Finds one of its programs; sshd insists on being called by an absolute path.
    pub fn program(&self, name: &str) -> PathBuf {
        match (&self.folder, name) {
            (Some(folder), _) => folder.join(name),
            (None, "sshd") => Path::new("/usr/sbin/sshd").to_owned(),
            (None, _) => Path::new(name).to_owned(),
        }
    }

    /// Gives the lines of sshd's configuration that it needs to find its own parts, and to go on listening to an
    /// address from which many logins fail.
    pub fn configuration(&self) -> String {
        let Some(folder) = &self.folder else { return String::new() };
        let folder = folder.display();
        format!(
            "SshdSessionPath {folder}/sshd-session\nSshdAuthPath {folder}/sshd-auth\nPerSourcePenalties no\n"
        )
    }
}

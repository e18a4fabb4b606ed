//! The real `ssh-keygen`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ca_core::ssh::{KeyKind, PublicKey};
use tempfile::TempDir;

/// A folder in which `ssh-keygen` works.
pub struct Keygen(TempDir);

impl Keygen {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs it, whatever comes of it.
    pub fn try_run(&self, arguments: &[&str]) -> Output {
        let output = Command::new("ssh-keygen").current_dir(self.0.path()).args(arguments).output();
        output.expect("ssh-keygen cannot be run: run cargo xtask test, it installs openssh-client")
    }

    /// Runs a shell command in the folder, for what `ssh-keygen` reads from its standard input.
    pub fn shell(&self, script: &str) -> Output {
        Command::new("sh").current_dir(self.0.path()).args(["-c", script]).output().unwrap()
    }

    /// Runs it and requires that it succeeds.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ssh-keygen {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a key pair in the file `name`.
    pub fn make(&self, name: &str, kind: KeyKind) -> PublicKey {
        let (algorithm, bits) = match kind {
            KeyKind::EcdsaP256 => ("ecdsa", "256"),
            KeyKind::EcdsaP384 => ("ecdsa", "384"),
            KeyKind::EcdsaP521 => ("ecdsa", "521"),
            KeyKind::Rsa => ("rsa", "3072"),
            _ => ("ed25519", "256"),
        };
        self.run(&["-q", "-t", algorithm, "-b", bits, "-N", "", "-C", "a comment", "-f", name]);
        self.read(&format!("{name}.pub")).parse().unwrap()
    }

    /// Signs the public key with the CA key in the file `ca`, and gives the certificate's line.
    pub fn certify(&self, ca: &str, public: &PublicKey, arguments: &[&str]) -> String {
        self.write("subject.pub", &format!("{public} comment\n"));
        let all = [&["-q", "-s", ca, "-I", "an id"], arguments, &["subject.pub"]].concat();
        self.run(&all);
        self.read("subject-cert.pub")
    }

    /// Makes an armoured SSHSIG over a text with `ssh-keygen -Y sign`.
    pub fn sign_text(&self, key: &str, namespace: &str, text: &str, hash: &str) -> String {
        let file = self.write("text", text);
        let _ = fs::remove_file(self.path("text.sig"));
        let option = format!("hashalg={hash}");
        self.run(&["-q", "-Y", "sign", "-f", key, "-n", namespace, "-O", &option, name_of(&file)]);
        self.read("text.sig")
    }
}

fn name_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

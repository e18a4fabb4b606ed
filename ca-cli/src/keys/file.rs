//! A key file: its private half, or the agent or security key that has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ca_core::ssh::PublicKey;
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;
use zeroize::Zeroizing;

use super::{Possession, armoured, private};
use crate::agent::Agent;
use crate::failure::{Failure, Result};
use crate::secrets;
use crate::state::io_failure;

/// A key named by its file.
pub(crate) struct KeyFile {
    certificate: PathBuf,
    public: PublicKey,
    signer: Signer,
}

/// Who signs.
enum Signer {
    /// The key is here.
    Here(Box<KeypairData>),
    /// The agent has it.
    Agent,
    /// The file only points to a security key, which `ssh-keygen` knows to ask.
    SecurityKey(PathBuf),
}

impl KeyFile {
    /// Opens a private key, or a public one whose private half the agent or a file beside it has.
    pub(crate) fn open(path: &Path, passphrase_fd: Option<u32>) -> Result<Self> {
        let text =
            Zeroizing::new(fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))?);
        if text.contains("PRIVATE KEY-----") {
            return Self::from_private(path, &text, passphrase_fd);
        }
        let public: PublicKey = text.parse().map_err(|error| {
            Failure::new("key", format!("{}: {error}", path.display()))
                .hint("Name a private key, or its .pub file.")
        })?;
        let stem = stem(path);
        if in_agent(&public)? {
            return Ok(Self { certificate: beside(&stem), public, signer: Signer::Agent });
        }
        let private = fs::read_to_string(&stem).map(Zeroizing::new).map_err(|_| {
            let what = format!(
                "neither ssh-agent nor {} has the private half of {}",
                stem.display(),
                path.display()
            );
            Failure::new("key", what).hint("Add it to the agent: ssh-add FILE")
        })?;
        Self::from_private(&stem, &private, passphrase_fd)
    }

    /// Reads the public half of a key file, private or not; nothing is unlocked.
    pub(crate) fn public_half(path: &Path) -> Result<PublicKey> {
        let text =
            Zeroizing::new(fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))?);
        let unfit = |error: &dyn std::fmt::Display| {
            Failure::new("key", format!("{}: {error}", path.display()))
                .hint("Name a private key in OpenSSH's format, or its .pub file.")
        };
        if !text.contains("PRIVATE KEY-----") {
            return text.parse().map_err(|error: ca_core::ssh::KeyError| unfit(&error));
        }
        let key = PrivateKey::from_openssh(text.as_str()).map_err(|error| unfit(&error))?;
        PublicKey::from_key_data(key.public_key().key_data().clone()).map_err(|error| unfit(&error))
    }

    fn from_private(path: &Path, text: &str, passphrase_fd: Option<u32>) -> Result<Self> {
        let parsed = PrivateKey::from_openssh(text).map_err(|_| {
            Failure::new("key", format!("{} is not a private key in OpenSSH's format", path.display()))
                .hint("An old PEM file is rewritten with: ssh-keygen -p -f FILE")
        })?;
        let public = PublicKey::from_key_data(parsed.public_key().key_data().clone())
            .map_err(|error| Failure::new("key", format!("{}: {error}", path.display())))?;
        let certificate = beside(path);
        if public.kind().is_security_key() {
            let signer =
                if in_agent(&public)? { Signer::Agent } else { Signer::SecurityKey(path.to_owned()) };
            return Ok(Self { certificate, public, signer });
        }
        if parsed.is_encrypted() && in_agent(&public)? {
            return Ok(Self { certificate, public, signer: Signer::Agent });
        }
        let key = if parsed.is_encrypted() { decrypt(&parsed, path, passphrase_fd)? } else { parsed };
        Ok(Self { certificate, public, signer: Signer::Here(Box::new(key.key_data().clone())) })
    }

    /// Gives the path of the certificate that belongs to the key: `FILE-cert.pub`, where ssh looks for it.
    pub(crate) fn certificate_path(&self) -> &Path {
        &self.certificate
    }
}

impl Possession for KeyFile {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, namespace: &'static str, text: &str) -> Result<String> {
        match &self.signer {
            Signer::Here(key) => {
                armoured(&self.public, (namespace, text), |message| private::sign(key, message))
            }
            Signer::Agent => {
                let mut agent = Agent::required()?;
                armoured(&self.public, (namespace, text), |message| agent.sign(&self.public, message))
            }
            Signer::SecurityKey(path) => by_ssh_keygen(path, namespace, text),
        }
    }
}

fn decrypt(key: &PrivateKey, path: &Path, fd: Option<u32>) -> Result<PrivateKey> {
    let passphrase = secrets::PASSPHRASE.read(fd, &format!("Passphrase of {}", path.display()))?;
    key.decrypt(passphrase.as_bytes())
        .map_err(|_| Failure::new("key", format!("that is not the passphrase of {}", path.display())))
}

fn in_agent(key: &PublicKey) -> Result<bool> {
    // An agent that does not answer is one that does not have it.
    let Some(mut agent) = Agent::from_env().ok().flatten() else { return Ok(false) };
    Ok(agent.identities()?.iter().any(|identity| identity.blob == key.blob()))
}

/// Lets `ssh-keygen` ask the security key; it prompts for PIN and finger on its own.
fn by_ssh_keygen(path: &Path, namespace: &str, text: &str) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new("key", format!("ssh-keygen did not sign with {}: {error}", path.display()))
            .hint("Is the security key plugged in? Or add it to the agent with ssh-add.")
    };
    let mut child = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        std::io::Write::write_all(&mut stdin, text.as_bytes()).map_err(|error| failed(&error))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(&error))
}

/// Takes `.pub` off a path.
pub(super) fn stem(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "pub") {
        path.with_extension("")
    } else {
        path.to_owned()
    }
}

/// Gives the path of the certificate of a private key.
pub(super) fn beside(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push("-cert.pub");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use ca_core::request::NAMESPACE;
    use ca_core::ssh::UnverifiedSshSig;

    use super::*;

    #[test]
    fn the_certificate_goes_beside_the_key() {
        assert_eq!(beside(&stem(Path::new("/k/id_ed25519.pub"))), Path::new("/k/id_ed25519-cert.pub"));
        assert_eq!(beside(&stem(Path::new("id.x"))), Path::new("id.x-cert.pub"));
    }

    #[test]
    fn keys_of_every_kind_prove_possession() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, bits) in [
            ("ed25519", "256"),
            ("ecdsa", "256"),
            ("ecdsa", "384"),
            ("ecdsa", "521"),
            ("rsa", "3072"),
            ("rsa", "4096"),
        ] {
            let path = folder.path().join(format!("{kind}{bits}"));
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-N", "", "-t", kind, "-b", bits, "-f"]).arg(&path);
            let Ok(status) = keygen.status() else { return };
            assert!(status.success());
            let mut key = KeyFile::open(&path, None).unwrap();
            let proof = UnverifiedSshSig::from_armoured(&key.prove("text").unwrap()).unwrap();
            proof.verify(key.public_key(), NAMESPACE, b"text").unwrap();
        }
    }
}

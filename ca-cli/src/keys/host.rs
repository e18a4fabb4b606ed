//! A host's key file: its public half, and its private one when that can be read.

use std::fs;
use std::path::{Path, PathBuf};

use ca_core::host_request::NAMESPACE;
use ca_core::ssh::PublicKey;
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;
use zeroize::Zeroizing;

use super::file::{beside, stem};
use super::{armoured, private};
use crate::failure::{Failure, Result};
use crate::state::io_failure;

/// A host's key named by its file.
pub(crate) struct HostKey {
    private: PathBuf,
    public: PublicKey,
    pair: Option<Box<KeypairData>>,
}

impl HostKey {
    /// Opens a private key, or a public one, beside which the private half is looked for.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let text =
            Zeroizing::new(fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))?);
        let private = stem(path);
        if text.contains("PRIVATE KEY-----") {
            let (public, pair) = read_private(&text).ok_or_else(|| {
                Failure::new("key", format!("{} is not a host's key in OpenSSH's format", path.display()))
                    .hint("sshd can use no key under a passphrase, nor can this. An old PEM file is rewritten with: ssh-keygen -p -f FILE")
            })?;
            return Ok(Self { private: path.to_owned(), public, pair: Some(pair) });
        }
        let public: PublicKey = text.parse().map_err(|error| {
            Failure::new("key", format!("{}: {error}", path.display()))
                .hint("Name a host's key, or its .pub file.")
        })?;
        // Only root can read it on a host, and elsewhere it is not: then the request goes without a proof.
        let pair = fs::read_to_string(&private).ok().and_then(|text| read_private(&Zeroizing::new(text)));
        let pair = pair.filter(|(of, _)| *of == public).map(|(_, pair)| pair);
        Ok(Self { private, public, pair })
    }

    /// Gives the public key.
    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Gives the path of the private key, at hand or not.
    pub(crate) fn path(&self) -> &Path {
        &self.private
    }

    /// Gives the path of the certificate that belongs to the key.
    pub(crate) fn certificate_path(&self) -> PathBuf {
        beside(&self.private)
    }

    /// Signs a request's text as the host; `None` when the private key is not at hand.
    pub(crate) fn prove(&self, request_text: &str) -> Result<Option<String>> {
        let Some(pair) = &self.pair else { return Ok(None) };
        armoured(&self.public, (NAMESPACE, request_text), |message| private::sign(pair, message)).map(Some)
    }
}

fn read_private(text: &str) -> Option<(PublicKey, Box<KeypairData>)> {
    let key = PrivateKey::from_openssh(text).ok().filter(|key| !key.is_encrypted())?;
    let public = PublicKey::from_key_data(key.public_key().key_data().clone()).ok()?;
    Some((public, Box::new(key.key_data().clone())))
}

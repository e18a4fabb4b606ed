//! The log's name and its key.

use ca_core::krl::{self, SignedKrl, SignedKrlError};
use ca_core::log::{Checkpoint, Hash, NoteSigner, Origin, SignedCheckpoint, VerifierKey};
use ca_core::ssh::SshSigError;

use super::LedgerError;

/// The name of a log and the Ed25519 key that signs its checkpoints and journal; not the CA's key.
#[derive(Debug)]
pub struct LogKeys {
    origin: Origin,
    signer: NoteSigner,
}

impl LogKeys {
    /// Takes the origin and the key's 32-byte seed; fails when the origin cannot name a key.
    pub fn new(origin: Origin, seed: &[u8; 32]) -> Result<Self, ca_core::log::key::KeyError> {
        let signer = NoteSigner::from_seed(origin.as_str(), seed)?;
        Ok(Self { origin, signer })
    }

    /// Gives the log's name.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Gives the public key.
    pub fn verifier(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    /// Signs a KRL, and holds the signature against the public key before anybody sees it.
    pub fn sign_krl(&self, krl: &[u8]) -> Result<String, SignedKrlError> {
        let signature = krl::sign(krl, &self.signer).map_err(SshSigError::from)?;
        let key = self.verifier().to_ssh().map_err(SshSigError::from)?;
        SignedKrl::verify(krl.to_vec(), &signature, &key)?;
        Ok(signature)
    }

    pub(super) fn signer(&self) -> &NoteSigner {
        &self.signer
    }

    /// Signs the tree head; only for a tree that the journal holds.
    pub(super) fn checkpoint(&self, size: u64, root: Hash) -> Result<SignedCheckpoint, LedgerError> {
        let head = Checkpoint::new(self.origin.clone(), size, root);
        head.sign(&self.signer).map_err(|error| LedgerError::Entry(error.to_string()))
    }
}

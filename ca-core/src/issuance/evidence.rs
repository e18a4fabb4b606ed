//! The proof of logging that travels inside a certificate.

use super::precert::Precert;
use crate::cert::Content;
use crate::log::checkpoint::Origin;
use crate::log::hash::leaf_hash;
use crate::log::key::VerifierKey;
use crate::log::leaf::{EntryType, Leaf};
use crate::log::merkle::MerkleError;
use crate::log::proof::{ProofError, UnverifiedProof};
use crate::time::UnixMillis;
use crate::wire::{Reader, Truncated, Writer};

/// What the name of the proof extension starts with; the host name of the log's origin follows.
pub(super) const EXTENSION_PREFIX: &str = "tlog-proof-v1@";

/// Gives the name of the extension that carries the proof: `tlog-proof-v1@` and the host name of the log's origin.
pub fn extension_name(origin: &Origin) -> String {
    let host = origin.as_str().split('/').next().unwrap_or_default();
    format!("{EXTENSION_PREFIX}{host}")
}

/// Why a certificate cannot be taken to be in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotLogged {
    /// There is more than one proof, or it is not in the format.
    #[error("the proof inside the certificate is malformed")]
    Malformed,
    /// The proof is not the one inside the certificate.
    #[error("the proof is not the one inside the certificate")]
    OtherCertificate,
    /// The proof is named for another log than the one that signed it.
    #[error("the proof extension {name:?} does not belong to the log {origin}")]
    OtherLog {
        /// The name of the extension.
        name: String,
        /// The origin in the proof's checkpoint.
        origin: String,
    },
    /// The serial must be the index of the entry.
    #[error("the certificate has serial {serial}, but its proof is for entry {index}")]
    SerialIsNotIndex {
        /// The certificate's serial.
        serial: u64,
        /// The index in the proof.
        index: u64,
    },
    /// The proof or its checkpoint does not verify with the log's key.
    #[error("the proof does not verify: {0}")]
    Proof(#[from] ProofError),
    /// The entry is not in the tree.
    #[error("the certificate is not in the log: {0}")]
    NotIncluded(#[from] MerkleError),
}

impl From<Truncated> for NotLogged {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// The proof extension's content, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvidence {
    /// The time of the entry.
    pub time: UnixMillis,
    /// The SHA-256 of the entry's event line.
    pub event_hash: [u8; 32],
    /// The C2SP tlog-proof text.
    pub proof: String,
}

impl LogEvidence {
    /// Finds the proof in a certificate's content; `None` when it carries none.
    pub fn of(content: &Content) -> Result<Option<Self>, NotLogged> {
        let mut found = content.extensions.iter().filter(|(name, _)| name.starts_with(EXTENSION_PREFIX));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((_, data)), None) => Self::from_extension_data(data).map(Some),
            (Some(_), Some(_)) => Err(NotLogged::Malformed),
        }
    }

    /// Writes the extension's data: `uint64` milliseconds, `string` event hash, `string` tlog-proof.
    pub(super) fn to_extension_data(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.proof.len() + 48);
        writer.u64(self.time.0).string(&self.event_hash).string(self.proof.as_bytes());
        writer.finish()
    }

    fn from_extension_data(data: &[u8]) -> Result<Self, NotLogged> {
        let mut reader = Reader::new(data);
        let time = UnixMillis(reader.u64()?);
        let event_hash = reader.string()?.try_into().map_err(|_| NotLogged::Malformed)?;
        let proof = std::str::from_utf8(reader.string()?).map_err(|_| NotLogged::Malformed)?.to_owned();
        if reader.is_empty() { Ok(Self { time, event_hash, proof }) } else { Err(NotLogged::Malformed) }
    }

    /// Verifies that the certificate with this content is in the log with this key.
    pub fn verify(&self, content: &Content, log_key: &VerifierKey) -> Result<VerifiedEvidence, NotLogged> {
        // Anybody can fill in the fields: what stands in the certificate counts, and only if it stands there alone.
        if Self::of(content)?.as_ref() != Some(self) {
            return Err(NotLogged::OtherCertificate);
        }
        let precert = Precert::of_certificate(content);
        let leaf = Leaf::new(EntryType::Certificate, self.time, Some(precert.bytes()), self.event_hash);
        let inclusion = UnverifiedProof::parse(&self.proof)?.verify(leaf_hash(&leaf.to_bytes()), log_key)?;
        let tree = inclusion.checkpoint().checkpoint();
        let name = extension_name(&tree.origin);
        if !content.extensions.contains_key(&name) {
            let found = content.extensions.keys().find(|k| k.starts_with(EXTENSION_PREFIX)).cloned();
            return Err(NotLogged::OtherLog {
                name: found.unwrap_or_default(),
                origin: tree.origin.to_string(),
            });
        }
        if inclusion.index() != content.serial {
            return Err(NotLogged::SerialIsNotIndex { serial: content.serial, index: inclusion.index() });
        }
        Ok(VerifiedEvidence {
            index: inclusion.index(),
            time: self.time,
            origin: tree.origin.clone(),
            tree_size: tree.size,
        })
    }
}

/// The proof that a certificate is in the log, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedEvidence {
    /// The entry's index.
    pub index: u64,
    /// The entry's time.
    pub time: UnixMillis,
    /// The log.
    pub origin: Origin,
    /// The size of the tree that the checkpoint in the proof speaks of.
    pub tree_size: u64,
}

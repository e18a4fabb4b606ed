//! The precert that is in the log, and the only way to get there.

use super::evidence::{LogEvidence, NotLogged, extension_name};
use super::precert::Precert;
use crate::cert::{CertError, CertKind, Certificate, Content};
use crate::log::checkpoint::SignedCheckpoint;
use crate::log::hash::{Hash, leaf_hash};
use crate::log::leaf::{EntryType, Leaf};
use crate::log::merkle::verify_inclusion;
use crate::log::proof::TlogProof;
use crate::ssh::{PublicKey, Signature};
use crate::time::UnixMillis;

/// Where the log says a precert is; nothing is believed until [`Precert::logged`] has checked it.
#[derive(Clone, Copy, Debug)]
pub struct Inclusion<'a> {
    /// The index of the entry.
    pub index: u64,
    /// The time of the entry.
    pub time: UnixMillis,
    /// The SHA-256 of the entry's event line.
    pub event_hash: [u8; 32],
    /// The inclusion proof, leaf's sibling first (RFC 6962 §2.1.1).
    pub proof: &'a [Hash],
}

impl Precert {
    /// Checks that exactly these bytes are in the log, and that the serial is the index.
    pub fn logged(
        self,
        at: Inclusion<'_>,
        checkpoint: &SignedCheckpoint,
    ) -> Result<LoggedPrecert, NotLogged> {
        if at.index != self.content().serial {
            return Err(NotLogged::SerialIsNotIndex { serial: self.content().serial, index: at.index });
        }
        let leaf = Leaf::new(EntryType::Certificate, at.time, Some(self.bytes()), at.event_hash);
        let tree = checkpoint.checkpoint();
        verify_inclusion(at.index, tree.size, leaf_hash(&leaf.to_bytes()), at.proof, tree.root)?;
        let proof = TlogProof {
            extra: None,
            index: at.index,
            hashes: at.proof.to_vec(),
            checkpoint: checkpoint.note().to_owned(),
        };
        let evidence = LogEvidence { time: at.time, event_hash: at.event_hash, proof: proof.to_string() };
        Ok(LoggedPrecert::new(&self, &extension_name(&tree.origin), &evidence))
    }
}

/// A precert that is in the log: the only thing a CA key signs (I1).
///
/// It is made by [`Precert::logged`] alone, and used up by [`LoggedPrecert::finish`].
#[derive(Debug)]
pub struct LoggedPrecert {
    content: Content,
    to_be_signed: Vec<u8>,
}

impl LoggedPrecert {
    fn new(precert: &Precert, extension: &str, evidence: &LogEvidence) -> Self {
        let data = evidence.to_extension_data();
        let to_be_signed = precert.content().to_be_signed(Some((extension, &data)));
        let mut content = precert.content().clone();
        content.extensions.insert(extension.to_owned(), data);
        Self { content, to_be_signed }
    }

    /// Gives the bytes for the CA key to sign: the precert with the proof inside.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// Gives whom the certificate will speak for, and so which CA key signs it.
    pub fn kind(&self) -> CertKind {
        self.content.kind
    }

    /// Gives the CA key that has to sign.
    pub fn ca(&self) -> &PublicKey {
        &self.content.ca
    }

    /// Adds the CA's signature; fails when it does not verify, so that a faulty signer's work never leaves (A14).
    pub fn finish(self, signature: &Signature) -> Result<Certificate, CertError> {
        Certificate::assemble(&self.content, &self.to_be_signed, signature)
    }
}

//! A KRL with a detached signature, which may come over any way.

use super::{Krl, KrlError, KrlVersion, MAX_BYTES};
use crate::log::NoteSigner;
use crate::ssh::{HashedMessage, KeyError, PublicKey, SshSigError, UnverifiedSshSig};

/// The SSHSIG namespace of a KRL; no other signature of the key can stand in for it.
pub const NAMESPACE: &str = "krl@countersign.v1";

/// The most bytes of an armoured signature.
const MAX_SIGNATURE_BYTES: usize = 16 * 1024;

/// Why a signed KRL is not to be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedKrlError {
    /// The KRL itself is refused.
    #[error(transparent)]
    Krl(#[from] KrlError),
    /// It is not signed by the right key for this purpose.
    #[error("the KRL's signature: {0}")]
    Signature(#[from] SshSigError),
    /// It is not newer than the one that is there.
    #[error("the KRL has version {found}, and version {installed} is here already")]
    NotNewer {
        /// Its version.
        found: KrlVersion,
        /// The version that is there.
        installed: KrlVersion,
    },
}

/// Gives what is signed of a KRL: [`HashedMessage::to_be_signed`] are the bytes for the key, and
/// [`HashedMessage::armour`] makes the file beside the KRL.
pub fn to_sign(krl: &[u8]) -> HashedMessage {
    HashedMessage::new(NAMESPACE, krl)
}

/// Signs a KRL with the key of the log, which every client has pinned; gives the file beside it.
pub fn sign(krl: &[u8], signer: &NoteSigner) -> Result<String, KeyError> {
    signer.sshsig(&to_sign(krl))
}

/// A KRL whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedKrl {
    krl: Krl,
    bytes: Vec<u8>,
}

impl SignedKrl {
    /// Verifies that `key` signed these very bytes as a KRL, and parses them.
    pub fn verify(bytes: Vec<u8>, signature: &str, key: &PublicKey) -> Result<Self, SignedKrlError> {
        if bytes.len() > MAX_BYTES {
            return Err(KrlError::TooLarge { bytes: bytes.len() }.into());
        }
        if signature.len() > MAX_SIGNATURE_BYTES {
            return Err(SshSigError::Malformed.into());
        }
        UnverifiedSshSig::from_armoured(signature)?.verify(key, NAMESPACE, &bytes)?;
        Ok(Self { krl: Krl::parse(&bytes)?, bytes })
    }

    /// Requires that it is newer than the installed one, so that nobody can bring back what an older one allowed.
    pub fn newer_than(&self, installed: KrlVersion) -> Result<(), SignedKrlError> {
        let found = self.krl.version();
        if found > installed { Ok(()) } else { Err(SignedKrlError::NotNewer { found, installed }) }
    }

    /// Gives what it revokes.
    pub fn krl(&self) -> &Krl {
        &self.krl
    }

    /// Gives the bytes to install.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

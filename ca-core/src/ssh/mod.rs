//! SSH public keys and signatures, reduced to what Countersign is willing to deal with.

mod key;
mod signature;
mod sshsig;

pub use key::{CertifiableKey, Fingerprint, FingerprintError, KeyError, KeyKind, PublicKey};
pub use signature::{Signature, SignatureError};
pub use sshsig::{HashedMessage, SshSigError, UnverifiedSshSig};

//! SSHSIG, the format of `ssh-keygen -Y sign` (OpenSSH PROTOCOL.sshsig).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{KeyError, PublicKey};
use super::signature::{Signature, SignatureError};
use crate::wire::{Reader, Truncated, Writer};

const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// Why an SSHSIG does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SshSigError {
    /// It is not an armoured SSHSIG of version 1 with SHA-256 or SHA-512.
    #[error("this is not an SSH signature as `ssh-keygen -Y sign` makes it")]
    Malformed,
    /// It was made for another purpose.
    #[error("the signature was made for {found:?}, not for {wanted:?}")]
    Namespace {
        /// The purpose it was made for.
        found: String,
        /// The purpose it has to be for.
        wanted: &'static str,
    },
    /// It was made by another key than the one it has to be by.
    #[error("the signature was made by another key")]
    OtherKey,
    /// The key inside is not one we accept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature itself does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl From<Truncated> for SshSigError {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// What an SSHSIG signs: a message's SHA-512 under a namespace.
#[derive(Clone, Debug)]
pub struct HashedMessage {
    namespace: &'static str,
    hash_name: &'static str,
    hash: Vec<u8>,
}

impl HashedMessage {
    /// Hashes a message for a purpose, with SHA-512 as `ssh-keygen` does by default.
    pub fn new(namespace: &'static str, message: &[u8]) -> Self {
        Self::with_hash(namespace, "sha512", message)
    }

    fn with_hash(namespace: &'static str, hash_name: &'static str, message: &[u8]) -> Self {
        use aws_lc_rs::digest::{SHA256, SHA512, digest};
        let algorithm = if hash_name == "sha256" { &SHA256 } else { &SHA512 };
        Self { namespace, hash_name, hash: digest(algorithm, message).as_ref().to_vec() }
    }

    /// Gives the bytes that the key signs.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(160);
        writer.raw(MAGIC).string(self.namespace.as_bytes()).string(b"");
        writer.string(self.hash_name.as_bytes()).string(&self.hash);
        writer.finish()
    }

    /// Wraps the key's signature over [`HashedMessage::to_be_signed`] into the armoured form.
    pub fn armour(&self, key: &PublicKey, signature: &Signature) -> String {
        let mut writer = Writer::with_capacity(512);
        writer.raw(MAGIC).u32(1).string(key.blob()).string(self.namespace.as_bytes()).string(b"");
        writer.string(self.hash_name.as_bytes()).string(&signature.to_bytes());
        let base64 = STANDARD.encode(writer.finish());
        let mut lines = vec![BEGIN];
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            // base64 is ASCII, so every index is a character boundary.
            let (line, tail) = rest.split_at(rest.len().min(70));
            lines.push(line);
            rest = tail;
        }
        lines.push(END);
        lines.join("\n") + "\n"
    }
}

/// A signature that was parsed and says who made it, not yet verified.
#[derive(Clone, Debug)]
pub struct UnverifiedSshSig {
    key: PublicKey,
    namespace: String,
    hash_name: &'static str,
    signature: Signature,
}

impl UnverifiedSshSig {
    /// Parses the armoured form.
    pub fn from_armoured(text: &str) -> Result<Self, SshSigError> {
        let body = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|t| t.strip_suffix(END))
            .ok_or(SshSigError::Malformed)?;
        let base64: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        Self::from_bytes(&STANDARD.decode(base64).map_err(|_| SshSigError::Malformed)?)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, SshSigError> {
        let mut reader = Reader::new(bytes);
        if reader.raw(MAGIC.len())? != MAGIC || reader.u32()? != 1 {
            return Err(SshSigError::Malformed);
        }
        let key = PublicKey::from_blob(reader.string()?)?;
        let namespace = String::from_utf8_lossy(reader.string()?).chars().take(80).collect();
        let _reserved = reader.string()?;
        let hash_name = match reader.string()? {
            b"sha256" => "sha256",
            b"sha512" => "sha512",
            _ => return Err(SshSigError::Malformed),
        };
        let signature = Signature::from_bytes(reader.string()?)?;
        if reader.is_empty() {
            Ok(Self { key, namespace, hash_name, signature })
        } else {
            Err(SshSigError::Malformed)
        }
    }

    /// Gives the key that it says it is by, to look up whose that is.
    pub fn unverified_key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies that `key` signed `message` for the purpose `namespace`.
    pub fn verify(
        &self,
        key: &PublicKey,
        namespace: &'static str,
        message: &[u8],
    ) -> Result<(), SshSigError> {
        if self.namespace != namespace {
            return Err(SshSigError::Namespace { found: self.namespace.clone(), wanted: namespace });
        }
        if self.key != *key {
            return Err(SshSigError::OtherKey);
        }
        let hashed = HashedMessage::with_hash(namespace, self.hash_name, message);
        Ok(self.signature.verify(key, &hashed.to_be_signed())?)
    }
}

//! The keys of signed notes: names, verifier keys and signers (C2SP signed-note, "Signatures").

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::hash::sha256;
use crate::ssh::{HashedMessage, PublicKey, Signature};
use crate::wire::Writer;

/// The signature type of Ed25519 (C2SP signed-note, "Signature types").
const ED25519_TYPE: u8 = 0x01;

/// A public key that may sign notes, in text `<name>+<key id>+<key>`: 8 hex digits and base64.
///
/// Name and key ID together identify it in a note; the key ID is derived from name and key, and parsing
/// checks that it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifierKey {
    name: String,
    key_id: u32,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// Names an Ed25519 public key (RFC 8032 §5.1.5, 32 bytes).
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key_id: key_id(name, &public_key), public_key })
    }

    /// The name, which a log also uses as its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key ID: a short identifier, not a commitment to the key.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The Ed25519 public key.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Gives the same key as SSH has it, for signatures in the form of `ssh-keygen -Y`.
    pub fn to_ssh(&self) -> Result<PublicKey, crate::ssh::KeyError> {
        let mut blob = Writer::with_capacity(51);
        blob.string(b"ssh-ed25519").string(&self.public_key);
        PublicKey::from_blob(&blob.finish())
    }

    /// Whether this is the key's signature over the text (RFC 8032 §5.1.7).
    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public_key).verify(text.as_bytes(), signature).is_ok()
    }
}

/// Checks a key name: not empty, no Unicode space, no plus, no control character (C2SP signed-note, "Format").
///
/// No stricter than that: a note by us must stay readable whatever names its other signatures bear.
pub(super) fn check_name(name: &str) -> Result<(), KeyError> {
    let forbidden = |c: char| c.is_whitespace() || c < ' ' || c == '+';
    if name.is_empty() || name.contains(forbidden) {
        return Err(KeyError::Name { name: name.chars().take(80).collect() });
    }
    Ok(())
}

/// Derives a key ID (C2SP signed-note, "Ed25519 signatures").
fn key_id(name: &str, public_key: &[u8; 32]) -> u32 {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &[ED25519_TYPE], public_key].concat());
    u32::from_be_bytes([a, b, c, d])
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // Base64 may contain a plus, name and key ID may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Format);
        };
        let encoded = STANDARD.decode(key).map_err(|_| KeyError::Format)?;
        let (algorithm, public_key) = encoded.split_first().ok_or(KeyError::Format)?;
        if *algorithm != ED25519_TYPE {
            return Err(KeyError::UnsupportedType { found: *algorithm });
        }
        let key = Self::new(name, public_key.try_into().map_err(|_| KeyError::Format)?)?;
        let expected = format!("{:08x}", key.key_id);
        if id == expected { Ok(key) } else { Err(KeyError::KeyId { expected }) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], self.public_key.as_slice()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, self.key_id)
    }
}

impl TryFrom<String> for VerifierKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<VerifierKey> for String {
    fn from(key: VerifierKey) -> Self {
        key.to_string()
    }
}

/// A private key that signs notes, kept in memory; the library that holds it erases it when it is dropped.
pub struct NoteSigner {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl NoteSigner {
    /// Takes up an Ed25519 private key (RFC 8032 §5.1.5: the 32-byte seed). The caller erases its own copy.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Rejected)?;
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Rejected)?;
        Ok(Self { verifier: VerifierKey::new(name, public_key)?, pair })
    }

    /// The public half, to be given to whoever verifies.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Makes an SSHSIG. What is signed begins with `SSHSIG` and has NUL bytes, so it can never pass for a note.
    pub(crate) fn sshsig(&self, message: &HashedMessage) -> Result<String, crate::ssh::KeyError> {
        let signature = Signature::new("ssh-ed25519", self.pair.sign(&message.to_be_signed()).as_ref());
        Ok(message.armour(&self.verifier.to_ssh()?, &signature))
    }

    /// Signs exactly this text (RFC 8032 §5.1.6): 64 bytes, the same for the same text.
    pub(super) fn signature(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteSigner").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// Reports a key or key name that cannot be used for notes. Never contains a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty or has a space, a plus or a control character.
    #[error("{name:?} is not a key name: it must not be empty or contain spaces, '+' or control characters")]
    Name {
        /// The name, cut to 80 characters.
        name: String,
    },
    /// The text is not `<name>+<key id>+<key>`.
    #[error("a verifier key looks like <name>+<8 hex digits>+<base64 of 33 bytes>")]
    Format,
    /// The key is of a kind other than Ed25519.
    #[error("signature type {found:#04x} is not supported, only Ed25519 (0x01) is")]
    UnsupportedType {
        /// The type byte found.
        found: u8,
    },
    /// The key ID does not belong to this name and key.
    #[error("the key ID does not belong to this name and key, which have {expected}")]
    KeyId {
        /// The key ID that name and key have.
        expected: String,
    },
    /// The cryptographic library did not accept the private key.
    #[error("the private key was rejected")]
    Rejected,
}

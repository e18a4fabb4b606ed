//! Sealing: secrets the server must be able to read are stored encrypted, each bound to its row.
//!
//! `version 1 ‖ key id (8) ‖ nonce (24) ‖ XChaCha20-Poly1305 ciphertext and tag`. The purpose, such as
//! `totp/<factor id>`, is authenticated with it: a seal moved to another row does not open.

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::ids::{self, NoRandomness};
use crate::secret_file::{self, SecretFileError};

/// The length of a sealing key in bytes.
pub const KEY_BYTES: usize = 32;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// Why a seal cannot be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The system has no randomness for the nonce.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The key that sealed it is not here.
    #[error("the secret was sealed with key {key_id}, which is not configured")]
    UnknownKey {
        /// The key's id in hexadecimal.
        key_id: String,
    },
    /// It was changed, cut short or moved to another row.
    #[error("the sealed secret is damaged or was moved")]
    Damaged,
}

/// A secret, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

struct Key {
    id: [u8; KEY_ID_BYTES],
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// Seals with one key, and opens what that key or an older one sealed.
pub struct Sealer {
    current: Key,
    older: Vec<Key>,
}

impl Sealer {
    /// Takes the key; the bytes must be random.
    pub fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { current: Key::new(key), older: Vec::new() }
    }

    /// Reads the key from its file of 32 bytes; refuses one that others can read (S3).
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        let bytes = secret_file::read(path)?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
            .map_err(|_| secret_file::content(path, "a sealing key file holds exactly 32 random bytes"))?;
        Ok(Self::new(Zeroizing::new(key)))
    }

    /// Adds a key that sealed before this one did, so that what it sealed still opens.
    #[must_use]
    pub fn with_older(mut self, older: Sealer) -> Self {
        self.older.push(older.current);
        self.older.extend(older.older);
        self
    }

    /// Seals a secret for one purpose.
    pub fn seal(&self, secret: &[u8], purpose: &str) -> Result<Sealed, SealError> {
        let nonce = ids::random::<NONCE_BYTES>()?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + secret.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.id);
        sealed.extend_from_slice(&nonce);
        let aad = associated_data(&sealed[..=KEY_ID_BYTES], purpose);
        let payload = Payload { msg: secret, aad: &aad };
        let ciphertext =
            self.current.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        sealed.extend_from_slice(&ciphertext);
        Ok(Sealed(sealed))
    }

    /// Opens a seal made for the same purpose.
    pub fn open(&self, sealed: &Sealed, purpose: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (header, ciphertext) = sealed.0.split_at_checked(HEADER_BYTES).ok_or(SealError::Damaged)?;
        let (versioned_id, nonce) = header.split_at(1 + KEY_ID_BYTES);
        if versioned_id[0] != VERSION {
            return Err(SealError::Damaged);
        }
        let key = self.key(&versioned_id[1..])?;
        let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| SealError::Damaged)?;
        let aad = associated_data(versioned_id, purpose);
        let payload = Payload { msg: ciphertext, aad: &aad };
        let opened = key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        Ok(Zeroizing::new(opened))
    }

    /// Computes a tag that only this server can: equal texts have equal tags, and a tag does not tell its text.
    pub fn tag(&self, purpose: &str, text: &str) -> [u8; 32] {
        let derived =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.current.bytes), purpose.as_bytes());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), text.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    fn key(&self, id: &[u8]) -> Result<&Key, SealError> {
        std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id == id)
            .ok_or_else(|| SealError::UnknownKey { key_id: hex::encode(id) })
    }
}

impl Key {
    fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut named = Zeroizing::new(b"countersign/sealing-key-id/v1".to_vec());
        named.extend_from_slice(&*bytes);
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest(&SHA256, &named).as_ref()[..KEY_ID_BYTES]);
        Self { id, bytes }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(key {})", hex::encode(self.current.id))
    }
}

fn associated_data(versioned_id: &[u8], purpose: &str) -> Vec<u8> {
    [b"countersign/sealed/", versioned_id, purpose.as_bytes()].concat()
}

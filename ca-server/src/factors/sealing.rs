//! Sealing: secrets the server must be able to read are stored encrypted, each bound to its row.
//!
//! `version 1 ‖ key id (8) ‖ nonce (24) ‖ XChaCha20-Poly1305 ciphertext and tag`. The purpose, such as
//! `totp/<factor id>`, is authenticated with it: a seal moved to another row does not open.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key_ring::{ID_BYTES as KEY_ID_BYTES, Key, KeyBytes};
use super::sealing_keys::SealingKeys;
use crate::ids::{self, NoRandomness};
use crate::secret_file::SecretFileError;

const VERSION: u8 = 1;
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
    /// The keys cannot be read from their file any more.
    #[error("the sealing keys cannot be read: {cause}")]
    KeyFile {
        /// Why.
        cause: String,
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

/// Seals with one key, and opens what that key or an older one sealed.
///
/// One that was read from a file follows it: it reads it before each seal, and when it meets a seal of a key it does not
/// know. So the key can change while the server runs.
pub struct Sealer {
    keys: RwLock<Arc<SealingKeys>>,
    file: Option<PathBuf>,
}

impl Sealer {
    /// Takes one key for seals and tags; the bytes must be random.
    pub fn new(key: KeyBytes) -> Self {
        Self { keys: RwLock::new(Arc::new(SealingKeys::of_one(key))), file: None }
    }

    /// Reads the keys from their file; refuses one that others can read (S3).
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        let keys = RwLock::new(Arc::new(SealingKeys::load(path)?));
        Ok(Self { keys, file: Some(path.to_owned()) })
    }

    /// Adds a key that sealed before this one did, so that what it sealed still opens.
    #[must_use]
    pub fn with_older(self, older: &Sealer) -> Self {
        let mut keys = (*self.keys()).clone();
        keys.ring.older.extend(older.keys().ring.keys().cloned());
        Self { keys: RwLock::new(Arc::new(keys)), file: self.file }
    }

    /// Gives the id of the key that seals.
    pub fn key_id(&self) -> [u8; KEY_ID_BYTES] {
        self.keys().ring.current.id
    }

    fn keys(&self) -> Arc<SealingKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the keys as they are in the file at this moment.
    ///
    /// Without the file nothing is sealed: what an older key seals after a rotation, nobody could open.
    fn newest(&self) -> Result<Arc<SealingKeys>, SealError> {
        let Some(path) = &self.file else { return Ok(self.keys()) };
        let read =
            SealingKeys::load(path).map_err(|error| SealError::KeyFile { cause: error.to_string() })?;
        let keys = Arc::new(read);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        Ok(keys)
    }

    /// Seals a secret for one purpose.
    pub fn seal(&self, secret: &[u8], purpose: &str) -> Result<Sealed, SealError> {
        let keys = self.newest()?;
        let key = &keys.ring.current;
        let nonce = ids::random::<NONCE_BYTES>()?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + secret.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        let aad = associated_data(&sealed[..=KEY_ID_BYTES], purpose);
        let payload = Payload { msg: secret, aad: &aad };
        let ciphertext =
            cipher(key).encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
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
        let opened = cipher(&key).decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?;
        Ok(Zeroizing::new(opened))
    }

    /// Computes a tag that only this server can: equal texts have equal tags, and a tag does not tell its text.
    ///
    /// Its key is never rotated, so tags stay what they are.
    pub fn tag(&self, purpose: &str, text: &str) -> [u8; 32] {
        let keys = self.keys();
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*keys.tags), purpose.as_bytes());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), text.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    fn key(&self, id: &[u8]) -> Result<Key, SealError> {
        if let Some(key) = self.keys().ring.find(id) {
            return Ok(key.clone());
        }
        let found = self.newest()?.ring.find(id).cloned();
        found.ok_or_else(|| SealError::UnknownKey { key_id: hex::encode(id) })
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*key.bytes).into())
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({:?})", self.keys().ring)
    }
}

fn associated_data(versioned_id: &[u8], purpose: &str) -> Vec<u8> {
    [b"countersign/sealed/", versioned_id, purpose.as_bytes()].concat()
}

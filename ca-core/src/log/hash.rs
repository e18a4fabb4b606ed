//! SHA-256 and the two ways a Merkle tree uses it (RFC 6962 §2.1).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The length of a [`struct@Hash`] in bytes.
pub const HASH_LEN: usize = 32;

// A leaf and an inner node never hash the same bytes, so neither can be passed off as the other.
const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// A SHA-256 value; its text form is standard base64 with padding, as in every C2SP format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(pub [u8; HASH_LEN]);

impl Hash {
    /// Borrows the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; HASH_LEN] {
        &self.0
    }

    /// Takes exactly 32 bytes, and nothing shorter or longer.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Computes SHA-256 without any prefix.
pub fn sha256(data: &[u8]) -> [u8; HASH_LEN] {
    to_array(&digest(&SHA256, data))
}

/// Computes the hash of a leaf (RFC 6962 §2.1: `SHA-256(0x00 || entry)`).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(entry);
    Hash(to_array(&context.finish()))
}

/// Computes the hash of an inner node (RFC 6962 §2.1: `SHA-256(0x01 || left || right)`).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [NODE_PREFIX; 1 + 2 * HASH_LEN];
    bytes[1..=HASH_LEN].copy_from_slice(&left.0);
    bytes[1 + HASH_LEN..].copy_from_slice(&right.0);
    Hash(sha256(&bytes))
}

/// Computes the root of the tree without leaves (RFC 6962 §2.1: the hash of nothing).
pub fn empty_root() -> Hash {
    Hash(sha256(&[]))
}

/// Reports text that is not the base64 of 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The text is not canonical base64 with padding (RFC 4648 §4).
    #[error("a hash must be standard base64 with padding")]
    NotBase64,
    /// The text is base64 of the wrong number of bytes.
    #[error("a hash must have 32 bytes, this one has {len}")]
    Length {
        /// The number of bytes found.
        len: usize,
    },
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashError::NotBase64)?;
        Self::from_slice(&bytes).ok_or(HashError::Length { len: bytes.len() })
    }
}

impl TryFrom<String> for Hash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

fn to_array(digest: &aws_lc_rs::digest::Digest) -> [u8; HASH_LEN] {
    let mut bytes = [0; HASH_LEN];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

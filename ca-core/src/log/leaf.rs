//! The leaf: the commitment to an event that the Merkle tree is built over.

use super::hash::sha256;
use crate::time::UnixMillis;

const DOMAIN: &[u8; 19] = b"countersign/leaf/v1";

/// The kind of an entry, as one byte of its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    /// Something that happened and issues nothing.
    Event,
    /// A certificate: its precert is committed to beside its event.
    Certificate,
}

impl EntryType {
    fn byte(self) -> u8 {
        match self {
            Self::Event => 1,
            Self::Certificate => 2,
        }
    }
}

/// A leaf: domain ‖ type ‖ milliseconds ‖ SHA-256 of the precert (or of nothing) ‖ SHA-256 of the event line.
///
/// From a certificate and one hash its leaf can be recomputed, without the event; and when an event is deleted
/// after its retention, the tree stays verifiable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    bytes: [u8; Self::LEN],
}

impl Leaf {
    /// The length of a leaf in bytes.
    pub const LEN: usize = 19 + 1 + 8 + 32 + 32;

    /// Commits to an event, by the hash of its line, and to a precert, by its bytes.
    pub fn new(kind: EntryType, time: UnixMillis, precert: Option<&[u8]>, event_hash: [u8; 32]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..19].copy_from_slice(DOMAIN);
        bytes[19] = kind.byte();
        bytes[20..28].copy_from_slice(&time.0.to_be_bytes());
        bytes[28..60].copy_from_slice(&sha256(precert.unwrap_or_default()));
        bytes[60..].copy_from_slice(&event_hash);
        Self { bytes }
    }

    /// Gives the bytes that are hashed into the tree and stored in entry bundles.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        self.bytes
    }
}

//! Entry bundles: up to 256 consecutive entries in one object (C2SP tlog-tiles, "Log entries").

use super::tile::{FULL_WIDTH, TileError};

/// Up to 256 entries in the encoding they are served in: each after its length as a big-endian `u16`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryBundle {
    bytes: Vec<u8>,
    len: u16,
}

impl EntryBundle {
    /// Reads a bundle, which must end where its last entry ends.
    pub fn parse(bytes: &[u8]) -> Result<Self, TileError> {
        let (mut rest, mut len) = (bytes, 0);
        while !rest.is_empty() {
            if len == FULL_WIDTH {
                return Err(TileError::BundleFull);
            }
            (_, rest) = split_entry(rest).ok_or(TileError::BundleCutShort { entry: len })?;
            len += 1;
        }
        Ok(Self { bytes: bytes.to_vec(), len })
    }

    /// Appends one entry of at most 65535 bytes.
    pub fn push(&mut self, entry: &[u8]) -> Result<(), TileError> {
        if self.len == FULL_WIDTH {
            return Err(TileError::BundleFull);
        }
        let prefix = length_prefix(entry)?;
        self.bytes.extend_from_slice(&prefix);
        self.bytes.extend_from_slice(entry);
        self.len += 1;
        Ok(())
    }

    /// The number of entries, 0 to 256.
    pub fn len(&self) -> u16 {
        self.len
    }

    /// Whether there is no entry yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The encoding, as it is stored and served.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The encoding, as it is stored and served, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The entries in order.
    pub fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (entry, after) = split_entry(rest)?;
            rest = after;
            Some(entry)
        })
    }
}

/// Encodes the length of an entry, and so checks that it can be put into a bundle.
pub(super) fn length_prefix(entry: &[u8]) -> Result<[u8; 2], TileError> {
    let len = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong { len: entry.len() })?;
    Ok(len.to_be_bytes())
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*prefix)))
}

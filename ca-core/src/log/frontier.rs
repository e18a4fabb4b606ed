//! The right edge of a tree: all that is needed to go on appending to it.

use super::hash::{Hash, empty_root, node_hash};

/// The largest tree this crate works with, in leaves; keeps every index and size calculation from overflowing.
pub const MAX_SIZE: u64 = u64::MAX >> 1;

/// The roots of the maximal perfect subtrees of a tree, from left (largest) to right.
///
/// A tree of `size` leaves has one such subtree for every bit set in `size`. They determine the root
/// (RFC 6962 §2.1), and nothing else of the old tree influences the roots of the larger trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// Makes the frontier of the tree without leaves.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Takes up a tree of `size` leaves from its stored subtree roots.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, FrontierError> {
        if size > MAX_SIZE {
            return Err(FrontierError::TooLarge { size });
        }
        let expected = size.count_ones() as usize;
        if hashes.len() != expected {
            return Err(FrontierError::Count { size, expected, found: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// Takes parts that the caller computed from a tree, so that their number is right.
    pub(super) fn trusted(size: u64, hashes: Vec<Hash>) -> Self {
        debug_assert_eq!(size.count_ones() as usize, hashes.len());
        Self { size, hashes }
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The subtree roots, from left (largest) to right.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends one leaf, given its hash.
    pub fn push(&mut self, leaf: Hash) {
        // Each low bit set is a perfect subtree as large as what has been gathered so far: merge the two.
        let merged = (0..self.size.trailing_ones()).fold(leaf, |right, _| match self.hashes.pop() {
            Some(left) => node_hash(&left, &right),
            None => right,
        });
        self.hashes.push(merged);
        self.size += 1;
    }

    /// Computes the root of the tree (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        fold_right(self.hashes.iter().copied()).unwrap_or_else(empty_root)
    }

    /// The root of the perfect subtree of `2^level` leaves, when `size` has that bit set.
    pub(super) fn subtree(&self, level: u32) -> Option<Hash> {
        let has_bit = self.size.checked_shr(level)? & 1 == 1;
        let larger = (self.size >> level >> 1).count_ones() as usize;
        has_bit.then(|| self.hashes.get(larger).copied()).flatten()
    }
}

/// The frontier of the tree over these leaf hashes.
impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::empty();
        for leaf in leaves {
            frontier.push(leaf);
        }
        frontier
    }
}

/// Hashes neighbouring subtrees of falling size into the root over all of them; `None` when there are none.
pub(super) fn fold_right(subtrees: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    subtrees.rev().reduce(|right, left| node_hash(&left, &right))
}

/// Reports parts that cannot be the frontier of a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontierError {
    /// The number of subtree roots does not fit the size.
    #[error("a tree of {size} leaves has {expected} perfect subtrees, {found} were given")]
    Count {
        /// The number of leaves.
        size: u64,
        /// The number of bits set in the size.
        expected: usize,
        /// The number of subtree roots given.
        found: usize,
    },
    /// The tree is larger than [`MAX_SIZE`].
    #[error("a tree of {size} leaves is larger than supported")]
    TooLarge {
        /// The number of leaves.
        size: u64,
    },
}

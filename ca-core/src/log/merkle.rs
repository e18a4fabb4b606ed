//! Verifying Merkle proofs: what clients, hosts and auditors run (RFC 6962 §2.1, RFC 9162 §2.1.3 and §2.1.4).
//!
//! A proof is a list of subtree roots. On the way from a leaf to the root the first ones lie left or right
//! of the path as the bits of the index say; from where the path runs along the right edge of the tree, all
//! of them lie to the left. `shape` computes how many there must be of either kind, so that a proof with
//! one hash too many or too few is refused before anything is hashed.

use super::hash::{Hash, node_hash};

/// Verifies that the leaf at `index` is in the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf_hash: Hash,
    proof: &[Hash],
    root: Hash,
) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::IndexOutOfTree { index, size });
    }
    let (inner, border) = shape(index, size);
    require_len(proof, inner + border)?;
    let (inner, border) = proof.split_at(inner);
    let computed = climb(leaf_hash, index, inner);
    require_root(size, along_right_edge(computed, border), root)
}

/// Verifies that the tree of `size1` leaves is the beginning of the tree of `size2` leaves (RFC 9162 §2.1.4.2).
///
/// From an empty tree everything follows, so `size1 == 0` proves nothing and is refused.
pub fn verify_consistency(
    size1: u64,
    size2: u64,
    root1: Hash,
    root2: Hash,
    proof: &[Hash],
) -> Result<(), MerkleError> {
    if size1 == 0 || size1 > size2 {
        return Err(MerkleError::Sizes { size1, size2 });
    }
    if size1 == size2 {
        require_len(proof, 0)?;
        return require_root(size2, root1, root2);
    }
    // The walk starts at the last perfect subtree of the old tree. When that is the whole old tree its root
    // is known, and the proof does not repeat it.
    let level = size1.trailing_zeros();
    let last = (size1 - 1) >> level;
    let (inner, border) = shape(size1 - 1, size2);
    let inner = inner - level as usize;
    let (start, rest) = if size1.is_power_of_two() {
        require_len(proof, inner + border)?;
        (root1, proof)
    } else {
        require_len(proof, 1 + inner + border)?;
        (proof[0], &proof[1..])
    };
    let (inner, border) = rest.split_at(inner);
    let old = along_right_edge(climb_left_only(start, last, inner), border);
    require_root(size1, old, root1)?;
    let new = along_right_edge(climb(start, last, inner), border);
    require_root(size2, new, root2)
}

/// Says how many hashes of an inclusion proof lie below the right edge, and how many along it.
fn shape(index: u64, size: u64) -> (usize, usize) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner as usize, border as usize)
}

fn climb(start: Hash, index: u64, proof: &[Hash]) -> Hash {
    proof.iter().enumerate().fold(start, |below, (level, sibling)| {
        if index >> level & 1 == 0 { node_hash(&below, sibling) } else { node_hash(sibling, &below) }
    })
}

/// Climbs as [`climb`] does, but within the old tree, where what lies to the right does not exist yet.
fn climb_left_only(start: Hash, index: u64, proof: &[Hash]) -> Hash {
    let left = proof.iter().enumerate().filter(|(level, _)| index >> level & 1 == 1);
    left.fold(start, |below, (_, sibling)| node_hash(sibling, &below))
}

fn along_right_edge(start: Hash, proof: &[Hash]) -> Hash {
    proof.iter().fold(start, |below, sibling| node_hash(sibling, &below))
}

fn require_len(proof: &[Hash], expected: usize) -> Result<(), MerkleError> {
    if proof.len() == expected {
        return Ok(());
    }
    Err(MerkleError::ProofLength { expected, found: proof.len() })
}

fn require_root(size: u64, computed: Hash, expected: Hash) -> Result<(), MerkleError> {
    if computed == expected {
        return Ok(());
    }
    Err(MerkleError::RootMismatch { size, computed, expected })
}

/// Reports why a proof does not prove, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MerkleError {
    /// The tree ends before the leaf.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    IndexOutOfTree {
        /// The index of the leaf, from 0.
        index: u64,
        /// The number of leaves.
        size: u64,
    },
    /// The old tree is empty, or larger than the new one.
    #[error("consistency cannot be proved from {size1} to {size2} leaves")]
    Sizes {
        /// The number of leaves of the old tree.
        size1: u64,
        /// The number of leaves of the new tree.
        size2: u64,
    },
    /// The proof has hashes too many or too few.
    #[error("the proof must have {expected} hashes, it has {found}")]
    ProofLength {
        /// The number of hashes that index and sizes require.
        expected: usize,
        /// The number of hashes given.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {computed} for {size} leaves, expected {expected}")]
    RootMismatch {
        /// The number of leaves of the tree whose root differs.
        size: u64,
        /// The root that the proof leads to.
        computed: Hash,
        /// The root that it should lead to.
        expected: Hash,
    },
    /// The source of hashes does not have one that a proof needs.
    #[error("the hash of subtree {index} at level {level} is not available")]
    MissingNode {
        /// The level of the subtree: it has `2^level` leaves.
        level: u32,
        /// Its index among the subtrees of that level, from 0.
        index: u64,
    },
}

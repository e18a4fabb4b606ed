//! Making Merkle proofs from stored hashes of complete subtrees (RFC 6962 §2.1.1 and §2.1.2).
//!
//! A proof is a list of ranges of leaves, each to be replaced by the root over it. Which ranges they are
//! depends on index and sizes only, so a caller can fetch all it needs before anything is computed:
//! [`inclusion_nodes`] and [`consistency_nodes`] tell.

use std::ops::Range;

use super::frontier::{MAX_SIZE, fold_right};
use super::hash::Hash;
use super::merkle::MerkleError;

/// A complete subtree: the one over the leaves `index << level .. (index + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The height above the leaves: the subtree has `2^level` of them.
    pub level: u32,
    /// The index among the subtrees of this level, from 0.
    pub index: u64,
}

/// Gives the hashes of complete subtrees, from memory, from tiles or from a batch in the making.
pub trait NodeSource {
    /// Returns the root of a complete subtree, or `None` when this source does not have it.
    fn node(&self, node: Node) -> Option<Hash>;
}

/// Makes the proof that the leaf at `index` is in the tree of `size` leaves (RFC 6962 §2.1.1).
pub fn inclusion_proof(index: u64, size: u64, source: &impl NodeSource) -> Result<Vec<Hash>, MerkleError> {
    inclusion_ranges(index, size)?.into_iter().map(|range| range_root(range, source)).collect()
}

/// Makes the proof that the tree of `size1` leaves is the beginning of that of `size2` (RFC 6962 §2.1.2).
pub fn consistency_proof(size1: u64, size2: u64, source: &impl NodeSource) -> Result<Vec<Hash>, MerkleError> {
    consistency_ranges(size1, size2)?.into_iter().map(|range| range_root(range, source)).collect()
}

/// Lists the complete subtrees that [`inclusion_proof`] will ask for.
pub fn inclusion_nodes(index: u64, size: u64) -> Result<Vec<Node>, MerkleError> {
    Ok(inclusion_ranges(index, size)?.into_iter().flat_map(perfect_subtrees).collect())
}

/// Lists the complete subtrees that [`consistency_proof`] will ask for.
pub fn consistency_nodes(size1: u64, size2: u64) -> Result<Vec<Node>, MerkleError> {
    Ok(consistency_ranges(size1, size2)?.into_iter().flat_map(perfect_subtrees).collect())
}

fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<Range<u64>>, MerkleError> {
    if index >= size || size > MAX_SIZE {
        return Err(MerkleError::IndexOutOfTree { index, size });
    }
    let (mut around, mut siblings) = (0..size, Vec::new());
    while around.end - around.start > 1 {
        let middle = split(&around);
        if index < middle {
            siblings.push(middle..around.end);
            around.end = middle;
        } else {
            siblings.push(around.start..middle);
            around.start = middle;
        }
    }
    siblings.reverse();
    Ok(siblings)
}

fn consistency_ranges(size1: u64, size2: u64) -> Result<Vec<Range<u64>>, MerkleError> {
    if size1 == 0 || size1 > size2 || size2 > MAX_SIZE {
        return Err(MerkleError::Sizes { size1, size2 });
    }
    let (mut around, mut ranges) = (0..size2, Vec::new());
    while around.end != size1 {
        let middle = split(&around);
        if size1 <= middle {
            ranges.push(middle..around.end);
            around.end = middle;
        } else {
            ranges.push(around.start..middle);
            around.start = middle;
        }
    }
    // Having never turned right, what is left over is the whole old tree, whose root the verifier knows.
    if around.start != 0 {
        ranges.push(around);
    }
    ranges.reverse();
    Ok(ranges)
}

/// Splits a range of two leaves or more where RFC 6962 does: at the largest power of two below its length.
fn split(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

fn range_root(range: Range<u64>, source: &impl NodeSource) -> Result<Hash, MerkleError> {
    let subtrees = perfect_subtrees(range.clone()).into_iter().map(|node| {
        source.node(node).ok_or(MerkleError::MissingNode { level: node.level, index: node.index })
    });
    let subtrees = subtrees.collect::<Result<Vec<_>, _>>()?;
    fold_right(subtrees.into_iter())
        .ok_or(MerkleError::IndexOutOfTree { index: range.start, size: range.end })
}

/// Cuts a range that [`split`] made into perfect subtrees, left (largest) to right.
///
/// Such a range starts at a multiple of its length rounded up to a power of two, so each of them is aligned.
fn perfect_subtrees(range: Range<u64>) -> Vec<Node> {
    let (mut start, mut nodes) = (range.start, Vec::new());
    while start < range.end {
        let level = (range.end - start).ilog2();
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

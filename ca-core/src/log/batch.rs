//! A batch on its way into the tree: the new root, and a proof for every new leaf.

use super::frontier::Frontier;
use super::hash::{Hash, empty_root, node_hash};
use super::prove::{Node, NodeSource};

/// A tree grown by a batch of leaves, holding every hash that a proof for one of them can need.
///
/// Making it costs one hash per new leaf (and one per level); every proof after that only copies hashes.
/// What lies left of the batch enters through the old [`Frontier`]: a new leaf's left sibling is either one
/// of its subtrees or built over new leaves.
#[derive(Debug, Clone)]
pub struct Batch {
    before: u64,
    size: u64,
    levels: Vec<Level>,
}

/// The nodes of one level, from the first that a proof can need (always an even one) to the right edge.
///
/// The last may be the root over an incomplete subtree: with no right sibling to pair with, it goes up a
/// level unchanged, which is exactly how RFC 6962 §2.1 splits a tree that is not perfect.
#[derive(Debug, Clone)]
struct Level {
    first: u64,
    nodes: Vec<Hash>,
}

impl Batch {
    /// Appends the leaves with these hashes to the tree that `before` is the frontier of.
    pub fn new(before: &Frontier, leaves: &[Hash]) -> Self {
        let size = before.size() + leaves.len() as u64;
        let height = size.checked_sub(1).map_or(0, |last| u64::BITS - last.leading_zeros());
        let mut levels = Vec::with_capacity(height as usize + 1);
        let mut rising = leaves.to_vec();
        for level in 0..=height {
            // An odd count of old subtrees means that the last of them is the first new one's left sibling.
            let nodes: Vec<Hash> = before.subtree(level).into_iter().chain(rising).collect();
            rising = nodes.chunks(2).map(pair).collect();
            levels.push(Level { first: (before.size() >> level) & !1, nodes });
        }
        Self { before: before.size(), size, levels }
    }

    /// The index of the batch's first leaf: the size of the tree before.
    pub fn first_index(&self) -> u64 {
        self.before
    }

    /// The number of leaves of the tree after.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree after.
    pub fn root(&self) -> Hash {
        let top = self.levels.last().and_then(|level| level.nodes.first());
        top.copied().unwrap_or_else(empty_root)
    }

    /// The frontier of the tree after, for the next batch to build on.
    pub fn after(&self) -> Frontier {
        let complete = |level: u32| Node { level, index: (self.size >> level).wrapping_sub(1) };
        let set = (0..u64::BITS).rev().filter(|level| self.size >> level & 1 == 1);
        let hashes = set.filter_map(|level| self.node(complete(level))).collect();
        Frontier::trusted(self.size, hashes)
    }

    /// The proof that the batch's leaf at `position` (from 0) is in the tree after; `None` past its end.
    pub fn proof(&self, position: usize) -> Option<Vec<Hash>> {
        let index = self.before.checked_add(position as u64).filter(|index| *index < self.size)?;
        let siblings = self.levels.iter().enumerate();
        Some(siblings.filter_map(|(level, nodes)| nodes.at((index >> level) ^ 1)).collect())
    }
}

/// Complete subtrees only, enough for the consistency proof from the tree before to the tree after.
impl NodeSource for Batch {
    fn node(&self, node: Node) -> Option<Hash> {
        let complete = node.index < self.size.checked_shr(node.level)?;
        let level = self.levels.get(node.level as usize)?;
        if complete { level.at(node.index) } else { None }
    }
}

impl Level {
    fn at(&self, index: u64) -> Option<Hash> {
        let position = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.nodes.get(position).copied()
    }
}

fn pair(nodes: &[Hash]) -> Hash {
    match nodes {
        [left, right] => node_hash(left, right),
        [alone, ..] => *alone,
        [] => empty_root(),
    }
}

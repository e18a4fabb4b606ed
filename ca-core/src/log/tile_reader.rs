//! The reader's side of tiles: which to fetch for a proof, and making the proof from them.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::read_tile;
use super::frontier::Frontier;
use super::hash::Hash;
use super::merkle::MerkleError;
use super::prove::{Node, NodeSource, consistency_nodes, inclusion_nodes};
use super::tile::{TileError, TileLevel, TilePath};

/// Tiles of one tree, fetched by the caller, as a source for proofs and roots.
///
/// Nothing here is authenticated: a proof made from tiles is as good as its verification against the root of
/// a verified checkpoint.
#[derive(Debug, Clone)]
pub struct TileReader {
    size: u64,
    tiles: BTreeMap<TilePath, Vec<Hash>>,
}

impl TileReader {
    /// Makes a reader for the tree of `size` leaves, without any tile yet.
    pub fn new(size: u64) -> Self {
        Self { size, tiles: BTreeMap::new() }
    }

    /// Lists the tiles that the proof of inclusion of the leaf at `index` needs.
    pub fn for_inclusion(&self, index: u64) -> Result<BTreeSet<TilePath>, MerkleError> {
        self.covering(inclusion_nodes(index, self.size)?)
    }

    /// Lists the tiles that the proof of consistency with the tree of `size1` leaves needs.
    pub fn for_consistency(&self, size1: u64) -> Result<BTreeSet<TilePath>, MerkleError> {
        self.covering(consistency_nodes(size1, self.size)?)
    }

    /// Adds a fetched tile, which must have the length that its path says.
    pub fn insert(&mut self, path: TilePath, bytes: &[u8]) -> Result<(), TileError> {
        self.tiles.insert(path, read_tile(&path, bytes)?);
        Ok(())
    }

    fn covering(&self, nodes: Vec<Node>) -> Result<BTreeSet<TilePath>, MerkleError> {
        let missing = |node: Node| MerkleError::MissingNode { level: node.level, index: node.index };
        nodes.into_iter().map(|node| self.locate(node).map(|at| at.tile).ok_or(missing(node))).collect()
    }

    fn locate(&self, node: Node) -> Option<Location> {
        let level = TileLevel::Hashes(u8::try_from(node.level / 8).ok()?);
        let height = node.level % 8;
        let first = node.index.checked_mul(1 << height)?;
        let tile = TilePath::in_tree(level, first / 256, self.size)?;
        Some(Location { tile, start: usize::try_from(first % 256).ok()?, count: 1 << height })
    }
}

/// Where the hashes that a subtree is made of are: `count` of them, from `start` of a tile.
struct Location {
    tile: TilePath,
    start: usize,
    count: usize,
}

impl NodeSource for TileReader {
    fn node(&self, node: Node) -> Option<Hash> {
        let Location { tile, start, count } = self.locate(node)?;
        let hashes = self.tiles.get(&tile)?.get(start..start + count)?;
        Some(hashes.iter().copied().collect::<Frontier>().root())
    }
}

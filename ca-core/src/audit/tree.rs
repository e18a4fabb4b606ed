//! The tree that the entries make, and every object that follows from it.

use std::collections::BTreeMap;

use super::Flaw;
use super::checkpoint::check_root;
use crate::log::bundle::EntryBundle;
use crate::log::checkpoint::SignedCheckpoint;
use crate::log::edge::{Edge, TileObject};
use crate::log::frontier::Frontier;
use crate::log::hash::{HASH_LEN, Hash, leaf_hash};
use crate::log::tile::{TileError, TileLevel, TilePath};

/// The tree so far. It remembers the roots at the sizes it was asked about.
#[derive(Debug)]
pub struct Tree {
    frontier: Frontier,
    edge: Edge,
    /// Sizes whose roots are wanted, the next one last.
    wanted: Vec<u64>,
    /// The widest partial object of each level.
    partial: BTreeMap<TileLevel, TileObject>,
}

/// What came out of appending entries.
#[derive(Debug, Default)]
pub struct Grown {
    /// The roots at the sizes wanted that were reached, in order.
    pub roots: Vec<(u64, Hash)>,
    /// The tiles and entry bundles that are full now.
    pub full: Vec<TileObject>,
}

impl Tree {
    /// Starts empty; roots at these sizes will be wanted.
    pub fn new(mut wanted: Vec<u64>) -> Self {
        wanted.sort_unstable_by(|a, b| b.cmp(a));
        wanted.dedup();
        Self { frontier: Frontier::empty(), edge: Edge::empty(), wanted, partial: BTreeMap::new() }
    }

    /// Gives the number of entries.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Gives the frontier.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends entries.
    pub fn append<E: AsRef<[u8]>>(&mut self, leaves: &[E]) -> Result<Grown, TileError> {
        let mut grown = Grown::default();
        self.reach(&mut grown);
        for leaf in leaves {
            self.frontier.push(leaf_hash(leaf.as_ref()));
            self.reach(&mut grown);
        }
        for object in self.edge.append(leaves)? {
            if object.0.is_full() {
                self.partial.remove(&object.0.level());
                grown.full.push(object);
            } else {
                self.partial.insert(object.0.level(), object);
            }
        }
        Ok(grown)
    }

    /// Ends, and gives the partial objects at the right edge.
    pub fn finish(self) -> Vec<TileObject> {
        self.partial.into_values().collect()
    }

    fn reach(&mut self, grown: &mut Grown) {
        while self.wanted.last().is_some_and(|size| *size <= self.frontier.size()) {
            if self.wanted.pop() == Some(self.frontier.size()) {
                grown.roots.push((self.frontier.size(), self.frontier.root()));
            }
        }
    }
}

impl Grown {
    /// Holds a checkpoint against the roots that were reached; `None` when its size is not among them.
    pub fn check(&self, checkpoint: &SignedCheckpoint) -> Option<Result<(), Flaw>> {
        let reached = self.roots.binary_search_by_key(&checkpoint.size(), |(size, _)| *size).ok()?;
        Some(check_root(checkpoint, self.roots[reached].1))
    }
}

/// Holds a stored tile or bundle against the one that the entries make at the same place, which may be wider.
///
/// A partial object is right when it is the beginning of the wider one: of the same entries it was made earlier.
pub fn compare(stored: &[u8], path: &TilePath, made: &TileObject) -> Result<(), Flaw> {
    let expected = beginning(made, path.width()).unwrap_or_default();
    if stored == expected {
        return Ok(());
    }
    let differs = stored.iter().zip(expected).position(|(a, b)| a != b);
    Err(Flaw::Bytes { offset: differs.unwrap_or(stored.len().min(expected.len())) })
}

/// Gives the first `width` hashes or entries of an object; `None` when it has fewer.
fn beginning((path, bytes): &TileObject, width: u16) -> Option<&[u8]> {
    let width = usize::from(width);
    if path.level() != TileLevel::Entries {
        return bytes.get(..width * HASH_LEN);
    }
    let mut end = 0;
    for _ in 0..width {
        let length: [u8; 2] = bytes.get(end..end + 2)?.try_into().ok()?;
        end += 2 + usize::from(u16::from_be_bytes(length));
    }
    bytes.get(..end)
}

/// Reads the leaves out of a stored bundle, to stand in for a round that cannot be read.
pub fn leaves_of(bundle: &[u8]) -> Result<Vec<Vec<u8>>, TileError> {
    Ok(EntryBundle::parse(bundle)?.entries().map(<[u8]>::to_vec).collect())
}

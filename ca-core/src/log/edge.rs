//! The writer's side of tiles: from new entries to the objects that a grown log must serve.
//!
//! Tiles are derived and deterministic: whoever appends the same entries, in whatever batches, writes the
//! same bytes under the same names. That is why any node may write them, twice or after a crash.

use super::bundle::{EntryBundle, length_prefix};
use super::frontier::{Frontier, MAX_SIZE};
use super::hash::{HASH_LEN, Hash, leaf_hash};
use super::tile::{FULL_WIDTH, TileError, TileLevel, TilePath, hashes_at};

/// Levels that can hold a hash in a tree of at most [`MAX_SIZE`] leaves: 256^8 is more.
const LEVELS: u8 = 8;

/// The partial tiles and the partial entry bundle at the right edge of a tiled tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    bundle: EntryBundle,
    /// For each level, the hashes of its partial tile: always fewer than 256.
    tiles: [Vec<Hash>; LEVELS as usize],
}

/// An object to be stored under its path.
pub type TileObject = (TilePath, Vec<u8>);

impl Edge {
    /// Makes the edge of the tree without leaves.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Lists the objects that [`Edge::from_objects`] needs: the partial ones of a tree of `size` leaves.
    pub fn required(size: u64) -> Vec<TilePath> {
        all_levels().filter_map(|level| partial_tile(level, size)).collect()
    }

    /// Takes up a tree of `size` leaves from its partial objects, which `read` returns by path.
    ///
    /// The bytes are checked for form, and the entries against the leaf hashes, but not against a checkpoint:
    /// compare [`Edge::root`] with one that has been verified before writing on.
    pub fn from_objects(
        size: u64,
        mut read: impl FnMut(&TilePath) -> Option<Vec<u8>>,
    ) -> Result<Self, TileError> {
        if size > MAX_SIZE {
            return Err(TileError::TooLarge { size });
        }
        let mut edge = Self { size, ..Self::default() };
        for path in Self::required(size) {
            let bytes = read(&path).ok_or(TileError::Missing { path })?;
            match path.level() {
                TileLevel::Entries => edge.bundle = read_bundle(&path, &bytes)?,
                TileLevel::Hashes(level) => edge.tiles[usize::from(level)] = read_tile(&path, &bytes)?,
            }
        }
        edge.check_entries()?;
        Ok(edge)
    }

    /// Appends entries; returns the objects that a log of the new size must serve and one of the old did not.
    ///
    /// These are the tiles and bundles that became full on the way, and the partial ones at the new size.
    /// When an entry is too long (65535 bytes) nothing is appended.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Vec<TileObject>, TileError> {
        entries.iter().try_for_each(|entry| length_prefix(entry.as_ref()).map(drop))?;
        let (before, mut objects) = (self.size, Vec::new());
        for entry in entries {
            self.push(entry.as_ref(), &mut objects)?;
        }
        let grown = |level: &TileLevel| hashes_at(*level, before) != hashes_at(*level, self.size);
        let partial = all_levels().filter(grown).filter_map(|level| partial_tile(level, self.size));
        objects.extend(partial.map(|path| (path, self.encode(path.level()))));
        Ok(objects)
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Computes the frontier of the tree: the partial tiles hold all of its right edge.
    pub fn frontier(&self) -> Frontier {
        let perfect = self.tiles.iter().rev().flat_map(|tile| over(tile).hashes().to_vec());
        Frontier::trusted(self.size, perfect.collect())
    }

    /// Computes the root of the tree (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        self.frontier().root()
    }

    fn push(&mut self, entry: &[u8], full: &mut Vec<TileObject>) -> Result<(), TileError> {
        self.bundle.push(entry)?;
        self.size += 1;
        if self.bundle.len() == FULL_WIDTH {
            let path = last_full_tile(TileLevel::Entries, self.size)?;
            full.push((path, std::mem::take(&mut self.bundle).into_bytes()));
        }
        self.push_hash(leaf_hash(entry), full)
    }

    /// Adds a leaf hash, and the root over each tile that it fills to the level above.
    fn push_hash(&mut self, leaf: Hash, full: &mut Vec<TileObject>) -> Result<(), TileError> {
        let mut hash = leaf;
        for (level, tile) in (0..LEVELS).map(TileLevel::Hashes).zip(&mut self.tiles) {
            tile.push(hash);
            if tile.len() < usize::from(FULL_WIDTH) {
                break;
            }
            hash = over(tile).root();
            full.push((last_full_tile(level, self.size)?, encode_tile(&std::mem::take(tile))));
        }
        Ok(())
    }

    fn encode(&self, level: TileLevel) -> Vec<u8> {
        match level {
            TileLevel::Entries => self.bundle.as_bytes().to_vec(),
            TileLevel::Hashes(level) => encode_tile(&self.tiles[usize::from(level)]),
        }
    }

    fn check_entries(&self) -> Result<(), TileError> {
        let mut pairs = self.bundle.entries().zip(&self.tiles[0]);
        let mismatch = pairs.position(|(entry, hash)| leaf_hash(entry) != *hash);
        match mismatch.zip(partial_tile(TileLevel::Entries, self.size)) {
            Some((entry, path)) => Err(TileError::EntryMismatch { path, entry }),
            None => Ok(()),
        }
    }
}

fn all_levels() -> impl Iterator<Item = TileLevel> {
    std::iter::once(TileLevel::Entries).chain((0..LEVELS).map(TileLevel::Hashes))
}

/// Names the partial tile of a level (C2SP tlog-tiles, "Partial Tiles"); `None` when all tiles are full.
fn partial_tile(level: TileLevel, size: u64) -> Option<TilePath> {
    let full = hashes_at(level, size) / u64::from(FULL_WIDTH);
    TilePath::in_tree(level, full, size)
}

/// Names the tile that the last leaf filled.
fn last_full_tile(level: TileLevel, size: u64) -> Result<TilePath, TileError> {
    let full = hashes_at(level, size) / u64::from(FULL_WIDTH);
    TilePath::new(level, full.saturating_sub(1), FULL_WIDTH)
}

/// Builds the tree whose leaves are the hashes of one tile: the subtree that the tile stands for.
fn over(hashes: &[Hash]) -> Frontier {
    hashes.iter().copied().collect()
}

fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Reads a tile of exactly the width that its path says.
pub(super) fn read_tile(path: &TilePath, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    if path.len_bytes() != Some(bytes.len()) {
        return Err(TileError::WrongLength { path: *path });
    }
    Ok(bytes.chunks_exact(HASH_LEN).filter_map(Hash::from_slice).collect())
}

/// Reads an entry bundle of exactly the width that its path says.
pub(super) fn read_bundle(path: &TilePath, bytes: &[u8]) -> Result<EntryBundle, TileError> {
    let bundle = EntryBundle::parse(bytes)?;
    if bundle.len() == path.width() { Ok(bundle) } else { Err(TileError::WrongLength { path: *path }) }
}

//! Names of the objects that carry the tree: Merkle tiles and entry bundles (C2SP tlog-tiles).
//!
//! A tile is up to 256 consecutive hashes of one level, an entry bundle up to 256 consecutive entries. Each
//! level of tiles summarises the one below: a hash at level L is the root over one *full* tile at level L-1.

use std::fmt;
use std::str::FromStr;

use super::hash::HASH_LEN;

/// The number of hashes in a full tile, and of entries in a full bundle (C2SP tlog-tiles, "Merkle Tree").
pub const FULL_WIDTH: u16 = 256;

/// The highest level that a tile path can name (C2SP tlog-tiles, "Merkle Tree").
pub const MAX_LEVEL: u8 = 63;

/// What an object holds: entries, or hashes of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileLevel {
    /// The log's entries themselves.
    Entries,
    /// Hashes, each over `256^level` leaves.
    Hashes(u8),
}

/// The name of a tile or entry bundle, relative to the log's prefix: `tile/<L>/<N>[.p/<W>]`.
///
/// Printing and parsing are exact inverses: every path has one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    level: TileLevel,
    index: u64,
    width: u16,
}

impl TilePath {
    /// Names the tile at `index` of a level when it holds `width` hashes or entries, 1 to 256.
    pub fn new(level: TileLevel, index: u64, width: u16) -> Result<Self, TileError> {
        if let TileLevel::Hashes(level @ 64..) = level {
            return Err(TileError::Level { level });
        }
        if !(1..=FULL_WIDTH).contains(&width) {
            return Err(TileError::Width { width });
        }
        Ok(Self { level, index, width })
    }

    /// Names the tile at `index` of a level as the tree of `size` leaves has it; `None` when it has none there.
    pub fn in_tree(level: TileLevel, index: u64, size: u64) -> Option<Self> {
        let before = index.checked_mul(u64::from(FULL_WIDTH))?;
        let width = hashes_at(level, size).checked_sub(before)?.min(u64::from(FULL_WIDTH));
        Self::new(level, index, u16::try_from(width).ok()?).ok()
    }

    /// What the object holds.
    pub fn level(&self) -> TileLevel {
        self.level
    }

    /// The index of the object within its level, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of hashes or entries, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether the object is full and will never be superseded by a wider one.
    pub fn is_full(&self) -> bool {
        self.width == FULL_WIDTH
    }

    /// The exact length of the object in bytes, for tiles of hashes; bundles have no fixed length.
    pub fn len_bytes(&self) -> Option<usize> {
        match self.level {
            TileLevel::Entries => None,
            TileLevel::Hashes(_) => Some(usize::from(self.width) * HASH_LEN),
        }
    }
}

/// Counts the entries, or the hashes of one level, that a tree of `size` leaves has: `floor(size / 256^level)`.
pub(super) fn hashes_at(level: TileLevel, size: u64) -> u64 {
    match level {
        TileLevel::Entries => size,
        TileLevel::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            TileLevel::Entries => write!(f, "tile/entries/")?,
            TileLevel::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        write_index(f, self.index / 1000)?;
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Writes all but the last group of three digits, so that no directory gets more than a thousand entries.
fn write_index(f: &mut fmt::Formatter<'_>, thousands: u64) -> fmt::Result {
    if thousands == 0 {
        return Ok(());
    }
    write_index(f, thousands / 1000)?;
    write!(f, "x{:03}/", thousands % 1000)
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        // Read loosely, then insist on the one spelling that printing gives.
        let path = read_path(text).filter(|path| path.to_string() == text);
        path.ok_or_else(|| TileError::Path { path: text.chars().take(80).collect() })
    }
}

fn read_path(text: &str) -> Option<TilePath> {
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let level = match level {
        "entries" => TileLevel::Entries,
        digits => TileLevel::Hashes(digits.parse().ok()?),
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok()?),
        None => (rest, FULL_WIDTH),
    };
    TilePath::new(level, read_index(index)?, width).ok()
}

fn read_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0_u64, |index, group| {
        let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(1000)?.checked_add(digits)
    })
}

/// Reports a tile, an entry bundle or a path of one that is not what C2SP tlog-tiles describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// The text is not a tile path in its one spelling.
    #[error("not a tile path: {path:?}")]
    Path {
        /// The text, cut to 80 characters.
        path: String,
    },
    /// The level is above [`MAX_LEVEL`].
    #[error("tile level {level} is above {MAX_LEVEL}")]
    Level {
        /// The level asked for.
        level: u8,
    },
    /// The width is not 1 to 256.
    #[error("tile width {width} is not 1 to {FULL_WIDTH}")]
    Width {
        /// The width asked for.
        width: u16,
    },
    /// An entry does not fit the two-byte length in front of it.
    #[error("an entry of {len} bytes is longer than 65535")]
    EntryTooLong {
        /// The length of the entry in bytes.
        len: usize,
    },
    /// A bundle already has 256 entries.
    #[error("an entry bundle has at most {FULL_WIDTH} entries")]
    BundleFull,
    /// A bundle ends within an entry or within its length.
    #[error("the entry bundle ends in the middle of entry {entry}")]
    BundleCutShort {
        /// The index of the entry within the bundle, from 0.
        entry: u16,
    },
    /// An object is not there.
    #[error("{path} is missing")]
    Missing {
        /// The name of the object.
        path: TilePath,
    },
    /// An object has the wrong number of hashes or entries for its name.
    #[error("{path} does not have {} hashes or entries", path.width())]
    WrongLength {
        /// The name of the object.
        path: TilePath,
    },
    /// An entry does not hash to what the level 0 tile says.
    #[error("entry {entry} of {path} does not match its leaf hash")]
    EntryMismatch {
        /// The name of the entry bundle.
        path: TilePath,
        /// The index of the entry within the bundle, from 0.
        entry: usize,
    },
    /// The tree is larger than this crate works with.
    #[error("a tree of {size} leaves is larger than supported")]
    TooLarge {
        /// The number of leaves.
        size: u64,
    },
}

//! The names of a log's objects.

use std::fmt;
use std::str::FromStr;

use crate::log::journal;
use crate::log::tile::TilePath;

/// The folder of checkpoints.
const CHECKPOINTS: &str = "checkpoints/";

/// Folders that a store uses for itself.
const IGNORED: [&str; 3] = ["probe/", "tmp/", "TMP/"];

/// An object of a log by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectName {
    /// The latest checkpoint.
    Checkpoint,
    /// The checkpoint of this size.
    Checkpoints(u64),
    /// The round that starts at this entry.
    Journal(u64),
    /// A tile or an entry bundle.
    Tile(TilePath),
    /// Something a store keeps for itself.
    Ignored,
}

/// A name that no object of a log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no object of a log has this name")]
pub struct Foreign;

/// Gives the key of the checkpoint of a size.
pub fn checkpoint_key(size: u64) -> String {
    format!("{CHECKPOINTS}{size:020}")
}

impl FromStr for ObjectName {
    type Err = Foreign;

    fn from_str(name: &str) -> Result<Self, Foreign> {
        if name == "checkpoint" {
            return Ok(Self::Checkpoint);
        }
        if IGNORED.iter().any(|folder| name.starts_with(folder)) {
            return Ok(Self::Ignored);
        }
        if let Some(size) = name.strip_prefix(CHECKPOINTS) {
            return numbered(size).map(Self::Checkpoints);
        }
        if let Some(first) = name.strip_prefix(journal::PREFIX) {
            return numbered(first).map(Self::Journal);
        }
        name.parse().map(Self::Tile).map_err(|_| Foreign)
    }
}

/// Reads exactly 20 digits.
fn numbered(text: &str) -> Result<u64, Foreign> {
    let number: u64 = text.parse().map_err(|_| Foreign)?;
    if format!("{number:020}") == text { Ok(number) } else { Err(Foreign) }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Checkpoints(size) => f.write_str(&checkpoint_key(*size)),
            Self::Journal(first) => f.write_str(&journal::object_key(*first)),
            Self::Tile(path) => path.fmt(f),
            Self::Ignored => f.write_str("(ignored)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_has_one_name() {
        for name in [
            "checkpoint",
            "checkpoints/00000000000000000007",
            "journal/00000000000000000000",
            "tile/entries/000.p/3",
            "tile/0/x001/234",
        ] {
            assert_eq!(name.parse::<ObjectName>().unwrap().to_string(), name);
        }
        for name in ["probe/x", "tmp/1", "TMP/LOCK"] {
            assert_eq!(name.parse(), Ok(ObjectName::Ignored));
        }
        for name in [
            "",
            "Checkpoint",
            "checkpoints/7",
            "journal/+0000000000000000001",
            "journal/x",
            "tile/0/1",
            "a/checkpoint",
        ] {
            assert_eq!(name.parse::<ObjectName>(), Err(Foreign), "{name}");
        }
    }
}

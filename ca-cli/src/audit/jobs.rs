//! Checks that do not depend on each other.

use ca_core::audit::{Case, Finding, Flaw, ObjectName, Opened, check_checkpoint, compare};
use ca_core::log::VerifierKey;
use ca_core::log::edge::TileObject;
use ca_core::log::hash::Hash;
use ca_core::log::tile::{FULL_WIDTH, TilePath};

use super::Objects;
use crate::failure::Result;

/// One check.
pub(super) enum Job<'a> {
    /// A decision is made again.
    Case(Case, &'a Opened),
    /// A tile or bundle, and the partial ones it grew from, are compared with what is stored.
    Tile(TileObject),
    /// The checkpoint of a size is compared with the root of the tree.
    Checkpoint(u64, Hash),
}

/// What the checks work on.
pub(super) struct Bench<'a> {
    pub(super) objects: &'a dyn Objects,
    pub(super) key: &'a VerifierKey,
    /// The size that everything must be there for.
    pub(super) published: u64,
}

impl Bench<'_> {
    /// Does one check.
    pub(super) fn run(&self, job: &Job<'_>) -> Result<Vec<Finding>> {
        match job {
            Job::Case(case, opened) => Ok(case.replay(opened)),
            Job::Tile(made) => self.tile(made),
            Job::Checkpoint(size, root) => self.checkpoint(*size, *root),
        }
    }

    fn checkpoint(&self, size: u64, root: Hash) -> Result<Vec<Finding>> {
        let name = ObjectName::Checkpoints(size).to_string();
        let flaw = match self.objects.get(&name)? {
            None => Some(Flaw::Missing),
            Some(bytes) => match check_checkpoint(&bytes, self.key) {
                Err(flaw) => Some(flaw),
                Ok(found) if found.size() != size => Some(Flaw::CheckpointName { found: found.size() }),
                Ok(found) if found.root() != root => {
                    Some(Flaw::Root { size, expected: root, found: found.root() })
                }
                Ok(_) => None,
            },
        };
        Ok(flaw.map(|flaw| Finding::object(name, flaw)).into_iter().collect())
    }

    /// Compares everything that is stored of one tile: the full one, and whatever partial ones are still there.
    fn tile(&self, made: &TileObject) -> Result<Vec<Finding>> {
        let (level, index) = (made.0.level(), made.0.index());
        let required = TilePath::in_tree(level, index, self.published);
        let mut paths = Vec::new();
        let Ok(full) = TilePath::new(level, index, FULL_WIDTH) else { return Ok(Vec::new()) };
        paths.extend(self.objects.partials(&full)?);
        paths.extend(required);
        if made.0.is_full() {
            paths.push(full);
        }
        paths.sort_unstable();
        paths.dedup();
        // What is wider than the tree was is judged by name alone.
        paths.retain(|path| path.width() <= made.0.width());
        let mut findings = Vec::new();
        let mut full_is_there = false;
        for path in paths.iter().rev() {
            match self.objects.get(&path.to_string())? {
                Some(stored) => {
                    full_is_there |= path.is_full();
                    findings.extend(
                        compare(&stored, path, made)
                            .err()
                            .map(|flaw| Finding::object(path.to_string(), flaw)),
                    );
                }
                // A partial one may go when the full one is there.
                None if Some(*path) == required && !full_is_there => {
                    findings.push(Finding::object(path.to_string(), Flaw::Missing));
                }
                None => {}
            }
        }
        Ok(findings)
    }
}

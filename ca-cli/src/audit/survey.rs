//! What a log has, by name, before anything is read.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_core::audit::{Finding, Flaw, ObjectName, check_checkpoint};
use ca_core::log::tile::{TileLevel, TilePath};
use ca_core::log::{SignedCheckpoint, VerifierKey};

use super::Objects;
use super::run::Earlier;
use crate::failure::{Failure, Result};

/// How often the latest checkpoint is read again when there are objects of later ones.
const CATCH_UP_TRIES: u32 = 20;

/// The pause before it is read again.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(100);

/// The objects of a log by name.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The latest checkpoint, if it can be believed.
    pub(super) latest: Option<SignedCheckpoint>,
    /// The sizes in `checkpoints/`, in order.
    pub(super) sizes: Vec<u64>,
    /// The first entries of the rounds in `journal/`, in order; `None` when they may not be read.
    pub(super) rounds: Option<Vec<u64>>,
    /// Whether the names of all objects could be seen.
    pub(super) walked: bool,
    /// Tiles that only a tree beyond the latest checkpoint has.
    ahead: Vec<TilePath>,
    /// What is wrong already.
    pub(super) findings: Vec<Finding>,
}

impl Survey {
    /// Lists a log that may grow meanwhile.
    ///
    /// The order makes sure of it: whatever is listed follows from something that is listed later.
    pub(super) fn take(objects: &dyn Objects, key: &VerifierKey) -> Result<Self> {
        let mut survey = Self::default();
        let checkpoint = objects.get("checkpoint")?;
        if let Some(bytes) = &checkpoint {
            match check_checkpoint(bytes, key) {
                Ok(latest) => survey.latest = Some(latest),
                Err(flaw) => survey.findings.push(Finding::object("checkpoint", flaw)),
            }
        }
        let published = survey.published();
        let walked = objects.walk(&mut |name| survey.see(name, published))?;
        survey.walked = walked;
        survey.sizes = survey.numbers(objects.list("checkpoints/")?, walked);
        survey.rounds = match objects.list("journal/") {
            Ok(names) => Some(survey.numbers(names, walked)),
            Err(failure) if matches!(failure.status(), 401 | 403) => {
                survey.leave_out_later(objects, key)?;
                None
            }
            Err(failure) => return Err(failure),
        };
        let nothing = survey.sizes.is_empty() && survey.rounds.as_ref().is_none_or(Vec::is_empty);
        match checkpoint {
            None if nothing => {
                Err(Failure::new("no-log", "there is no log here")
                    .hint("Is this the right folder or address?"))
            }
            None => {
                survey.findings.push(Finding::object("checkpoint", Flaw::Missing));
                Ok(survey)
            }
            Some(_) => Ok(survey),
        }
    }

    /// Leaves out the checkpoints that came after the one that was read, if the log has published them meanwhile.
    ///
    /// A checkpoint gets its own object just before it becomes the latest. With the journal it is known what it is
    /// about; without, the latest has to catch up with it.
    fn leave_out_later(&mut self, objects: &dyn Objects, key: &VerifierKey) -> Result<()> {
        let published = self.published();
        let Some(last) = self.sizes.last().copied().filter(|last| *last > published) else { return Ok(()) };
        for _ in 0..CATCH_UP_TRIES {
            let latest = objects.get("checkpoint")?.and_then(|bytes| check_checkpoint(&bytes, key).ok());
            if latest.is_some_and(|latest| latest.size() >= last) {
                self.sizes.retain(|size| *size <= published);
                return Ok(());
            }
            std::thread::sleep(CATCH_UP_PAUSE);
        }
        Ok(())
    }

    /// Gives the size that the latest checkpoint says the log has.
    pub(super) fn published(&self) -> u64 {
        self.latest.as_ref().map_or(0, SignedCheckpoint::size)
    }

    /// Tells whether there is a checkpoint object of this size.
    pub(super) fn has_size(&self, size: u64) -> bool {
        self.sizes.binary_search(&size).is_ok()
    }

    /// Lists the sizes at which the root matters.
    pub(super) fn sizes_wanted(&self, earlier: &[Earlier]) -> Vec<u64> {
        let earlier = earlier.iter().map(|earlier| earlier.checkpoint.size());
        self.sizes.iter().copied().chain(earlier).chain([self.published()]).collect()
    }

    /// Looks at a name that was found.
    fn see(&mut self, name: &str, published: u64) {
        match name.parse::<ObjectName>() {
            Ok(ObjectName::Tile(path)) if needs(&path).is_none_or(|size| size > published) => {
                self.ahead.push(path);
            }
            Ok(_) => {}
            Err(_) => self.findings.push(Finding::object(name, Flaw::Foreign)),
        }
    }

    /// Reads the numbers out of a listing; names that are none were reported if all names were seen.
    fn numbers(&mut self, names: Vec<String>, walked: bool) -> Vec<u64> {
        let mut numbers = Vec::with_capacity(names.len());
        for name in names {
            match name.parse::<ObjectName>() {
                Ok(ObjectName::Journal(number) | ObjectName::Checkpoints(number)) => numbers.push(number),
                _ if walked => {}
                _ => self.findings.push(Finding::object(name, Flaw::Foreign)),
            }
        }
        numbers.sort_unstable();
        numbers
    }

    /// Finds the objects about entries that the log turned out not to have.
    pub(super) fn beyond(&self, size: u64) -> Vec<Finding> {
        let flaw = Flaw::BeyondTree { size };
        let tiles = self.ahead.iter().filter(|path| needs(path).is_none_or(|needed| needed > size));
        let mut names: BTreeSet<String> = tiles.map(ToString::to_string).collect();
        let checkpoints = self.sizes.iter().filter(|checkpoint| **checkpoint > size);
        names.extend(checkpoints.map(|checkpoint| ObjectName::Checkpoints(*checkpoint).to_string()));
        if self.latest.as_ref().is_some_and(|latest| latest.size() > size) {
            names.insert("checkpoint".to_owned());
        }
        names.into_iter().map(|name| Finding::object(name, flaw.clone())).collect()
    }
}

/// Gives the size of the smallest tree that has a tile; `None` when there can be no such tree.
fn needs(path: &TilePath) -> Option<u64> {
    let hashes = path.index().checked_mul(256)?.checked_add(u64::from(path.width()))?;
    match path.level() {
        TileLevel::Entries => Some(hashes),
        TileLevel::Hashes(level) => hashes.checked_mul(256_u64.checked_pow(u32::from(level))?),
    }
}

//! Every entry up to the latest checkpoint, in order, while the tree is verified that they make.

use ca_core::audit::{Flaw, ObjectName, Statement, check_checkpoint};
use ca_core::log::hash::leaf_hash;
use ca_core::log::{Frontier, SignedCheckpoint};
use ca_core::time::UnixMillis;

use super::events::Statements;
use super::progress::Progress;
use super::{Events, Memory, Place, rounds};
use crate::failure::{Failure, Result};

/// What was read: all that a checkpoint of the log stands for.
#[derive(Debug)]
pub(crate) struct Basis {
    /// The checkpoint, whose root the entries make.
    pub(crate) checkpoint: SignedCheckpoint,
    /// When the last of these entries was entered.
    pub(crate) time: UnixMillis,
}

/// What goes from round to round.
struct Reading {
    frontier: Frontier,
    time: UnixMillis,
    /// The checkpoint that was verified before, if this log has not come to it yet.
    known: Option<SignedCheckpoint>,
}

/// Shows every entry up to the latest checkpoint to `visit`.
///
/// That the entries make the checkpoint's root, and the root of the checkpoint verified last, is known only at the end:
/// an error means that nothing that was shown counts. No decision is made again.
pub(crate) fn read_whole(place: &Place, quiet: bool, visit: &mut dyn FnMut(&Statement)) -> Result<Basis> {
    let name = ObjectName::Checkpoint.to_string();
    let bytes = place.objects.get(&name)?.ok_or_else(|| {
        Failure::new("no-log", "there is no log here").hint("Is this the right folder or address?")
    })?;
    let checkpoint = check_checkpoint(&bytes, &place.key).map_err(|flaw| bad(&name, &flaw))?;
    let rounds: Vec<u64> = rounds(place)?.into_iter().filter(|first| *first < checkpoint.size()).collect();
    let known = Memory::of(&place.key)?.recall()?;
    let mut reading = Reading { frontier: Frontier::empty(), time: UnixMillis(0), known };
    let mut progress = Progress::new(checkpoint.size(), quiet);
    let mut events = Events::statements(place, &rounds)?;
    while let Some(batch) = events.next_batch()? {
        for (first, found) in batch {
            let name = ObjectName::Journal(first).to_string();
            let read = found.and_then(|round| reading.round(round, visit));
            read.map_err(|flaw| bad(&name, &flaw))?;
        }
        progress.at(reading.frontier.size());
    }
    progress.clear();
    reading.end(checkpoint).map_err(|flaw| bad("the log", &flaw))
}

fn bad(name: &str, flaw: &Flaw) -> Failure {
    Failure::new("bad-log", format!("{name}: {flaw}")).hint("ca audit verify says more.")
}

impl Reading {
    fn round(
        &mut self,
        (round, statements): Statements,
        visit: &mut dyn FnMut(&Statement),
    ) -> std::result::Result<(), Flaw> {
        let size = self.frontier.size();
        if round.first_index() != size {
            return Err(Flaw::Gap { expected: size, found: round.first_index() });
        }
        if *round.before() != self.frontier {
            return Err(Flaw::Frontier);
        }
        for statement in &statements {
            let leaf = statement.leaf().ok_or_else(|| {
                Flaw::Journal(format!("entry {} is a certificate without a precert", statement.index))
            })?;
            self.frontier.push(leaf_hash(&leaf.to_bytes()));
            self.time = self.time.max(statement.time);
            visit(statement);
            self.reach()?;
        }
        Ok(())
    }

    /// Holds the checkpoint verified last against the root, once it is reached.
    fn reach(&mut self) -> std::result::Result<(), Flaw> {
        match self.known.take_if(|known| known.size() == self.frontier.size()) {
            Some(known) => check_root(&known, &self.frontier),
            None => Ok(()),
        }
    }

    fn end(self, checkpoint: SignedCheckpoint) -> std::result::Result<Basis, Flaw> {
        let size = self.frontier.size();
        if size != checkpoint.size() {
            return Err(Flaw::Gap { expected: size, found: checkpoint.size() });
        }
        check_root(&checkpoint, &self.frontier)?;
        match self.known {
            Some(known) if known.size() > 0 => Err(Flaw::Shrunk { size, before: known.size() }),
            _ => Ok(Basis { checkpoint, time: self.time }),
        }
    }
}

fn check_root(checkpoint: &SignedCheckpoint, frontier: &Frontier) -> std::result::Result<(), Flaw> {
    let (expected, found) = (frontier.root(), checkpoint.root());
    if expected == found { Ok(()) } else { Err(Flaw::Root { size: checkpoint.size(), expected, found }) }
}

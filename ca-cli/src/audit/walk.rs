//! The whole audit: every round in order, every decision again, every object compared.

use ca_core::audit::{Auditor, Finding, Flaw, Grown, ObjectName, Opened, Tree, leaves_of};
use ca_core::log::event::What;
use ca_core::log::journal::object_key;
use ca_core::log::tile::{FULL_WIDTH, TileLevel, TilePath};

use super::events::{Events, Found};
use super::jobs::{Bench, Job};
use super::progress::Progress;
use super::run::{Earlier, Outcome};
use super::survey::Survey;
use super::{Place, parallel};
use crate::failure::{Failure, Result};

/// What goes from batch to batch.
struct Walk<'a> {
    place: &'a Place,
    survey: &'a Survey,
    earlier: &'a [Earlier],
    auditor: Auditor,
    tree: Tree,
    outcome: &'a mut Outcome,
}

/// Verifies everything.
pub(super) fn verify(
    place: &Place,
    survey: &Survey,
    rounds: &[u64],
    earlier: &[Earlier],
    outcome: &mut Outcome,
    quiet: bool,
) -> Result<()> {
    let mut progress = Progress::new(survey.published().max(rounds.last().copied().unwrap_or(0)), quiet);
    let mut events = Events::new(place, rounds)?;
    let auditor = Auditor::new(events.origin().clone());
    let tree = Tree::new(survey.sizes_wanted(earlier));
    outcome.events_checked = true;
    let mut walk = Walk { place, survey, earlier, auditor, tree, outcome };
    while let Some(batch) = events.next_batch()? {
        walk.batch(&batch, events.next_first())?;
        progress.at(walk.tree.size());
    }
    walk.end()?;
    progress.clear();
    outcome.elapsed = progress.elapsed();
    Ok(())
}

impl Walk<'_> {
    fn batch(&mut self, batch: &[Found], next: Option<u64>) -> Result<()> {
        let mut jobs = Vec::new();
        let ends = batch.iter().skip(1).map(|(first, _)| Some(*first)).chain([next]);
        for ((first, found), end) in batch.iter().zip(ends) {
            self.fill_up_to(*first, &mut jobs)?;
            match found {
                Ok(opened) => self.round(*first, opened, &mut jobs)?,
                Err(flaw) => {
                    self.find(object_key(*first), flaw.clone());
                    self.auditor.lost();
                    self.stand_in(end.unwrap_or(self.survey.published()), &mut jobs)?;
                }
            }
        }
        self.work(&jobs)
    }

    fn round<'o>(&mut self, first: u64, opened: &'o Opened, jobs: &mut Vec<Job<'o>>) -> Result<()> {
        let size = self.tree.size();
        if self.follows_tree() && first < size {
            // It repeats entries that another object holds; the tree has no place for them.
            self.find(object_key(first), Flaw::Gap { expected: size, found: first });
            return Ok(());
        }
        let before = self.follows_tree().then(|| self.tree.frontier());
        let (findings, cases) = self.auditor.round(opened, before);
        self.outcome.findings.extend(findings);
        self.outcome.counts.add(opened);
        jobs.extend(cases.into_iter().map(|case| Job::Case(case, opened)));
        self.append(&opened.leaves(), jobs)?;
        self.round_ended();
        Ok(())
    }

    /// Grows the tree, and notes the checks that become possible.
    fn append<E: AsRef<[u8]>>(&mut self, leaves: &[E], jobs: &mut Vec<Job<'_>>) -> Result<()> {
        if !self.follows_tree() {
            return Ok(());
        }
        let Grown { roots, full } =
            self.tree.append(leaves).map_err(|error| Failure::new("internal", error.to_string()))?;
        for (size, root) in roots {
            self.outcome.reached(size, root, self.earlier);
            if self.survey.has_size(size) {
                self.outcome.counts.checkpoints += 1;
                jobs.push(Job::Checkpoint(size, root));
            }
        }
        self.outcome.counts.tiles += full.len() as u64;
        jobs.extend(full.into_iter().map(Job::Tile));
        Ok(())
    }

    /// Every round that is published has a checkpoint of its own.
    fn round_ended(&mut self) {
        let size = self.tree.size();
        if self.follows_tree() && size <= self.survey.published() && !self.survey.has_size(size) {
            self.find(ObjectName::Checkpoints(size).to_string(), Flaw::Missing);
        }
    }

    /// Says so when the round is missing that should come next, and goes on with the leaves of its entries.
    fn fill_up_to(&mut self, first: u64, jobs: &mut Vec<Job<'_>>) -> Result<()> {
        let size = self.tree.size();
        if first <= size || !self.follows_tree() {
            return Ok(());
        }
        self.find(object_key(size), Flaw::Missing);
        self.auditor.lost();
        self.stand_in(first, jobs)
    }

    /// Takes the leaves up to an entry from the bundles; the next round or checkpoint will confirm them or not.
    fn stand_in(&mut self, end: u64, jobs: &mut Vec<Job<'_>>) -> Result<()> {
        while self.follows_tree() && self.tree.size() < end {
            let size = self.tree.size();
            let leaves = self.stored_leaves(size / u64::from(FULL_WIDTH))?;
            let skip = usize::try_from(size % u64::from(FULL_WIDTH)).unwrap_or(usize::MAX);
            let take = usize::try_from(end - size).unwrap_or(usize::MAX);
            match leaves.get(skip..).filter(|leaves| !leaves.is_empty()) {
                Some(leaves) => self.append(&leaves[..leaves.len().min(take)], jobs)?,
                None => self.outcome.tree_broken_at = Some(size),
            }
        }
        self.round_ended();
        Ok(())
    }

    fn stored_leaves(&self, bundle: u64) -> Result<Vec<Vec<u8>>> {
        let full = TilePath::new(TileLevel::Entries, bundle, FULL_WIDTH).ok();
        let published = TilePath::in_tree(TileLevel::Entries, bundle, self.survey.published());
        for path in full.into_iter().chain(published) {
            if let Some(bytes) = self.place.objects.get(&path.to_string())? {
                return Ok(leaves_of(&bytes).unwrap_or_default());
            }
        }
        Ok(Vec::new())
    }

    /// Ends with what is at the right edge of the tree, and what should have come after it.
    fn end(mut self) -> Result<()> {
        let mut jobs = Vec::new();
        self.fill_up_to(self.survey.published(), &mut jobs)?;
        self.outcome.entries = self.tree.size();
        self.outcome.findings.extend(self.auditor.end());
        if self.follows_tree() {
            let edge = std::mem::replace(&mut self.tree, Tree::new(Vec::new())).finish();
            self.outcome.counts.tiles += edge.len() as u64;
            jobs.extend(edge.into_iter().map(Job::Tile));
            self.outcome.shrunk(self.earlier);
        }
        self.work(&jobs)
    }

    fn work(&mut self, jobs: &[Job<'_>]) -> Result<()> {
        let objects = self.place.objects.as_ref();
        let bench = Bench { objects, key: &self.place.key, published: self.survey.published() };
        for findings in parallel::map(objects.threads(), jobs, |job| bench.run(job)) {
            self.outcome.findings.extend(findings?);
        }
        Ok(())
    }

    fn follows_tree(&self) -> bool {
        self.outcome.tree_broken_at.is_none()
    }

    fn find(&mut self, object: String, flaw: Flaw) {
        self.outcome.findings.push(Finding::object(object, flaw));
    }
}

impl super::run::Counts {
    /// Counts what is in a round.
    fn add(&mut self, opened: &Opened) {
        self.rounds += 1;
        for entry in opened.entries() {
            match &entry.event.what {
                What::Certificate(_) | What::HostCertificate(_) => self.certificates += 1,
                What::RequestDenied(_) | What::HostRequestDenied(_) => self.denials += 1,
                What::PolicyAdopted { .. } => self.policies += 1,
                _ => {}
            }
        }
    }
}

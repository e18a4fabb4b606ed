//! The part of the audit that needs no events: the tree, its tiles and its checkpoints, which are open to everyone.

use ca_core::audit::{Finding, Flaw, Grown, ObjectName, Tree, leaves_of};
use ca_core::log::tile::{FULL_WIDTH, TileLevel, TilePath};

use super::jobs::{Bench, Job};
use super::progress::Progress;
use super::run::{Earlier, Outcome};
use super::survey::Survey;
use super::{Place, parallel};
use crate::failure::{Failure, Result};

/// How many entry bundles are read at once.
const BATCH: usize = 64;

/// Verifies the tree of the latest checkpoint from the entry bundles.
pub(super) fn verify(
    place: &Place,
    survey: &Survey,
    earlier: &[Earlier],
    outcome: &mut Outcome,
    quiet: bool,
) -> Result<()> {
    if survey.latest.is_none() {
        outcome.tree_broken_at = Some(0);
        return Ok(());
    }
    let mut progress = Progress::new(survey.published(), quiet);
    let mut tree = Tree::new(survey.sizes_wanted(earlier));
    let bundles = survey.published().div_ceil(u64::from(FULL_WIDTH));
    for first in (0..bundles).step_by(BATCH) {
        let batch: Vec<u64> = (first..bundles).take(BATCH).collect();
        let read = parallel::map(place.objects.threads(), &batch, |index| read(place, survey, *index));
        let mut jobs = Vec::new();
        for leaves in read {
            match leaves? {
                Ok(leaves) => append(&mut tree, &leaves, (survey, earlier, outcome), &mut jobs)?,
                Err(finding) => {
                    outcome.findings.push(finding);
                    outcome.tree_broken_at = Some(tree.size());
                    break;
                }
            }
        }
        work(place, survey, &jobs, outcome)?;
        if outcome.tree_broken_at.is_some() {
            break;
        }
        progress.at(tree.size());
    }
    outcome.entries = tree.size();
    if !survey.has_size(survey.published()) {
        let name = ObjectName::Checkpoints(survey.published()).to_string();
        outcome.findings.push(Finding::object(name, Flaw::Missing));
    }
    if outcome.tree_broken_at.is_none() {
        let edge: Vec<_> = tree.finish().into_iter().map(Job::Tile).collect();
        outcome.counts.tiles += edge.len() as u64;
        work(place, survey, &edge, outcome)?;
        outcome.shrunk(earlier);
    }
    progress.clear();
    outcome.elapsed = progress.elapsed();
    Ok(())
}

/// Reads a bundle as the published tree has it, or the full one that has replaced it since.
fn read(place: &Place, survey: &Survey, index: u64) -> Result<std::result::Result<Vec<Vec<u8>>, Finding>> {
    let Some(path) = TilePath::in_tree(TileLevel::Entries, index, survey.published()) else {
        return Ok(Ok(Vec::new()));
    };
    let full = TilePath::new(TileLevel::Entries, index, FULL_WIDTH).ok();
    for candidate in [Some(path), full].into_iter().flatten() {
        let Some(bytes) = place.objects.get(&candidate.to_string())? else { continue };
        let unreadable = |cause: String| Finding::object(candidate.to_string(), Flaw::Bundle(cause));
        let mut leaves = match leaves_of(&bytes) {
            Ok(leaves) => leaves,
            Err(error) => return Ok(Err(unreadable(error.to_string()))),
        };
        if leaves.len() != usize::from(candidate.width()) {
            return Ok(Err(unreadable(format!("it has {} entries", leaves.len()))));
        }
        leaves.truncate(usize::from(path.width()));
        return Ok(Ok(leaves));
    }
    Ok(Err(Finding::object(path.to_string(), Flaw::Missing)))
}

fn append(
    tree: &mut Tree,
    leaves: &[Vec<u8>],
    (survey, earlier, outcome): (&Survey, &[Earlier], &mut Outcome),
    jobs: &mut Vec<Job<'_>>,
) -> Result<()> {
    let Grown { roots, full } =
        tree.append(leaves).map_err(|error| Failure::new("internal", error.to_string()))?;
    for (size, root) in roots {
        outcome.reached(size, root, earlier);
        if survey.has_size(size) {
            outcome.counts.checkpoints += 1;
            jobs.push(Job::Checkpoint(size, root));
        }
    }
    outcome.counts.tiles += full.len() as u64;
    jobs.extend(full.into_iter().map(Job::Tile));
    Ok(())
}

fn work(place: &Place, survey: &Survey, jobs: &[Job<'_>], outcome: &mut Outcome) -> Result<()> {
    let objects = place.objects.as_ref();
    let bench = Bench { objects, key: &place.key, published: survey.published() };
    for findings in parallel::map(objects.threads(), jobs, |job| bench.run(job)) {
        let findings = findings?;
        outcome.findings.extend(findings.iter().filter_map(also_the_bundle));
        outcome.findings.extend(findings);
    }
    Ok(())
}

/// The tree was made from the bundles: when a tile of leaves differs, either may be the wrong one.
fn also_the_bundle(finding: &Finding) -> Option<Finding> {
    let tile: TilePath = finding.object.parse().ok()?;
    let differs = tile.level() == TileLevel::Hashes(0) && matches!(finding.flaw, Flaw::Bytes { .. });
    let bundle = TilePath::new(TileLevel::Entries, tile.index(), tile.width()).ok()?;
    differs.then(|| Finding::object(bundle.to_string(), Flaw::Disagrees { with: finding.object.clone() }))
}

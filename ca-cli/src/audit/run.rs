//! `ca audit verify`, step by step.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_core::audit::{Finding, Flaw};
use ca_core::log::SignedCheckpoint;

use super::survey::Survey;
use super::{Place, tree_only, walk};
use crate::failure::Result;

/// An earlier checkpoint, and what it is called.
pub(crate) struct Earlier {
    /// What to call it in a finding.
    pub(crate) name: String,
    /// The checkpoint.
    pub(crate) checkpoint: SignedCheckpoint,
}

/// What came out.
#[derive(Default)]
pub(crate) struct Outcome {
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
    /// The latest checkpoint, if it could be believed.
    pub(crate) latest: Option<SignedCheckpoint>,
    /// How many entries were gone through.
    pub(crate) entries: u64,
    /// What was counted.
    pub(crate) counts: Counts,
    /// Whether the events were read, and every decision made again.
    pub(crate) events_checked: bool,
    /// Whether the names of all objects could be seen, so that nothing foreign hides.
    pub(crate) all_listed: bool,
    /// Where the tree could not be followed any further.
    pub(crate) tree_broken_at: Option<u64>,
    /// The earlier checkpoints that the log continues: name and size.
    pub(crate) continues: Vec<(String, u64)>,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// How much there was of everything.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Journal objects.
    pub(crate) rounds: u64,
    /// Certificates.
    pub(crate) certificates: u64,
    /// Denials.
    pub(crate) denials: u64,
    /// Adoptions of a policy.
    pub(crate) policies: u64,
    /// Checkpoints.
    pub(crate) checkpoints: u64,
    /// Tiles and entry bundles, each with its partial ones counted as one.
    pub(crate) tiles: u64,
}

/// Verifies a log, which must continue the earlier checkpoints.
///
/// An error means that it could not be checked; everything else is in the outcome.
pub(crate) fn verify(place: &Place, earlier: &[Earlier], quiet: bool) -> Result<Outcome> {
    let survey = Survey::take(place.objects.as_ref(), &place.key)?;
    let mut outcome = Outcome {
        findings: survey.findings.clone(),
        latest: survey.latest.clone(),
        all_listed: survey.walked,
        ..Outcome::default()
    };
    match &survey.rounds {
        Some(rounds) => walk::verify(place, &survey, rounds, earlier, &mut outcome, quiet)?,
        None => tree_only::verify(place, &survey, earlier, &mut outcome, quiet)?,
    }
    if outcome.tree_broken_at.is_none() {
        outcome.findings.extend(survey.beyond(outcome.entries));
    }
    // The same object may be missed for several reasons.
    let mut seen = BTreeSet::new();
    outcome.findings.retain(|finding| seen.insert(finding.to_string()));
    Ok(outcome)
}

impl Outcome {
    /// Tells whether all is as it must be, as far as it was looked at.
    pub(crate) fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.tree_broken_at.is_none()
    }

    /// Holds the earlier checkpoints against a root that was reached.
    pub(super) fn reached(&mut self, size: u64, root: ca_core::log::Hash, earlier: &[Earlier]) {
        if let Some(latest) =
            self.latest.as_ref().filter(|latest| latest.size() == size && latest.root() != root)
        {
            let flaw = Flaw::Root { size, expected: root, found: latest.root() };
            self.findings.push(Finding::object("checkpoint", flaw));
        }
        for Earlier { name, checkpoint } in earlier.iter().filter(|earlier| earlier.checkpoint.size() == size)
        {
            if checkpoint.root() == root {
                self.continues.push((name.clone(), size));
            } else {
                let flaw = Flaw::Root { size, expected: root, found: checkpoint.root() };
                self.findings.push(Finding::object(name, flaw));
            }
        }
    }

    /// Finds the earlier checkpoints that are of a longer log than this one.
    pub(super) fn shrunk(&mut self, earlier: &[Earlier]) {
        for Earlier { name, checkpoint } in
            earlier.iter().filter(|earlier| earlier.checkpoint.size() > self.entries)
        {
            let flaw = Flaw::Shrunk { size: self.entries, before: checkpoint.size() };
            self.findings.push(Finding::object(name, flaw));
        }
    }
}

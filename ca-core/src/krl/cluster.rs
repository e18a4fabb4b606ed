//! How to write serials in the fewest bytes: which in a list, which as ranges, which as bitmaps.
//!
//! The cheapest way is found for the first run of neighbours, then for the first two, and so on: a run joins the list, is a
//! range, or ends a bitmap that began at one of the runs before it. Costs are in bits. A bitmap is counted without
//! rounding down to whole bytes, so what is written is never larger than what was counted; and since the list of
//! everything is among what is compared, never larger than that list.

use std::collections::VecDeque;

use super::MAX_BITMAP_BITS;

/// Type and length before each section's data, in bits.
const SECTION_BITS: u64 = 8 * (1 + 4);

const SERIAL_BITS: u64 = 64;

const RANGE_BITS: u64 = SECTION_BITS + 2 * SERIAL_BITS;

/// A bitmap without its bits: the offset, the integer's length, and what its last byte and sign bit may add.
const BITMAP_BITS: u64 = SECTION_BITS + SERIAL_BITS + 32 + 8;

/// Serials that follow one another without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// How some runs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Each serial in the one list.
    List,
    /// One run, by its ends.
    Range,
    /// Several runs within [`MAX_BITMAP_BITS`].
    Bitmap,
}

/// The cheapest way to write all runs up to one of them, by its last step.
struct Step {
    /// What all costs, but for the list's own head.
    bits: u64,
    /// The first run this step writes.
    start: usize,
    encoding: Encoding,
}

/// Gathers serials, in ascending order and each once, into runs.
pub(super) fn runs(serials: impl Iterator<Item = u64>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for serial in serials {
        match runs.last_mut() {
            Some(run) if run.last.checked_add(1) == Some(serial) => run.last = serial,
            _ => runs.push(Run { first: serial, last: serial }),
        }
    }
    runs
}

/// Divides the runs into groups and says how to write each.
pub(super) fn plan(runs: &[Run]) -> Vec<(Encoding, &[Run])> {
    let steps = steps(runs);
    let mut groups = Vec::new();
    let mut end = steps.len();
    while let Some(step) = end.checked_sub(1).and_then(|last| steps.get(last)) {
        groups.extend(runs.get(step.start..end).map(|group| (step.encoding, group)));
        end = step.start;
    }
    groups.reverse();
    groups
}

fn steps(runs: &[Run]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(runs.len());
    let mut openings = Openings::default();
    for (index, run) in runs.iter().enumerate() {
        let before = steps.last().map_or(0, |step| step.bits);
        let count = (run.last - run.first).saturating_add(1);
        let alone = |bits: u64, encoding| Step { bits: before.saturating_add(bits), start: index, encoding };
        openings.push(Opening { index, first: run.first, before });
        let candidates = [
            Some(alone(count.saturating_mul(SERIAL_BITS), Encoding::List)),
            Some(alone(RANGE_BITS, Encoding::Range)),
            openings.best_bitmap_to(run.last),
        ];
        steps.extend(candidates.into_iter().flatten().min_by_key(|step| step.bits));
    }
    steps
}

/// A run that a bitmap may begin with.
struct Opening {
    index: usize,
    first: u64,
    /// What the runs before it cost, in bits.
    before: u64,
}

impl Opening {
    /// Orders openings by what a bitmap costs that begins here, wherever it ends.
    fn rank(&self) -> i128 {
        i128::from(self.before) - i128::from(self.first)
    }
}

/// The openings worth keeping, by position and by rank at once: one that is earlier and no better is never chosen.
#[derive(Default)]
struct Openings(VecDeque<Opening>);

impl Openings {
    fn push(&mut self, opening: Opening) {
        while self.0.back().is_some_and(|earlier| earlier.rank() >= opening.rank()) {
            self.0.pop_back();
        }
        self.0.push_back(opening);
    }

    /// Finds the cheapest bitmap that ends with `last`; forgets openings that are too far away, from here on for good.
    fn best_bitmap_to(&mut self, last: u64) -> Option<Step> {
        while self.0.front().is_some_and(|opening| last - opening.first >= MAX_BITMAP_BITS) {
            self.0.pop_front();
        }
        let opening = self.0.front()?;
        let bits = opening.before + BITMAP_BITS + (last - opening.first + 1);
        Some(Step { bits, start: opening.index, encoding: Encoding::Bitmap })
    }
}

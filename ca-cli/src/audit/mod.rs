//! Going through a whole log, wherever it is: reading objects, using every core, remembering what was verified.
//!
//! What is right and what is wrong is for `ca_core::audit` to say.

mod directory;
mod events;
mod jobs;
mod location;
mod memory;
mod parallel;
mod progress;
mod remote;
mod run;
mod survey;
#[cfg(test)]
mod tests;
mod tree_only;
mod walk;
mod whole;

use ca_core::log::tile::TilePath;

pub(crate) use events::{Events, rounds};
pub(crate) use location::Place;
pub(crate) use memory::Memory;
pub(crate) use progress::rate;
pub(crate) use run::{Earlier, Outcome, verify};
pub(crate) use whole::{Basis, read_whole};

use crate::failure::Result;

/// The objects of a log.
pub(crate) trait Objects: Sync {
    /// Reads an object; `None` when there is none.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Lists the names in `journal/` or `checkpoints/`, in order.
    fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Lists the partial tiles and bundles that are kept beside a full one; none where that cannot be listed.
    fn partials(&self, full: &TilePath) -> Result<Vec<TilePath>>;

    /// Shows the names of all objects to `visit`, in any order; false where that cannot be done.
    fn walk(&self, visit: &mut dyn FnMut(&str)) -> Result<bool>;

    /// How many threads can read at once with advantage.
    fn threads(&self) -> usize;
}

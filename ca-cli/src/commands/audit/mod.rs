//! `ca audit`: search, report on and verify a log.

mod period;
mod report;
mod search;
mod verify;

use crate::cli::{Audit, Global};
use crate::failure::{Exit, Result};

pub(super) fn run(global: &Global, options: &Audit) -> Result<Exit> {
    match options {
        Audit::Verify(options) => verify::run(global, options),
        Audit::Search(options) => search::run(global, options),
        Audit::Report(options) => report::run(global, options),
    }
}

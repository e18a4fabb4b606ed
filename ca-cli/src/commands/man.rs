//! `ca man`: writes the man pages.

use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::failure::{Exit, Result};
use crate::output;
use crate::state::io_failure;

/// Writes a page for each command into the folder, or the first page to stdout.
pub(super) fn run(folder: Option<&Path>) -> Result<Exit> {
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(|error| io_failure("make", folder, &error))?;
        clap_mangen::generate_to(Cli::command(), folder)
            .map_err(|error| io_failure("write to", folder, &error))?;
        return Ok(Exit::Good);
    }
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _ = clap_mangen::Man::new(Cli::command()).render(&mut page);
    output::data(&String::from_utf8_lossy(&page));
    Ok(Exit::Good)
}

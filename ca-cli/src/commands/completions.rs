//! `ca completions`: prints what a shell needs to complete commands and options.

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::output;

pub(super) fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ca", &mut script);
    output::data(&String::from_utf8_lossy(&script));
}

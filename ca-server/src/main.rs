//! `ca-server`: the signing server and its operator's commands.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ca_server::commands::run(ca_server::commands::Cli::parse())
}

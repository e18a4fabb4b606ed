//! `ca`: what people type. Log in, ask for a certificate, look at one, audit the log.
//!
//! Data goes to stdout, everything meant for a person to stderr, prompts to the terminal. Exit codes: 0 it went well,
//! 1 refused or findings, 2 wrong usage or could not be done or checked, 3 it waits for approval.

mod agent;
mod audit;
mod cli;
mod clock;
mod commands;
mod failure;
mod http;
mod issued;
mod issued_host;
mod keys;
mod known_hosts;
mod output;
mod pending;
mod pins;
mod render;
mod retry;
mod secrets;
mod session;
mod site;
mod state;

#[cfg(test)]
#[path = "../../ca-core/tests/suite/audit/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod test_log;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(json).into(),
    }
}

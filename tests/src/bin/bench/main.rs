//! `cargo xtask bench`: how fast a real `ca-server` is on this machine, next to what is known to be fast.
//!
//! The server is a process of its own; the load comes from here, over TLS on the loopback interface, on the same cores.

// Figures for people need not be exact to the last bit.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod baseline;
mod decisions;
mod flood;
mod load;
mod logins;
mod offline;
mod report;
mod resources;
mod run;
mod s3;
mod strangers;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match std::env::args_os().nth(1) {
        Some(part) if part == "flood" => run::flood(),
        json => {
            run::run().and_then(|report| report.publish(&json.map_or("bench.json".into(), PathBuf::from)))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe benchmark did not work: {error:#}");
            ExitCode::FAILURE
        }
    }
}

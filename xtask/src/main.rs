//! `cargo xtask demo`, `cargo xtask test` and `cargo xtask bench`: everything one does with a fresh clone; and
//! `cargo xtask common-passwords`, which makes a file that is checked in.

mod cargo;
mod demo;
mod deny;
mod machine;
mod openssh;
mod passwords;
mod steps;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};

/// Everything one does with a fresh clone of Countersign.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// From nothing to a login on a real sshd, explained step by step.
    Demo(Demo),
    /// Everything that is checked before a change is taken.
    Test,
    /// How fast it is on this machine.
    Bench {
        /// Only what logins are like in a flood of bogus ones.
        #[arg(long)]
        flood: bool,
    },
    /// Makes the list of common passwords anew from lists of one password a line.
    CommonPasswords {
        /// The lists
        #[arg(required = true)]
        lists: Vec<PathBuf>,
    },
}

/// What the demo can be told.
#[derive(Args)]
struct Demo {
    /// Keep the audit trail on a real S3 API: a server started here, or `COUNTERSIGN_TEST_S3=endpoint,key,secret`.
    #[arg(long)]
    s3: bool,
    /// Leave everything in this folder, which must not exist yet, with a README on how to go on by hand.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Demo(options) => demo::demo(options.s3, options.keep.as_deref()),
        Task::Test => test::test(),
        Task::Bench { flood } => demo::bench(flood),
        Task::CommonPasswords { lists } => passwords::common_passwords(&lists),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

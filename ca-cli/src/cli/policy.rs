//! What can be typed about policies, all of which works on folders.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `ca policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Read a policy and say what is wrong with it, with file, line and a hint
    Check(PolicyFolder),
    /// Try a policy on its cases, and show what came of each
    Test(PolicyFolder),
    /// Say in words whose access grows or shrinks from one policy to another; exits 1 when there is a difference
    Diff(PolicyDiff),
    /// Print the schema of rules.cedar: what a rule can speak of
    Schema,
}

/// Where a policy is.
#[derive(Debug, Args)]
pub(crate) struct PolicyFolder {
    /// The folder with profiles.toml, rules.cedar and cases.toml
    #[arg(default_value = "policies", value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Options of `ca policy diff`.
#[derive(Debug, Args)]
pub(crate) struct PolicyDiff {
    /// The folder of the policy that is
    pub(crate) old: PathBuf,

    /// The folder of the policy that is to be
    pub(crate) new: PathBuf,

    /// The people to compare it over: what `ca admin user list --json` prints, or TOML with `[[user]]` sections of name
    /// and groups; one for each group that the rules name if left out
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,

    /// Compare it over the accounts of the server; for officers
    #[arg(long, conflicts_with = "users")]
    pub(crate) accounts: bool,
}

//! What can be typed about hosts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `ca host`.
#[derive(Debug, Subcommand)]
pub(crate) enum Host {
    /// Have a host's key certified, check the certificate, and write it beside the key
    Sign(HostSign),
}

/// Options of `ca host sign`.
#[derive(Debug, Args)]
pub(crate) struct HostSign {
    /// The host's key, private or .pub; with the private half at hand the host itself signs the request
    pub(crate) file: PathBuf,

    /// What the host is called: db1.example.com, an address, or *.db.example.com; may be given several times
    #[arg(long = "name", value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,

    /// The host profile, as the policy names it; the only one that takes the names if left out
    #[arg(long)]
    pub(crate) profile: Option<String>,

    /// How long it should last, such as 168h; the profile's default if left out
    #[arg(long)]
    pub(crate) ttl: Option<String>,

    /// Why, in one line
    #[arg(long)]
    pub(crate) reason: Option<String>,

    /// Who asks; whoever is logged in by default
    #[arg(long, env = "COUNTERSIGN_USER", hide_env_values = true)]
    pub(crate) user: Option<String>,

    /// The request's id (a ULID), to repeat an earlier one and get the same certificate
    #[arg(long, value_name = "ULID")]
    pub(crate) id: Option<String>,
}

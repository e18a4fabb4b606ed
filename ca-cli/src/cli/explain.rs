//! What can be typed after `ca explain`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

/// Options of `ca explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A profile: may I have it, and what would change the answer
    #[arg(required_unless_present = "cert", conflicts_with = "cert")]
    pub(crate) profile: Option<String>,

    /// What would be asked for
    #[command(flatten)]
    pub(crate) wanted: Wanted,

    /// A file with one certificate, or - for stdin: would sshd take it
    #[arg(long, value_name = "FILE", requires_all = ["host", "login"])]
    pub(crate) cert: Option<PathBuf>,

    /// What the host and the login are like
    #[command(flatten)]
    pub(crate) target: Target,
}

/// A request that is not made, but asked about.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// How long it should last, such as 30m or 8h; the profile's default if left out
    #[arg(long, conflicts_with = "cert")]
    pub(crate) ttl: Option<String>,

    /// Why, in one line
    #[arg(long, conflicts_with = "cert")]
    pub(crate) reason: Option<String>,

    /// Only this account of those the profile grants; may be given several times
    #[arg(long = "principal", value_name = "ACCOUNT", conflicts_with = "cert")]
    pub(crate) principals: Vec<String>,

    /// The key that would be certified (private or .pub); it signs nothing
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Who would ask; whoever is logged in by default
    #[arg(long, conflicts_with = "cert")]
    pub(crate) user: Option<String>,
}

/// The login that a certificate is held against.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The host that is logged in to
    #[arg(long, value_name = "HOST", requires = "cert")]
    pub(crate) host: Option<String>,

    /// The account on the host
    #[arg(long, value_name = "ACCOUNT", requires = "cert")]
    pub(crate) login: Option<String>,

    /// The address that the host sees; the one this machine would send from by default
    #[arg(long, value_name = "ADDRESS", requires = "cert")]
    pub(crate) from: Option<IpAddr>,

    /// The host's `RevokedKeys`
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) krl: Option<PathBuf>,

    /// The host's `TrustedUserCAKeys`; the pinned CA keys by default
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) ca_keys: Option<PathBuf>,

    /// The host's `AuthorizedPrincipalsFile` for the account; none by default
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) auth_principals: Option<PathBuf>,

    /// Judge as of this time (RFC 3339, or seconds since the epoch) instead of now
    #[arg(long, value_name = "TIME", requires = "cert")]
    pub(crate) at: Option<String>,
}

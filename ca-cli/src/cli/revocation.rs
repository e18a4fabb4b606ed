//! What can be typed about revocation.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Options of `ca revoke`.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) target: RevocationTarget,

    /// Why, in one line; it goes into the log
    #[arg(long, required_unless_present = "list")]
    pub(crate) reason: Option<String>,

    /// Do not ask, even before a CA's key is revoked
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What is revoked, one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RevocationTarget {
    /// Every live certificate of a person (name or e-mail address); their sessions end
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// One certificate, by its serial, which is its entry in the log
    #[arg(long, value_name = "N")]
    pub(crate) serial: Option<u64>,

    /// A key, for ever: its fingerprint, or a file with the public key
    #[arg(long, value_name = "SHA256:…|FILE")]
    pub(crate) key: Option<String>,

    /// One certificate, by the id of its request, which ends its key id
    #[arg(long, value_name = "ULID")]
    pub(crate) certificate: Option<String>,

    /// A CA's key, for ever, and with it every certificate that it signed
    #[arg(long, value_name = "SHA256:…|FILE")]
    pub(crate) ca_key: Option<String>,

    /// Nothing: list what was revoked
    #[arg(long)]
    pub(crate) list: bool,
}

/// The commands of `ca krl`.
#[derive(Debug, Subcommand)]
pub(crate) enum Krl {
    /// Fetch the list of what is revoked, check it, and put it in the place of the one before
    Fetch(FetchKrl),
    /// Show what a KRL says about itself
    Show(ShowKrl),
}

/// Options of `ca krl fetch`.
#[derive(Debug, Args)]
pub(crate) struct FetchKrl {
    /// The file that sshd's `RevokedKeys` names
    pub(crate) file: PathBuf,

    /// The key of the log, which signs KRLs: a verifier key, or a file with one; the pinned one by default
    #[arg(long, value_name = "VKEY|FILE")]
    pub(crate) log_key: Option<String>,
}

/// Options of `ca krl show`.
#[derive(Debug, Args)]
pub(crate) struct ShowKrl {
    /// A KRL, or - for stdin
    pub(crate) file: PathBuf,
}

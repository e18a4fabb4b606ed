//! What can be typed about requests that have to be approved.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Credentials;

/// A request.
#[derive(Debug, Args)]
pub(crate) struct RequestId {
    /// Its id, or the beginning or end of it
    pub(crate) id: String,
}

/// Options of `ca approve`.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The request
    #[command(flatten)]
    pub(crate) request: RequestId,

    /// What else there is to say, in one line; signed with the rest
    #[arg(long)]
    pub(crate) note: Option<String>,

    /// With what to sign
    #[command(flatten)]
    pub(crate) signing: Signing,
}

/// Options of `ca deny`.
#[derive(Debug, Args)]
pub(crate) struct Deny {
    /// The request
    #[command(flatten)]
    pub(crate) request: RequestId,

    /// Why not, in one line; signed with the rest
    #[arg(long)]
    pub(crate) reason: String,

    /// With what to sign
    #[command(flatten)]
    pub(crate) signing: Signing,
}

/// With what an officer signs.
#[derive(Debug, Args)]
pub(crate) struct Signing {
    /// Sign with this key (private or .pub); one of yours in ssh-agent by default
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Read the passphrase of the key file from this file descriptor (or from `COUNTERSIGN_PASSPHRASE`)
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,

    /// Do not ask before signing
    #[arg(long)]
    pub(crate) yes: bool,
}

/// The commands of `ca approval-key`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalKey {
    /// Register a key to approve with; asks for the password and a factor
    Add(AddApprovalKey),
    /// List the keys you approve with
    List,
    /// Remove a key; asks for the password and a factor
    Remove(RemoveApprovalKey),
}

/// Options of `ca approval-key add`.
#[derive(Debug, Args)]
pub(crate) struct AddApprovalKey {
    /// The key: a private one, or the .pub file of one that ssh-agent or a file beside it has
    pub(crate) file: PathBuf,

    /// What to call it, such as "yubikey at home"; the file's name by default
    #[arg(long)]
    pub(crate) label: Option<String>,

    /// Read the passphrase of the key file from this file descriptor (or from `COUNTERSIGN_PASSPHRASE`)
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

/// Options of `ca approval-key remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveApprovalKey {
    /// The label or fingerprint of the key, as `ca approval-key list` prints them
    pub(crate) which: String,

    /// Who logs in
    #[command(flatten)]
    pub(crate) credentials: Credentials,
}

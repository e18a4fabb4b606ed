//! What can be typed about recovery: by codes of one's own, or by officers when all is lost.

use clap::{Args, Subcommand};

use super::{Credentials, Signing};

/// The commands of `ca recovery`.
#[derive(Debug, Subcommand)]
pub(crate) enum Recovery {
    /// Print new recovery codes, in place of all before; asks for the password and a factor
    Codes(Credentials),
    /// Ask, as an officer, to give an account back to an owner who has lost everything; the owner is warned
    Open(RecoveryVote),
    /// Sign a recovery that another officer has opened
    Sign(RecoveryVote),
    /// End a recovery, as an officer
    Deny(RecoveryVote),
    /// List recoveries: all of them for officers, your own for anybody
    List,
    /// End the recovery of your own account
    Veto,
    /// Print the invitation for the owner, this once, after the waiting period
    Finish(WhichRecovery),
}

/// A recovery.
#[derive(Debug, Args)]
pub(crate) struct WhichRecovery {
    /// The account, by its name or e-mail address, or the recovery's id
    pub(crate) which: String,
}

/// What an officer says to a recovery.
#[derive(Debug, Args)]
pub(crate) struct RecoveryVote {
    /// Which
    #[command(flatten)]
    pub(crate) recovery: WhichRecovery,

    /// How you know that it is the owner who asks, or why not, in one line; signed with the rest
    #[arg(long)]
    pub(crate) reason: String,

    /// With what to sign
    #[command(flatten)]
    pub(crate) signing: Signing,
}

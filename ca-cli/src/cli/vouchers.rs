//! What can be typed about vouchers and emergencies.

use clap::{Args, Subcommand};

use super::{RequestId, Signing};

/// The commands of `ca voucher`.
#[derive(Debug, Subcommand)]
pub(crate) enum Voucher {
    /// Make a voucher and sign it; prints its secret, once
    Seal(SealVoucher),
    /// Sign a voucher that another officer made
    Sign(SignVoucher),
    /// List the vouchers that you may sign
    List,
    /// Take a voucher back
    Withdraw(WhichVoucher),
}

/// Options of `ca voucher seal`.
#[derive(Debug, Args)]
pub(crate) struct SealVoucher {
    /// The profile it opens
    pub(crate) profile: String,

    /// Only this account may use it; whoever may have the profile by default
    #[arg(long = "for", value_name = "USER")]
    pub(crate) holder: Option<String>,

    /// For how many days it is good
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=366))]
    pub(crate) days: u64,

    /// What else there is to say, such as which safe it goes to; signed with the rest
    #[arg(long)]
    pub(crate) note: Option<String>,

    /// With what to sign
    #[command(flatten)]
    pub(crate) signing: Signing,
}

/// Options of `ca voucher sign`.
#[derive(Debug, Args)]
pub(crate) struct SignVoucher {
    /// Which
    #[command(flatten)]
    pub(crate) voucher: WhichVoucher,

    /// With what to sign
    #[command(flatten)]
    pub(crate) signing: Signing,
}

/// A voucher.
#[derive(Debug, Args)]
pub(crate) struct WhichVoucher {
    /// Its id, or the beginning or end of it
    pub(crate) id: String,
}

/// Options of `ca review`.
#[derive(Debug, Args)]
pub(crate) struct Review {
    /// The request that a voucher was used for
    #[command(flatten)]
    pub(crate) request: RequestId,

    /// What was found, in one line; signed with the rest
    #[arg(long)]
    pub(crate) note: String,

    /// With what to sign
    #[command(flatten)]
    pub(crate) signing: Signing,
}

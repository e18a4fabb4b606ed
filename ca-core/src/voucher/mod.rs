//! Vouchers: approvals that officers give in advance, for the day when none of them can be reached (break-glass).
//!
//! ```text
//! text ──from_text──▶ Voucher ──verify(signature, the officer's keys)──▶ ProvenSeal   one for each officer
//! ```
//!
//! Every officer signs the same text. It names the profile and the hash of how that is written, so it is none for a profile
//! that changed; and the hash of a secret that whoever holds the voucher shows, once. The server never has the secret before.

mod proven;
mod secret;
mod text;

pub use proven::ProvenSeal;
pub use secret::{SecretError, VoucherSecret};
pub use text::{Digest, Voucher};

/// The SSHSIG namespace of a voucher.
pub const NAMESPACE: &str = "voucher@countersign.v1";

/// The longest that a voucher is good for, in seconds: a year and a day.
pub const MAX_LIFE_SECS: u64 = 366 * 86_400;

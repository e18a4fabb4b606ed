//! What the log says is revoked: a pure function of its entries, in order.
//!
//! The server follows the log entry by entry and keeps what it finds in tables; the audit follows it with a [`Book`] in
//! memory. Both must come to the same [`Revocations`](crate::krl::Revocations), byte for byte, which the audit checks
//! for every KRL that was ever published. The rules:
//!
//! - `revoked` takes what its target names: live certificates before it, or keys for ever.
//! - Switching an account off (by an officer, the operator or its owner) revokes every live certificate of it.
//! - A certificate that comes after is revoked by its own entry if its account is off, or if it stands on a login that is
//!   not later than the revocation of its user: requests that were under way do not get away.
//! - A revoked certificate stays revoked, and matters until [`CLOCK_ERROR_SECS`] after it has expired.
//!
//! Reading order: [`Trace`], [`Standing`], [`Book`].

mod book;
mod standing;
mod trace;

pub use book::Book;
pub use standing::Standing;
pub use trace::{LiveCertificate, Trace};

use crate::time::UnixSeconds;

/// How far behind a host's clock may be, in seconds: for so long a certificate that has expired is still in the KRL.
pub const CLOCK_ERROR_SECS: u64 = 3600;

/// Gives the first second in which the revocation of a certificate no longer matters.
pub fn matters_until(valid_before: UnixSeconds) -> UnixSeconds {
    valid_before.plus_secs(CLOCK_ERROR_SECS)
}

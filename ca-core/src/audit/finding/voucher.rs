//! What an audit finds about vouchers.

use crate::names::{UserName, VoucherId};
use crate::time::UnixSeconds;

/// What is wrong with a voucher or its use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoucherFlaw {
    /// A certificate rests on a voucher that nobody sealed.
    #[error("the voucher {id} that it rests on was not sealed before")]
    Unknown {
        /// The voucher.
        id: VoucherId,
    },
    /// A voucher was used before.
    #[error("the voucher {id} is entry {first} already")]
    Twice {
        /// The voucher.
        id: VoucherId,
        /// The entry that used it.
        first: u64,
    },
    /// A voucher was used that an officer had taken back.
    #[error("the voucher {id} had been withdrawn by entry {by}")]
    Withdrawn {
        /// The voucher.
        id: VoucherId,
        /// The entry that did it.
        by: u64,
    },
    /// A voucher was used without saying so before.
    #[error("no break-glass use of the voucher {id} was recorded before")]
    NotAnnounced {
        /// The voucher.
        id: VoucherId,
    },
    /// Nobody looked into what was done with a voucher.
    #[error("break-glass use by {user} at {at} was never reviewed")]
    NeverReviewed {
        /// Who used it.
        user: UserName,
        /// When.
        at: UnixSeconds,
    },
}

impl VoucherFlaw {
    /// Tells whether it is that something was not said before, which a round that was lost may have said.
    pub(super) fn is_an_absence(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NotAnnounced { .. } | Self::NeverReviewed { .. })
    }
}

//! Vouchers: sealed in advance, taken back, used in an emergency.

use serde::{Deserialize, Serialize};

use super::SignedApproval;
use crate::names::{ProfileName, Reason, RequestId, UserName, VoucherId};
use crate::policy::{Approver, Source};

/// An officer sealed a voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherSealed {
    /// The voucher.
    pub voucher_id: VoucherId,
    /// What was signed.
    #[serde(flatten)]
    pub signed: SignedApproval,
    /// Who, how they had logged in, where and when.
    pub approver: Approver,
}

/// An officer took a voucher back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherWithdrawn {
    /// The voucher.
    pub voucher_id: VoucherId,
    /// Who.
    pub by: UserName,
    /// The session it was done with.
    pub session: String,
    /// Where from.
    pub source: Source,
}

/// Somebody showed a voucher in place of waiting for approvals; their certificate comes next, if it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassUsed {
    /// The request.
    pub pending_id: RequestId,
    /// The voucher.
    pub voucher_id: VoucherId,
    /// Who.
    pub user: UserName,
    /// What for.
    pub profile: ProfileName,
    /// Why.
    pub reason: Option<Reason>,
}

//! Why a voucher is not taken.

use ca_core::names::ProfileName;
use ca_core::policy::Quorum;
use ca_core::voucher::SecretError;

/// Why a voucher is not taken, or not sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoucherProblem {
    /// There is none of that id or secret.
    #[error("there is no such voucher")]
    Unknown,
    /// What was shown is no secret of a voucher.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It was used, or is being used.
    #[error("this voucher was used already")]
    Used,
    /// An officer took it back.
    #[error("this voucher was withdrawn")]
    Withdrawn,
    /// Too few officers sealed it whose word counts for whoever shows it.
    #[error("this voucher is not sealed by enough people: it has {0}")]
    Unsealed(Quorum),
    /// The policy does not let the caller seal vouchers for this profile.
    #[error("the policy does not let you seal vouchers for {0}")]
    NotYours(ProfileName),
    /// The profile takes none.
    #[error("{0} takes no vouchers: it does not say break_glass")]
    NotTaken(ProfileName),
    /// The profile is written otherwise than the voucher says.
    #[error("{0} is not written as the voucher says")]
    ProfileChanged(ProfileName),
    /// Nobody seals a voucher for themselves.
    #[error("nobody seals a voucher of their own")]
    Own,
    /// The caller has sealed it already.
    #[error("you have sealed this voucher already")]
    Again,
    /// There is another voucher of that id or secret.
    #[error("there is another voucher of that id or secret")]
    Conflict,
    /// There is nothing to look into.
    #[error("there is no emergency to review here, or it was reviewed already")]
    NothingToReview,
    /// A review says nothing.
    #[error("a review has to say what was found")]
    NoteMissing,
}

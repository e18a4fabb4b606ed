//! What a voucher is good for.

use super::facts::Facts;
use super::{Policy, Profile};
use crate::names::ProfileName;
use crate::time::UnixSeconds;

/// A rule about vouchers that says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoucherDenial {
    /// The profile does not take vouchers.
    #[error("{profile} takes no vouchers")]
    NotTaken {
        /// The profile.
        profile: ProfileName,
    },
    /// The voucher is for another profile.
    #[error("the voucher is for {named}, not for {profile}")]
    OtherProfile {
        /// The profile asked for.
        profile: ProfileName,
        /// The one that the voucher names.
        named: ProfileName,
    },
    /// The profile is not what it was when officers sealed the voucher.
    #[error("{profile} was changed after the voucher was sealed")]
    ProfileChanged {
        /// The profile.
        profile: ProfileName,
    },
    /// The voucher is another account's.
    #[error("the voucher is somebody else's")]
    OtherHolder,
    /// The voucher is over.
    #[error("the voucher ended {ended}")]
    Over {
        /// When.
        ended: UnixSeconds,
    },
}

/// Holds a voucher that was shown, if one was, against what it says and what the policy takes.
pub(super) fn voucher_rules(
    policy: &Policy,
    (name, profile): (&ProfileName, &Profile),
    facts: &Facts,
    now: UnixSeconds,
) -> Vec<VoucherDenial> {
    let Some(voucher) = facts.waited.as_ref().and_then(|waited| waited.voucher.as_ref()) else {
        return Vec::new();
    };
    let profile_name = || name.clone();
    let unchanged = policy.profile_digest(name) == Some(voucher.profile_digest);
    let rules = [
        (profile.break_glass, VoucherDenial::NotTaken { profile: profile_name() }),
        (
            voucher.profile == *name,
            VoucherDenial::OtherProfile { profile: profile_name(), named: voucher.profile.clone() },
        ),
        (voucher.profile != *name || unchanged, VoucherDenial::ProfileChanged { profile: profile_name() }),
        (voucher.holder.as_ref().is_none_or(|holder| *holder == facts.user.name), VoucherDenial::OtherHolder),
        (now <= voucher.expires_at, VoucherDenial::Over { ended: voucher.expires_at }),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, denial)| denial).collect()
}

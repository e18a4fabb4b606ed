//! An approval whose signature holds, and what it has to be about.

use super::{Approval, ApprovalError, NAMESPACE, RequestHash};
use crate::log::checkpoint::Origin;
use crate::names::{ApprovalId, RequestId, UserName};
use crate::policy::PolicyId;
use crate::request::FRESHNESS_SECS;
use crate::ssh::{PublicKey, UnverifiedSshSig};
use crate::time::{UnixMillis, UnixSeconds};

/// The request that an approval has to be about, as it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The authority.
    pub authority: Origin,
    /// The request.
    pub request: RequestId,
    /// The hash of its exact text.
    pub request_hash: RequestHash,
    /// The policy it waits under.
    pub policy: PolicyId,
    /// When its wait ends.
    pub expires_at: UnixSeconds,
}

impl Approval {
    /// Checks that it is about exactly this request, under this policy, in this wait (A2, A3).
    pub fn check_about(&self, subject: &Subject) -> Result<(), ApprovalError> {
        let rules = [
            (self.authority == subject.authority, ApprovalError::OtherAuthority),
            (
                self.request == subject.request && self.request_hash == subject.request_hash,
                ApprovalError::OtherRequest,
            ),
            (self.policy == subject.policy, ApprovalError::OtherPolicy),
            (self.expires_at == subject.expires_at, ApprovalError::OtherExpiry),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Checks that it was made just now.
    pub fn check_fresh(&self, now: UnixMillis) -> Result<(), ApprovalError> {
        check_fresh(self.id, now)
    }

    /// Checks in whose name it is.
    pub fn check_by(&self, user: &UserName) -> Result<(), ApprovalError> {
        if self.approver == *user { Ok(()) } else { Err(ApprovalError::OtherApprover) }
    }
}

/// Checks that something was signed just now.
pub(crate) fn check_fresh(id: ApprovalId, now: UnixMillis) -> Result<(), ApprovalError> {
    if id.time().0.abs_diff(now.0) <= FRESHNESS_SECS * 1000 { Ok(()) } else { Err(ApprovalError::Stale) }
}

/// Verifies an armoured SSHSIG over a text by one of these keys.
pub(crate) fn verify_by(
    keys: &[PublicKey],
    namespace: &'static str,
    text: &str,
    signature: &str,
) -> Result<(), ApprovalError> {
    let parsed = UnverifiedSshSig::from_armoured(signature)?;
    let key = keys.iter().find(|key| *key == parsed.unverified_key()).ok_or(ApprovalError::NoSuchKey)?;
    Ok(parsed.verify(key, namespace, text.as_bytes())?)
}

/// An approval that one of the officer's keys signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenApproval {
    approval: Approval,
    text: String,
    signature: String,
}

impl ProvenApproval {
    /// Verifies the armoured SSHSIG over the approval's text by one of the keys that are the officer's.
    ///
    /// A security key must have seen a touch; [`crate::ssh::Signature::verify`] takes no other.
    pub fn verify(approval: Approval, signature: String, keys: &[PublicKey]) -> Result<Self, ApprovalError> {
        let text = approval.to_text();
        verify_by(keys, NAMESPACE, &text, &signature)?;
        Ok(Self { approval, text, signature })
    }

    /// Gives what was said.
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// Gives the canonical text that was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the armoured signature.
    pub fn signature(&self) -> &str {
        &self.signature
    }
}

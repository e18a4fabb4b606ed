//! What waits for approval, and what officers said to it.

use serde::{Deserialize, Serialize};

use crate::approval::ProvenApproval;
use crate::names::{Label, RequestId, UserName};
use crate::policy::{Approver, Facts, PolicyId, Source};
use crate::time::UnixSeconds;

/// A change of the keys that an officer approves with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeyChange {
    /// Whose.
    pub user: UserName,
    /// The public key, in OpenSSH's one-line form.
    pub key: String,
    /// What its owner calls it.
    pub label: Label,
    /// The session it was done with.
    pub session: String,
    /// Where from.
    pub source: Source,
}

/// A request that every rule grants but for the approvals it needs, with what that was decided of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPending {
    /// The canonical request.
    pub request: String,
    /// The armoured proof of possession.
    pub signature: String,
    /// The facts.
    pub facts: Facts,
    /// The policy.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// The request's identity.
    pub pending_id: RequestId,
    /// How many people have to approve.
    pub needed: u8,
    /// When it is too late.
    pub expires_at: UnixSeconds,
}

/// What an officer said to a request, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerVerdict {
    /// The request.
    pub pending_id: RequestId,
    /// What was signed.
    #[serde(flatten)]
    pub signed: SignedApproval,
    /// Who, how they had logged in, where and when.
    pub approver: Approver,
}

/// An approval as it was signed: what an auditor needs to verify it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedApproval {
    /// The canonical text.
    pub text: String,
    /// The armoured signature.
    pub signature: String,
}

impl From<&ProvenApproval> for SignedApproval {
    fn from(proven: &ProvenApproval) -> Self {
        Self { text: proven.text().to_owned(), signature: proven.signature().to_owned() }
    }
}

/// The end of a request that gets no certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestClosed {
    /// The request.
    pub pending_id: RequestId,
    /// Why it gets none.
    pub outcome: Closing,
    /// Who or what closed it.
    pub by: String,
}

/// Why a request gets no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Closing {
    /// Its requester took it back.
    Cancelled,
    /// An officer denied it.
    Denied,
    /// It waited too long.
    Expired,
    /// The policy is not the one it waited under (A2).
    PolicyChanged,
    /// The requester's account was switched off, or changed (A16).
    UserDisabled,
    /// A rule says no now that said yes when it was asked.
    NotPermitted,
    /// What the server remembers of it cannot be relied on.
    Void,
}

impl Closing {
    /// Every way to end.
    pub const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::Denied,
        Self::Expired,
        Self::PolicyChanged,
        Self::UserDisabled,
        Self::NotPermitted,
        Self::Void,
    ];

    /// Gives its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::PolicyChanged => "policy-changed",
            Self::UserDisabled => "user-disabled",
            Self::NotPermitted => "not-permitted",
            Self::Void => "void",
        }
    }
}

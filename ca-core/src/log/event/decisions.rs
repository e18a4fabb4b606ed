//! What the policy decided, with everything the decision was made of.

use serde::{Deserialize, Serialize};

use super::SignedApproval;
use crate::names::{ProfileName, Reason, RequestId, UserName};
use crate::policy::{Facts, PolicyId};
use crate::time::{Ttl, UnixSeconds};

/// A request that was denied, with what the decision was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDenied {
    /// The canonical request.
    pub request: String,
    /// The armoured proof of possession.
    pub signature: String,
    /// The facts.
    pub facts: Facts,
    /// The policy that was asked.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// Why not.
    pub reasons: Vec<String>,
}

/// Everything a certificate rests on, and the certificate but for its proof and signature.
///
/// The first six fields are the evidence that [`crate::audit`] replays. The rest repeats, for people and queries, what
/// follows from them, and the audit checks that it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateIntent {
    /// The canonical request.
    pub request: String,
    /// The armoured proof of possession.
    pub signature: String,
    /// The facts.
    pub facts: Facts,
    /// The policy that granted.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// The to-be-signed bytes without the proof extension, in base64.
    pub precert: String,
    /// The request's identity.
    pub request_id: RequestId,
    /// The profile.
    pub profile: ProfileName,
    /// The accounts.
    pub principals: Vec<String>,
    /// The lifetime from the decision on.
    pub ttl: Ttl,
    /// Why.
    pub reason: Option<Reason>,
    /// What the approvers signed, in the order of the facts' approvals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<SignedApproval>,
    /// Who approved.
    pub approvers: Vec<UserName>,
    /// The certified key's fingerprint.
    pub key: String,
    /// What sshd logs.
    pub key_id: String,
    /// The serial, which is the index of this entry.
    pub serial: u64,
    /// The CA key's fingerprint.
    pub ca: String,
    /// The first second of validity.
    pub valid_after: UnixSeconds,
    /// The first second after validity.
    pub valid_before: UnixSeconds,
}

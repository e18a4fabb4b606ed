//! Requests that wait for approval, what officers say to them, and the keys they say it with.

use serde::{Deserialize, Serialize};

use crate::IssuedCertificate;

bodies! {
    /// The answer to a request that has to be approved first (202).
    pub struct PendingRequest {
        /// The request.
        pub request_id: String,
        /// How many people have to approve.
        pub needs: u8,
        /// The groups of which each must be in one.
        pub groups: Vec<String>,
        /// When it is too late, in seconds since the epoch.
        pub expires_at: u64,
    }

    /// `GET /v1/requests`: the caller's own requests, and those they may decide.
    pub struct WaitingRequests {
        /// The newest of the caller's own first, then the oldest of others.
        pub requests: Vec<WaitingRequest>,
    }

    /// `GET /v1/requests/{id}`: a request that waits, or has waited.
    pub struct WaitingRequest {
        /// Its identity.
        pub id: String,
        /// Who asked.
        pub user: String,
        /// Whether the caller did.
        pub own: bool,
        /// `pending`, `issuing`, `issued`, `closing` or `closed`.
        pub state: String,
        /// Why it was closed, such as `cancelled` or `denied`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub outcome: Option<String>,
        /// Who or what closed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub closed_by: Option<String>,
        /// The reason that was given for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub closed_reason: Option<String>,
        /// The canonical text, which is what is approved.
        pub request: String,
        /// The requester's proof that they hold the key in it.
        pub signature: String,
        /// The policy it waits under.
        pub policy: String,
        /// Where it was asked from.
        pub source: String,
        /// When it was asked, in seconds since the epoch.
        pub asked_at: u64,
        /// When it is too late, in seconds since the epoch.
        pub expires_at: u64,
        /// How many people have to approve.
        pub needs: u8,
        /// The groups of which each must be in one.
        pub groups: Vec<String>,
        /// The accounts that it asks for, as its profile has them now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub accounts: Vec<String>,
        /// How long its certificate would last, in seconds, as its profile has it now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lasts_secs: Option<u64>,
        /// Who has approved, in order.
        pub approvals: Vec<GivenApproval>,
        /// The voucher that was shown in place of waiting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub voucher: Option<String>,
        /// Whether a voucher was used and nobody has looked into that yet.
        #[serde(default)]
        pub to_review: bool,
        /// The certificate, for who asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub issued: Option<IssuedCertificate>,
    }

    /// An approval that was given.
    pub struct GivenApproval {
        /// Who gave it.
        pub approver: String,
        /// When, in seconds since the epoch.
        pub at: u64,
        /// What was signed.
        pub text: String,
        /// The armoured SSHSIG over it.
        pub signature: String,
    }

    /// `POST /v1/requests/{id}/approvals`: what an officer says to a request, signed.
    pub struct NewApproval {
        /// The canonical text of the approval (`docs/log-format.md`).
        pub text: String,
        /// The armoured SSHSIG over that text by a key of the officer's, namespace `approval@countersign.v1`.
        pub signature: String,
    }

    /// `GET /v1/account/signing-keys`: the keys that the account approves with.
    pub struct SigningKeys {
        /// The oldest first.
        pub signing_keys: Vec<SigningKey>,
    }

    /// A key to approve with.
    pub struct SigningKey {
        /// Its identity: its SHA-256 in hexadecimal.
        pub id: String,
        /// Its SHA-256 fingerprint, as OpenSSH writes it.
        pub fingerprint: String,
        /// The public key, in OpenSSH's one-line form.
        pub key: String,
        /// What its owner calls it.
        pub label: String,
        /// When it was registered, in seconds since the epoch.
        pub created_at: u64,
    }

    /// `POST /v1/account/signing-keys`: registers a key to approve with.
    pub struct NewSigningKey {
        /// What its owner calls it.
        pub label: String,
        /// The canonical text of the registration (`docs/log-format.md`).
        pub text: String,
        /// The armoured SSHSIG over that text by the key in it, namespace `signing-key@countersign.v1`.
        pub signature: String,
    }
}

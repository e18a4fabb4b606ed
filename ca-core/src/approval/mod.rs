//! Approvals: what an officer signs about exactly one request (I5).
//!
//! ```text
//! text ──from_text──▶ Approval ──verify(signature, the officer's keys)──▶ ProvenApproval
//! ```
//!
//! Like a request, the signed bytes are the approval: only the one way to write it is accepted. It names the hash of the
//! request's exact text, the policy and the end of the wait, so it is none for a request or a policy that changed.

mod error;
mod proven;
mod signing_key;
mod text;

pub use error::ApprovalError;
pub use proven::{ProvenApproval, Subject};
pub(crate) use proven::{check_fresh, verify_by};
pub use signing_key::{KEY_NAMESPACE, ProvenSigningKey, SigningKey};
pub use text::{Approval, RequestHash, Verdict};

/// The SSHSIG namespace of an approval; no other signature of the key can stand in for it.
pub const NAMESPACE: &str = "approval@countersign.v1";

//! Recovery of an account whose owner has lost everything: what each officer signs about it.
//!
//! ```text
//! text ──from_text──▶ Vote ──verify(signature, the officer's keys)──▶ ProvenVote
//! ```
//!
//! As with an approval, the signed bytes are the vote: only the one way to write it is accepted. Every officer signs a
//! text in their own name; all of them name the same recovery and the same account.

mod text;

pub use text::{ProvenVote, Vote};

/// The SSHSIG namespace of a vote; no other signature of the key can stand in for it.
pub const NAMESPACE: &str = "recovery@countersign.v1";

/// The fewest people that give an account back, none of them its owner.
pub const MIN_OFFICERS: u8 = 2;

/// The most people that can be asked for.
pub const MAX_OFFICERS: u8 = 8;

//! Vouchers: sealed by officers in advance, shown when none can be reached (break-glass), looked into afterwards.
//!
//! ```text
//! seal ── recorded ─▶ enough seals ── secret shown ─▶ recorded, officers told ─▶ claimed ─▶ as any approved request ─▶ issued
//!                                                                                                └─▶ review ── recorded
//! ```
//!
//! A voucher stands for approvals, and [`ca_core::policy::decide`] counts its seals as such; nothing else is different:
//! the request is issued by [`crate::approvals::advance`], like every other.

mod error;
mod open;
mod review;
mod seal;

pub use error::VoucherProblem;
pub use open::open;
pub use review::{may_review, review};
pub use seal::{seal, withdraw};

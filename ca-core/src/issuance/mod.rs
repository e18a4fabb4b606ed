//! How a certificate comes to be, as types: granted → precert → logged → signed.
//!
//! ```text
//! Grant ──prepare──▶ Precert ──logged(inclusion, checkpoint)──▶ LoggedPrecert ──finish(signature)──▶ Certificate
//! ```
//!
//! The steps cannot be left out or reordered (I1): only a proof that verifies makes a [`LoggedPrecert`], and only that
//! gives out bytes to sign. A precert cannot be signed:
//!
//! ```compile_fail
//! # fn signer(_: &[u8]) -> ca_core::ssh::Signature { unimplemented!() }
//! fn sign(precert: ca_core::issuance::Precert) {
//!     precert.finish(signer(b""));
//! }
//! ```
//!
//! and nobody can call a precert logged:
//!
//! ```compile_fail
//! fn pretend(precert: ca_core::issuance::Precert) -> ca_core::issuance::LoggedPrecert {
//!     ca_core::issuance::LoggedPrecert { content: precert.content().clone(), to_be_signed: vec![] }
//! }
//! ```
//!
//! Nor can a grant to a host come before the CA key for users, or the other way round (H4):
//!
//! ```compile_fail
//! # use ca_core::{issuance::*, names::Serial};
//! fn mix(grant: &HostGrant, serial: Serial, users: &UserCa) -> Precert {
//!     Precert::prepare_host(grant, serial, &[0; 32], users)
//! }
//! ```

mod ca;
mod evidence;
mod logged;
mod precert;

pub use ca::{Cas, HostCa, SameCaKey, UserCa};
pub use evidence::{LogEvidence, NotLogged, VerifiedEvidence, extension_name};
pub use logged::{Inclusion, LoggedPrecert};
pub use precert::{Grant, HostGrant, Nonce, Precert};

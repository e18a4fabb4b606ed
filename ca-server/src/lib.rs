//! The signing server: checks factors, asks the policy, records, and only then signs.

pub mod clock;
pub mod config;
pub mod ledger;
pub mod objects;
pub mod secret_file;
pub mod signer;

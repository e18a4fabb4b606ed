//! The signing server: checks factors, asks the policy, records, and only then signs.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod ceremony;
pub mod clock;
pub mod commands;
pub mod config;
pub mod error;
pub mod factors;
pub mod ids;
pub mod issue;
pub mod key_files;
pub mod ledger;
pub mod listen;
pub mod login;
pub mod messages;
pub mod objects;
pub mod policy_files;
pub mod routes;
pub mod secret;
pub mod secret_file;
pub mod signer;
pub mod start;
pub mod store;

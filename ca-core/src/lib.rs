//! Countersign's domain, pure: what a request is, who may have what, and how a certificate comes to be.
//!
//! Nothing here reads a clock, randomness, a file or a socket (I3): time and nonces are arguments.
//!
//! Reading order: [`names`], [`time`], [`ssh`], [`request`], [`host_request`], [`policy`], [`approval`], [`voucher`],
//! [`recovery`], [`cert`],
//! [`issuance`], [`krl`], [`log`], [`revocation`], [`audit`].

pub mod approval;
pub mod audit;
pub mod cert;
pub mod host_request;
pub mod issuance;
pub mod krl;
mod lines;
pub mod log;
pub mod names;
pub mod policy;
pub mod recovery;
pub mod request;
pub mod revocation;
pub mod ssh;
pub mod time;
pub mod voucher;
pub mod wire;

//! What people do, from beginning to end, with the real programs.

mod account;
mod approval;
mod c2sp;
mod cas;
mod directory;
mod explain;
mod hosts;
mod officer;
mod policy;
mod report;
mod s3;
mod webauthn;

//! The ledger under faults: what was answered stays, nothing forks, and a request has one certificate.
//!
//! Every test ends with [`audit::audit`], which reads the whole log from its first entry with no code of the ledger's.
//! Most run with their time paused: it jumps ahead when nothing can run, so nothing is waited for and no clock decides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod audit;
mod crash;
mod damage;
mod directory;
mod nodes;
mod outage;
mod property;
mod repeat;
mod stores;
mod support;

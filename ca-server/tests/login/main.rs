//! Logins and the state below them, without a network.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod codes;
mod devices;
mod failures;
mod own_account;
mod rollbacks;
mod rotation;
mod sessions;
mod sms;
mod state;
mod support;

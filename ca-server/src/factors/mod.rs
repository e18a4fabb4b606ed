//! What people prove themselves with: the mechanics of each factor, without accounts or counting.

mod common;
mod crockford;
pub mod hash_pool;
pub mod key_ring;
pub mod password;
pub mod pepper;
pub mod recovery;
pub mod sealing;
pub mod sealing_keys;
pub mod short_code;
pub mod sms;
pub mod totp;
pub mod webauthn;
pub mod yubikey;

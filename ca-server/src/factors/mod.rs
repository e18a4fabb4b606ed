//! What people prove themselves with: the mechanics of each factor, without accounts or counting.

mod crockford;
pub mod hash_pool;
pub mod password;
pub mod recovery;
pub mod sealing;
pub mod short_code;
pub mod totp;
pub mod webauthn;
pub mod yubikey;

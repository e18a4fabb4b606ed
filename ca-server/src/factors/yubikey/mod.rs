//! Yubico OTP: a text that a Yubikey types, checked by validation servers over Yubico's validation protocol 2.0.
//!
//! An OTP is the key's public id and one AES block that the validation servers alone can read. They say whether it is
//! genuine and new, and which counter it carries; that each counter is accepted once here as well is decided by the store.
//!
//! [`otp`] is what a person types, [`protocol`] the pure half of the client, [`validator`] the half with sockets.

pub mod otp;
pub mod protocol;
pub mod validator;

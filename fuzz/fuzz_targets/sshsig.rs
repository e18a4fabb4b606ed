//! An armoured signature is read without a panic, and verifies nothing by a key that never signed.
#![no_main]

use ca_core::request::NAMESPACE;
use ca_core::ssh::{PublicKey, UnverifiedSshSig};

/// The public half of RFC 8032's first example (§7.1).
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (Ok(signature), Ok(key)) = (UnverifiedSshSig::from_armoured(text), KEY.parse::<PublicKey>()) else {
        return;
    };
    assert!(signature.verify(&key, NAMESPACE, b"never signed").is_err());
});

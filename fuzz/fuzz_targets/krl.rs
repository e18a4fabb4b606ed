//! A KRL is read without a panic, and what it says can be asked; serial 0 is never among it.
#![no_main]

use ca_core::krl::{Krl, Why};
use ca_core::ssh::PublicKey;

/// The public half of RFC 8032's first example (§7.1).
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

libfuzzer_sys::fuzz_target!(|parts: (u64, &[u8])| {
    let (serial, bytes) = parts;
    let (Ok(krl), Ok(key)) = (Krl::parse(bytes), KEY.parse::<PublicKey>()) else { return };
    let _ = krl.revokes_certificate(&key, serial, "ann", &key);
    assert_ne!(krl.revokes_certificate(&key, 0, "ann", &key), Some(Why::Serial));
});

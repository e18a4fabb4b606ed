//! Yubico's validation protocol 2.0, without the sockets: what is asked, and what an answer proves.
//!
//! <https://developers.yubico.com/OTP/Specifications/OTP_validation_protocol.html>. Question and answer are sets of keys
//! and values, signed with HMAC-SHA-1 over `key=value` pairs in the order of the keys, joined by `&`.

mod request;
mod response;

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub use request::{Nonce, NonceError, Request, SyncLevel, SyncLevelError};
pub use response::{Accepted, MAX_BYTES, Refusal, Response, ServerFault, Verdict, YubicoError};

/// No shorter secret is taken, in bytes; Yubico's have 20.
const SHORTEST_KEY_BYTES: usize = 16;

/// The key under which a question or answer carries its signature.
const SIGNATURE: &str = "h";

/// A text is not the secret of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key is at least {SHORTEST_KEY_BYTES} bytes in base64, as Yubico gives it out")]
pub struct ApiKeyError;

/// The secret that a client of validation servers shares with them; it signs in both directions.
#[derive(Clone)]
pub struct ApiKey(hmac::Key);

impl ApiKey {
    /// Reads the secret in base64, as Yubico gives it out.
    pub fn from_base64(text: &str) -> Result<Self, ApiKeyError> {
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| ApiKeyError)?);
        if bytes.len() < SHORTEST_KEY_BYTES {
            return Err(ApiKeyError);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes)))
    }

    /// Signs keys and values, `h` not among them; in base64.
    fn sign(&self, pairs: &BTreeMap<&str, &str>) -> String {
        STANDARD.encode(hmac::sign(&self.0, signed_text(pairs).as_bytes()))
    }

    /// Compares a signature in constant time.
    fn signed(&self, pairs: &BTreeMap<&str, &str>, signature: &[u8]) -> bool {
        hmac::verify(&self.0, signed_text(pairs).as_bytes(), signature).is_ok()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Writes what is signed; it holds the OTP.
fn signed_text(pairs: &BTreeMap<&str, &str>) -> Zeroizing<String> {
    let signed = pairs.iter().filter(|(key, _)| **key != SIGNATURE);
    let len = pairs.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
    let mut text = Zeroizing::new(String::with_capacity(len));
    for (key, value) in signed {
        let separator = if text.is_empty() { "" } else { "&" };
        for part in [separator, key, "=", value] {
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests;

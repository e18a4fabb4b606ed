//! How much patience the server has with its clients (S2).

use ca_core::time::Ttl;
use serde::Deserialize;

/// What a client may take its time with, and for how long.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// For the TLS handshake, and then for the head of each request.
    pub head: Ttl,
    /// For a whole call, its body included.
    pub call: Ttl,
    /// For saying nothing at all, in either direction; above `call`, so that a slow answer is not cut off.
    pub silence: Ttl,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = |secs: u64| Ttl::from_secs(secs).unwrap_or(Ttl::MAX);
        Self { head: secs(10), call: secs(30), silence: secs(60) }
    }
}

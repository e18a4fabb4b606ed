//! How many clients the server has at once (S1), and how much patience with each (S2).

use std::num::NonZeroUsize;

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
    /// How many connections are open at once; one source address gets at most half of them.
    pub connections: NonZeroUsize,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = |secs: u64| Ttl::from_secs(secs).unwrap_or(Ttl::MAX);
        let connections = NonZeroUsize::MIN.saturating_add(4095);
        Self { head: secs(10), call: secs(30), silence: secs(60), connections }
    }
}

//! Certificates for hosts.

use serde::{Deserialize, Serialize};

bodies! {
    /// `POST /v1/host-certificates`: a request for a host, signed by the host's key where that is at hand.
    pub struct HostCertificateRequest {
        /// The canonical text of the request (`docs/log-format.md`).
        pub request: String,
        /// The armoured SSHSIG over that text by the key in it, namespace `host-request@countersign.v1`; a host profile
        /// may demand it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub signature: Option<String>,
    }

    /// `GET /v1/host-profiles`: the kinds of host there are.
    pub struct HostProfiles {
        /// The policy's identity, the SHA-256 of its bytes.
        pub policy: String,
        /// The host profiles the caller may have hosts certified under.
        pub profiles: Vec<HostProfileSummary>,
    }

    /// One kind of host.
    pub struct HostProfileSummary {
        /// Its name.
        pub name: String,
        /// What it is for.
        pub description: String,
        /// The patterns of the names it takes; `*` stands for exactly one label.
        pub names: Vec<String>,
        /// Whether a certificate itself may carry a `*.` name.
        pub wildcards: bool,
        /// The lifetime when none is asked for.
        pub default_ttl: String,
        /// The longest lifetime.
        pub max_ttl: String,
        /// The factors of which one is needed.
        pub factors: Vec<String>,
        /// Whether the host's key must sign the request.
        pub require_possession: bool,
        /// Whether a reason must be given.
        pub require_reason: bool,
    }
}

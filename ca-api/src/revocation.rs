//! `/v1/revocations`.

use serde::{Deserialize, Serialize};

bodies! {
    /// `POST /v1/revocations`: takes certificates or a key away.
    pub struct NewRevocation {
        /// What kind of thing: `user`, `key`, `serial`, `certificate` or `ca-key`.
        pub kind: String,
        /// Which: a name or e-mail address, a fingerprint (`SHA256:…`), a serial, or a request id.
        pub what: String,
        /// Why, in one line.
        pub reason: String,
    }

    /// A revocation, recorded.
    pub struct RevocationDone {
        /// Its entry in the log.
        pub entry: u64,
        /// How many live certificates it took; left out while that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub certificates: Option<u64>,
        /// The version of the KRL that has it; left out while none has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub krl_version: Option<u64>,
    }

    /// `GET /v1/revocations`: the newest first.
    pub struct RevocationList {
        /// The revocations.
        pub revocations: Vec<Revocation>,
    }

    /// A revocation, as it is listed.
    pub struct Revocation {
        /// Its entry in the log.
        pub entry: u64,
        /// What kind of thing.
        pub kind: String,
        /// Which.
        pub what: String,
        /// Why.
        pub reason: String,
        /// Who did it.
        pub by: String,
        /// When, in seconds since the epoch.
        pub at: u64,
        /// How many live certificates it took.
        pub certificates: u64,
    }
}

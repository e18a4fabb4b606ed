//! Vouchers: approvals in advance, for emergencies.

use serde::{Deserialize, Serialize};

use crate::Secret;

bodies! {
    /// `POST /v1/certificates/break-glass`: a request, with a voucher in place of waiting for approvals.
    pub struct BreakGlassRequest {
        /// The canonical text of the request (`docs/log-format.md`).
        pub request: String,
        /// The armoured SSHSIG over that text by the key in it, namespace `request@countersign.v1`.
        pub signature: String,
        /// The secret of the voucher.
        pub voucher: Secret,
    }

    /// `POST /v1/vouchers`: an officer's seal on a voucher; the first one makes it.
    pub struct NewSeal {
        /// The canonical text of the voucher (`docs/log-format.md`), the same for every officer.
        pub text: String,
        /// The armoured SSHSIG over that text by a key of the officer's, namespace `voucher@countersign.v1`.
        pub signature: String,
    }

    /// `GET /v1/vouchers`: what the caller may seal, and what is sealed.
    pub struct Vouchers {
        /// The profiles that take vouchers.
        pub profiles: Vec<SealableProfile>,
        /// The vouchers for these, the oldest first.
        pub vouchers: Vec<Voucher>,
    }

    /// A profile that takes vouchers.
    pub struct SealableProfile {
        /// Its name.
        pub name: String,
        /// The SHA-256 of how it is written.
        pub sha256: String,
        /// How many people have to seal one.
        pub needs: u8,
    }

    /// A voucher.
    pub struct Voucher {
        /// Its identity.
        pub id: String,
        /// What was sealed.
        pub text: String,
        /// `unsealed`, `ready`, `used`, `withdrawn`, `over` or `void`, when the profile was changed.
        pub state: String,
        /// How many people have to seal it.
        pub needs: u8,
        /// Who has.
        pub sealed_by: Vec<String>,
        /// The request it was used for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub used_by: Option<String>,
    }
}

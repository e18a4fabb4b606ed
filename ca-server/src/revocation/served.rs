//! The KRL that is served, with its signature: one snapshot.

use bytes::Bytes;
use ca_core::krl::{self, KrlVersion, Revocations};
use ca_core::log::hash::sha256;
use ca_core::time::UnixSeconds;

use crate::store::KrlRow;

/// A KRL and the signature of just these bytes.
#[derive(Clone, Debug)]
pub struct ServedKrl {
    /// Its number.
    pub version: KrlVersion,
    /// The time it bears.
    pub generated: UnixSeconds,
    /// The file.
    pub bytes: Bytes,
    /// The armoured SSHSIG by the log's key.
    pub signature: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

impl ServedKrl {
    /// Tells whether these revocations, written at the same time, would give the same file.
    pub(super) fn says(&self, revocations: &Revocations) -> bool {
        krl::write(revocations, self.version, self.generated, "") == self.bytes
    }
}

impl From<KrlRow> for ServedKrl {
    fn from(row: KrlRow) -> Self {
        Self {
            version: KrlVersion(row.version),
            generated: row.generated,
            sha256: hex::encode(sha256(&row.bytes)),
            bytes: row.bytes.into(),
            signature: row.signature,
        }
    }
}

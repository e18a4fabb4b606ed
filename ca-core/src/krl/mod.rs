//! Key revocation lists (OpenSSH PROTOCOL.krl): what is revoked, written small, read strictly, and signed as a file.
//!
//! sshd fails both ways: a `RevokedKeys` file that is empty or only comments lets every revoked certificate in, and one it
//! cannot read locks everybody out. The writer therefore writes only what every sshd since 7.9 reads, and the reader
//! refuses all that sshd would not take for a KRL, so that the one before it can stay (H3).
//!
//! Reading order: [`Revocations`], [`write`](fn@write), [`Krl`], [`SignedKrl`].

mod bitmap;
mod ca_key;
mod certificates;
mod cluster;
mod error;
mod model;
mod read;
mod section;
mod signed;
mod write;

pub use error::KrlError;
pub use model::{KeyIdError, Revocations, RevokedKeyId};
pub use read::{Krl, Why};
pub use signed::{NAMESPACE, SignedKrl, SignedKrlError, sign, to_sign};
pub use write::write;

/// The most bytes a KRL may have: sshd reads all of it at every login.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of a bitmap of serials; sshd refuses a longer integer, and the KRL with it.
const MAX_BITMAP_BYTES: usize = 2048;

/// The most bits of a bitmap of serials: 16,384.
const MAX_BITMAP_BITS: u64 = 8 * MAX_BITMAP_BYTES as u64;

/// A KRL's number, which rises with each one that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct KrlVersion(pub u64);

impl std::fmt::Display for KrlVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

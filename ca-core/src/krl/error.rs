//! Why bytes are not a KRL.

use super::{MAX_BITMAP_BITS, MAX_BYTES};
use crate::ssh::KeyError;
use crate::wire::Truncated;

/// Why a KRL is refused; the one a host has stays (H3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KrlError {
    /// It has no bytes.
    #[error("the KRL is empty, and sshd would let the revoked in")]
    Empty,
    /// It is nothing but NUL bytes.
    #[error("the KRL is nothing but NUL bytes, and sshd would let the revoked in")]
    Nul,
    /// It is a text of blank lines and comments.
    #[error("the KRL is a text without any key, and sshd would let the revoked in")]
    OnlyComments,
    /// It is larger than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("the KRL has {bytes} bytes; {MAX_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It does not begin as a KRL does; a list of keys as text is none either.
    #[error("this is not an OpenSSH KRL")]
    NotAKrl,
    /// Its format is not version 1.
    #[error("KRL format version {found} is not known")]
    FormatVersion {
        /// The version it has.
        found: u32,
    },
    /// It has flags, of which none are defined.
    #[error("the KRL has unknown flags {flags:#x}")]
    Flags {
        /// The flags it has.
        flags: u64,
    },
    /// It ends early.
    #[error("the KRL ends in the middle of a field")]
    Truncated,
    /// A section has more bytes than belong into it.
    #[error("section {section:#04x} of the KRL has bytes left over")]
    TrailingBytes {
        /// The section's type.
        section: u8,
    },
    /// A section that has to say something is empty.
    #[error("section {section:#04x} of the KRL is empty")]
    EmptySection {
        /// The section's type.
        section: u8,
    },
    /// A section's type is not known.
    #[error("section {section:#04x} of the KRL is not known")]
    UnknownSection {
        /// The section's type.
        section: u8,
    },
    /// It has an embedded signature, which sshd refuses since OpenSSH 9.4 and nothing verifies.
    #[error("the KRL has an embedded signature, which sshd does not take: sign the file instead")]
    EmbeddedSignature,
    /// It has an extension that must be understood and is not.
    #[error("the KRL has the unknown critical extension {name:?}")]
    CriticalExtension {
        /// The extension's name, shortened.
        name: String,
    },
    /// It revokes serial 0, which sshd takes for an error.
    #[error("the KRL revokes serial 0, and sshd would refuse everybody")]
    SerialZero,
    /// A range ends before it starts.
    #[error("the KRL has a range of serials from {first} to {last}")]
    RangeOrder {
        /// Where it starts.
        first: u64,
        /// Where it ends.
        last: u64,
    },
    /// A bitmap is longer than sshd reads.
    #[error("a bitmap in the KRL has {bytes} bytes: more than the {MAX_BITMAP_BITS} bits that sshd reads")]
    BitmapTooLong {
        /// The length of its integer.
        bytes: usize,
    },
    /// A bitmap is not a positive integer in its one spelling (RFC 4251 §5), or goes beyond the last serial.
    #[error("a bitmap in the KRL is malformed")]
    Bitmap,
    /// A hash does not have the length of its algorithm.
    #[error("a fingerprint in the KRL has {bytes} bytes")]
    HashLength {
        /// The length it has.
        bytes: usize,
    },
    /// Fingerprints are out of order or twice.
    #[error("the fingerprints in the KRL are not in order, each once")]
    HashOrder,
    /// A key id or the comment has a NUL byte inside.
    #[error("a text in the KRL has a NUL byte inside")]
    NulInText,
    /// The key of a CA is a point beside its curve, or an RSA key too small or large for sshd.
    #[error("the key of a CA in the KRL is one that sshd does not read")]
    UnreadableCaKey,
    /// The key of a CA is not one we know.
    #[error("the key of a CA in the KRL: {0}")]
    CaKey(#[from] KeyError),
}

impl From<Truncated> for KrlError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

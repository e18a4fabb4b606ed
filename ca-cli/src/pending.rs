//! A request that waits for approval, as this machine keeps it: what was asked, and the key that it is for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A request that waits, and where its certificate will go; the file is readable by its owner only, and gone when it is over.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct PendingFile {
    /// The request's text.
    pub(crate) request: String,
    /// The seed of the key that was made for it, in hexadecimal, or none for a key of its owner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<String>,
    /// Where the certificate goes, for a key of its owner's.
    #[zeroize(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<PathBuf>,
    /// When it is too late, in seconds since the epoch.
    pub(crate) expires_at: u64,
}

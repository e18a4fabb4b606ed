//! `cargo xtask common-passwords`: makes the list of common passwords that the server refuses.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

/// The server refuses shorter ones for their length, in characters.
const MIN_CHARS: usize = 8;

/// How much of each SHA-256 is kept, in bytes.
const PREFIX_BYTES: usize = 5;

const LIST: &str = "ca-server/src/factors/common_passwords.bin";

/// Reads lists of one password a line, and writes the digests of all that are long enough.
pub(crate) fn common_passwords(lists: &[PathBuf]) -> Result<()> {
    let mut digests = BTreeSet::new();
    for path in lists {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        digests.extend(text.lines().filter_map(digest));
    }
    let bytes: Vec<u8> = digests.iter().flatten().copied().collect();
    std::fs::write(LIST, bytes).context(LIST)?;
    println!("{LIST}: {} passwords", digests.len());
    Ok(())
}

/// Computes what is listed of a password, in the form in which the server compares: NFC, then lower case.
fn digest(password: &str) -> Option<[u8; PREFIX_BYTES]> {
    let composed: String = password.nfc().collect();
    if composed.chars().count() < MIN_CHARS {
        return None;
    }
    Sha256::digest(composed.to_lowercase()).first_chunk().copied()
}

//! Checkpoints: signed by the log, under their own name, over the tree that the entries make.

use super::Flaw;
use crate::log::checkpoint::SignedCheckpoint;
use crate::log::hash::Hash;
use crate::log::key::VerifierKey;
use crate::log::note::UnverifiedNote;

/// Reads a checkpoint object and verifies that the log, and nobody else, signed it.
///
/// A signature by a key that is not known here could be changed without anybody noticing, so it is a finding.
pub fn check_checkpoint(bytes: &[u8], key: &VerifierKey) -> Result<SignedCheckpoint, Flaw> {
    let note = UnverifiedNote::from_bytes(bytes).map_err(|error| Flaw::Checkpoint(error.to_string()))?;
    let unknown = note.signatures().len().saturating_sub(1);
    let signed = SignedCheckpoint::verify(note, key).map_err(|error| Flaw::Checkpoint(error.to_string()))?;
    if unknown > 0 { Err(Flaw::UnknownSignatures { count: unknown }) } else { Ok(signed) }
}

/// Holds a checkpoint against the root that the entries make.
pub(super) fn check_root(checkpoint: &SignedCheckpoint, expected: Hash) -> Result<(), Flaw> {
    if checkpoint.root() == expected {
        return Ok(());
    }
    Err(Flaw::Root { size: checkpoint.size(), expected, found: checkpoint.root() })
}

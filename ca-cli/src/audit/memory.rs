//! The checkpoint that was verified last of each log, so that a log which lost or changed entries since is found out.

use ca_core::log::{SignedCheckpoint, VerifierKey};

use crate::failure::{Failure, Result};
use crate::state::StateDir;

/// What was verified before, of one log.
#[derive(Debug)]
pub(crate) struct Memory {
    state: StateDir,
    file: String,
    key: VerifierKey,
}

impl Memory {
    /// Finds the memory of the log with this key.
    pub(crate) fn of(key: &VerifierKey) -> Result<Self> {
        // Two origins that differ only in punctuation must not share a file.
        let readable = key.name().replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "_");
        let id = hex::encode(ca_core::log::hash::sha256(key.name().as_bytes()));
        let file = format!("audit/{readable}.{}.checkpoint", &id[..8]);
        Ok(Self { state: StateDir::find()?, file, key: key.clone() })
    }

    /// Gives the checkpoint that was verified last.
    pub(crate) fn recall(&self) -> Result<Option<SignedCheckpoint>> {
        let Some(note) = self.state.read(&self.file)? else { return Ok(None) };
        SignedCheckpoint::parse(&note, &self.key).map(Some).map_err(|error| {
            let what =
                format!("the checkpoint of {} verified last does not fit this key: {error}", self.key.name());
            Failure::new("other-log", what).hint(format!(
                "If the log was begun anew on purpose, remove {}",
                self.state.path(&self.file).display()
            ))
        })
    }

    /// Keeps a checkpoint that was verified, unless a larger one is kept.
    pub(crate) fn keep(&self, checkpoint: &SignedCheckpoint) -> Result<()> {
        if self.recall()?.is_some_and(|kept| kept.size() >= checkpoint.size()) {
            return Ok(());
        }
        self.state.write(&self.file, checkpoint.note())
    }
}

//! Another sealing key in place of the one there is, while the server runs.
//!
//! ```text
//! begin   event recorded ─▶ new key first in the file     every seal made from here on is the new key's
//! reseal  batch by batch: opened, sealed anew, stored unless the row has changed
//! finish  nothing left of the older keys ─▶ event recorded ─▶ older keys out of the file
//! ```
//!
//! Stopped anywhere, it is run again: a file with older keys in it is one whose rotation is not finished. A call that sealed
//! with the older key just before the new one was there stores its row within the time a call may take; so that time passes
//! between `begin` and the last `reseal`.

use std::path::Path;
use std::sync::Arc;

use ca_core::log::event::What;

use crate::factors::sealing::{SealError, Sealer};
use crate::factors::sealing_keys::{LockedFile, SealingKeys};
use crate::ids::NoRandomness;
use crate::login::{Audit, AuditUnavailable};
use crate::secret_file::SecretFileError;
use crate::store::{SealPlace, SealRow, Store, StoreError};

/// Why the sealing key was not changed, or not to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The key file cannot be used, or another rotation is at it.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// There is no randomness for a key.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// It cannot be recorded, so it was not done.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// The database does not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Something is sealed with an older key still.
    #[error("{seals} secrets are sealed with an older key still, which stays in the file")]
    Left {
        /// How many.
        seals: u64,
    },
}

/// A rotation of the sealing key, begun here or before.
#[derive(Debug)]
pub struct Rotation {
    file: LockedFile,
    sealer: Sealer,
    store: Store,
    audit: Arc<dyn Audit>,
    by: String,
}

impl Rotation {
    /// Makes a new key, or takes up a rotation that was not finished; `by` is who does it.
    pub async fn begin(
        path: &Path,
        store: Store,
        audit: Arc<dyn Audit>,
        by: &str,
    ) -> Result<Self, RotationError> {
        let (file, by) = (LockedFile::lock(path)?, by.to_owned());
        let keys = file.read()?;
        if !keys.has_older() {
            let keys = keys.with_new()?;
            record(audit.as_ref(), &keys, &by).await?;
            file.write(&keys)?;
        }
        let sealer = Sealer::load(path)?;
        Ok(Self { file, sealer, store, audit, by })
    }

    /// Seals up to `batch` secrets anew, from a place on; false at the end.
    ///
    /// One that cannot be opened stays, with an alarm, and keeps the older keys in the file.
    pub async fn reseal(&self, place: &mut SealPlace, batch: u32) -> Result<bool, RotationError> {
        let key_id = self.sealer.key_id();
        let rows = self.store.seals_of_other_keys(place, &key_id, batch).await?;
        let more = !rows.is_empty();
        let mut seals = Vec::with_capacity(rows.len());
        for row in rows {
            match self.sealer.open(&row.sealed, &row.purpose) {
                Ok(secret) => {
                    let sealed = self.sealer.seal(&secret, &row.purpose)?;
                    seals.push((row, sealed));
                }
                Err(error) => alarm(&row, &error),
            }
        }
        self.store.replace_seals(&seals).await?;
        Ok(more)
    }

    /// Seals everything anew, in batches.
    pub async fn reseal_all(&self, batch: u32) -> Result<(), RotationError> {
        let mut place = SealPlace::default();
        while self.reseal(&mut place, batch).await? {}
        Ok(())
    }

    /// Takes the older keys out of the file; refuses while anything is sealed with one.
    pub async fn finish(self) -> Result<(), RotationError> {
        let seals = self.store.count_seals_of_other_keys(&self.sealer.key_id()).await?;
        if seals > 0 {
            return Err(RotationError::Left { seals });
        }
        // What was overwritten is still in the file, and the older key may be in the wrong hands.
        if !self.store.scrub().await? {
            tracing::warn!(
                "the database's write-ahead log may hold secrets sealed with the older key for a while"
            );
        }
        let keys = self.file.read()?.without_older();
        record(self.audit.as_ref(), &keys, &self.by).await?;
        Ok(self.file.write(&keys)?)
    }
}

async fn record(audit: &dyn Audit, keys: &SealingKeys, by: &str) -> Result<(), AuditUnavailable> {
    audit.record(What::SealingKeyRotated { keys: keys.ids(), by: by.to_owned() }).await
}

fn alarm(row: &SealRow, error: &SealError) {
    tracing::error!(table = row.table, row = row.key, %error, "alarm: a sealed secret cannot be opened");
}

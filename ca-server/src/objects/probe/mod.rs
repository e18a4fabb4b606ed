//! Making a store prove its promises before the log trusts it.
//!
//! Stores that call themselves compatible let every creator win on a versioned bucket, ignore checksums or have no
//! lock. A log on such a store forks the first time two nodes write at once, so nothing is believed: each promise is
//! tried on keys of its own under [`FOLDER`].

use super::{ObjectStore, StoreError};

mod checks;
mod together;

use checks::{Keys, create_only, listing, lock, race, swap};

/// The folder of probe keys. What is in it is never read again and may be deleted by a lifecycle rule.
pub const FOLDER: &str = "probe";

/// What a store has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promises {
    /// Whether immutable objects are locked. When not, whoever can write to the store can also rewrite the log, and
    /// the operator has to be told so.
    pub locked: bool,
    /// What the store does less well than it should; each is one line for the operator.
    pub warnings: Vec<String>,
}

/// Why a store is not to be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A promise did not hold.
    #[error("this store must not be used: {promise} does not hold: {seen}; {remedy}")]
    Broken {
        /// The promise.
        promise: &'static str,
        /// What the store did.
        seen: String,
        /// What the operator can do.
        remedy: &'static str,
    },
    /// The store did not answer, so nothing is known.
    #[error("this store cannot be probed: {0}")]
    Store(#[from] StoreError),
}

/// Tries every promise of a store, side by side, and refuses it when one does not hold.
pub async fn probe(store: &dyn ObjectStore) -> Result<Promises, ProbeError> {
    let keys = Keys::random()?;
    let (.., proof) = tokio::try_join!(
        create_only(store, &keys),
        race(store, &keys),
        swap(store, &keys),
        listing(store, &keys),
        lock(store, &keys),
    )?;
    Ok(Promises { locked: proof.locked, warnings: proof.warnings })
}

//! Revocation: an index of live certificates that follows the log, and the KRL that is made from it.
//!
//! ```text
//! POST /v1/revocations ─▶ entry `revoked` ─▶ log ─▶ Keeper: index ─▶ entry `krl-published` ─▶ log ─▶ GET /v1/krl
//! ```
//!
//! Whatever takes certificates away is an entry of the log first: an officer's revocation, an account switched off by
//! the server, the operator's command or another node. One task, the [`Keeper`], reads the log in order and does what
//! the entries say (`ca_core::revocation`), so it does not matter who wrote them or whether this server ran then.

mod keeper;
mod revoke;
mod served;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use ca_core::ssh::Fingerprint;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use keeper::{Keeper, KeeperError};
pub use revoke::{Done, revoke};
pub use served::ServedKrl;

/// How long somebody who revokes waits for the KRL.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of revocation at this moment; shared by the calls and the keeper.
#[derive(Debug)]
pub struct Revocations {
    keys: RwLock<HashSet<Fingerprint>>,
    krl: RwLock<Option<Arc<ServedKrl>>>,
    place: watch::Sender<Place>,
    task: Mutex<Option<AbortHandle>>,
}

/// How far the keeper is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The first entry that it has not read.
    next: u64,
    /// The first entry that the KRL which is served does not take into account.
    covers: u64,
}

impl Default for Revocations {
    fn default() -> Self {
        let (place, _) = watch::channel(Place::default());
        Self { keys: RwLock::default(), krl: RwLock::default(), place, task: Mutex::default() }
    }
}

impl Revocations {
    /// Tells whether a key was revoked; late by as much as the keeper is behind the log.
    pub fn is_revoked(&self, key: Fingerprint) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    /// Gives the KRL.
    pub fn krl(&self) -> Option<Arc<ServedKrl>> {
        self.krl.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the index has read the first `size` entries; tells whether it did in time.
    pub async fn has_read(&self, size: u64) -> bool {
        self.reaches(|place| place.next >= size).await
    }

    /// Waits until the KRL that is served takes the first `size` entries into account; tells whether it did in time.
    pub async fn is_served(&self, size: u64) -> bool {
        self.reaches(|place| place.covers >= size).await
    }

    /// Ends the keeper; the next start goes on from where it was.
    pub fn stop(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    async fn reaches(&self, is_there: impl FnMut(&Place) -> bool) -> bool {
        let mut place = self.place.subscribe();
        tokio::time::timeout(PATIENCE, place.wait_for(is_there)).await.is_ok_and(|found| found.is_ok())
    }
}

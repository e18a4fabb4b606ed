//! The policy that decides now, and why the folder holds another that does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca_core::policy::Policy;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};

/// The policy in force, which can be exchanged while it is used.
#[derive(Debug)]
pub struct InForce {
    folder: PathBuf,
    policy: watch::Sender<Arc<Policy>>,
    refused: watch::Sender<Option<String>>,
    change: RwLock<()>,
}

/// The policy that a decision rests on, which stays in force until this is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    policy: Arc<Policy>,
    _in_force: RwLockReadGuard<'a, ()>,
}

impl Held<'_> {
    /// Gives the policy.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }
}

impl InForce {
    /// Puts a policy in force that is in the log already.
    pub fn new(folder: PathBuf, policy: Policy) -> Self {
        Self {
            folder,
            policy: watch::Sender::new(Arc::new(policy)),
            refused: watch::Sender::new(None),
            change: RwLock::default(),
        }
    }

    /// Gives the policy, for one decision and all that follows from it.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    /// Gives the policy and keeps it in force until what was decided by it is recorded (A5): otherwise another could come
    /// before it in the log, and what is granted would be by a policy that was replaced. Not to be asked for twice at once.
    pub async fn hold(&self) -> Held<'_> {
        let in_force = self.change.read().await;
        Held { policy: self.policy(), _in_force: in_force }
    }

    /// Waits until nobody holds the policy; until this is dropped, nobody does.
    pub(super) async fn begin_change(&self) -> RwLockWriteGuard<'_, ()> {
        self.change.write().await
    }

    /// Gives why the folder's policy was not taken; `None` when the one in force is the folder's.
    pub fn refused(&self) -> Option<String> {
        self.refused.borrow().clone()
    }

    /// Gives the folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Exchanges the policy. The new one must be in the log already: no decision may rest on one that is not.
    pub(super) fn exchange(&self, policy: Arc<Policy>) {
        self.policy.send_replace(policy);
        self.refused.send_replace(None);
    }

    /// Notes whether the folder's policy was refused.
    pub(super) fn note(&self, refused: Option<String>) {
        self.refused.send_replace(refused);
    }
}

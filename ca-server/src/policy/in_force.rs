//! The policy that decides now, and why the folder holds another that does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca_core::policy::Policy;
use tokio::sync::watch;

/// The policy in force, which can be exchanged while it is used.
#[derive(Debug)]
pub struct InForce {
    folder: PathBuf,
    policy: watch::Sender<Arc<Policy>>,
    refused: watch::Sender<Option<String>>,
}

impl InForce {
    /// Puts a policy in force that is in the log already.
    pub fn new(folder: PathBuf, policy: Policy) -> Self {
        Self { folder, policy: watch::Sender::new(Arc::new(policy)), refused: watch::Sender::new(None) }
    }

    /// Gives the policy, for one decision and all that follows from it.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
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

//! The session that a login began, as it is kept.

use ca_api::LoginSession;
use ca_core::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A session and its token; the file is readable by its owner only.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SavedSession {
    /// Whose it is.
    pub(crate) user: String,
    /// When it ends at the latest, in seconds since the epoch.
    pub(crate) expires_at: u64,
    /// How long it may idle, in seconds.
    pub(crate) idle_secs: u64,
    /// The bearer token.
    pub(crate) token: String,
}

impl SavedSession {
    /// Takes the answer to a login.
    pub(crate) fn new(login: &LoginSession) -> Self {
        Self {
            user: login.session.user.clone(),
            expires_at: login.session.expires_at,
            idle_secs: login.session.idle_secs,
            token: login.token.0.clone(),
        }
    }

    /// Tells whether it has ended by its own account; the server may have ended it before.
    pub(crate) fn has_ended(&self, now: UnixSeconds) -> bool {
        self.expires_at <= now.0
    }
}

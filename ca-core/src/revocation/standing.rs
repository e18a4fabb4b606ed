//! Whether a certificate that comes now is revoked from the start, for what happened to its account.

use super::LiveCertificate;
use crate::time::UnixSeconds;

/// What the log has said of an account last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is switched off.
    pub off: bool,
    /// When it was revoked or switched off last.
    pub revoked_at: Option<UnixSeconds>,
}

impl Standing {
    /// Tells whether a new certificate of the account is revoked by its own entry.
    ///
    /// A login in the very second of the revocation counts as one before it.
    pub fn revokes(&self, certificate: &LiveCertificate) -> bool {
        let before = |(login, revoked): (UnixSeconds, UnixSeconds)| login <= revoked;
        self.off || certificate.login.zip(self.revoked_at).is_some_and(before)
    }

    /// Notes that the account was revoked, which does not switch it off.
    pub fn revoke(&mut self, at: UnixSeconds) {
        self.revoked_at = self.revoked_at.max(Some(at));
    }

    /// Notes that the account was switched off or on again.
    pub fn switch(&mut self, enabled: bool, at: UnixSeconds) {
        self.off = !enabled;
        if !enabled {
            self.revoke(at);
        }
    }
}

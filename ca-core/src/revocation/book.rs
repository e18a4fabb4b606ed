//! What is revoked, kept in memory while a log is read from its beginning.

use std::collections::BTreeMap;

use super::{LiveCertificate, Standing, Trace, matters_until};
use crate::krl::Revocations;
use crate::log::event::{RevocationTarget, Revoked};
use crate::names::{RequestId, Serial, UserName};
use crate::ssh::{Fingerprint, PublicKey};
use crate::time::UnixSeconds;

/// How much longer than it matters a certificate is kept, in seconds: the clocks of nodes differ, and a KRL bears its own
/// time.
const MARGIN_SECS: u64 = 3600;

/// What the entries so far say about certificates and keys.
#[derive(Debug, Default)]
pub struct Book {
    cas: BTreeMap<Fingerprint, PublicKey>,
    /// By whose they are; hosts are nobody's.
    accounts: BTreeMap<Option<UserName>, Account>,
    revoked: BTreeMap<Serial, Taken>,
    keys: BTreeMap<Fingerprint, u64>,
    ca_keys: BTreeMap<Fingerprint, u64>,
}

/// The certificates of one person, or of all hosts.
#[derive(Debug, Default)]
struct Account {
    standing: Standing,
    live: Vec<Live>,
    /// How many certificates there may be before those that are over are looked for.
    room: usize,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    serial: Serial,
    request_id: RequestId,
    ca: Fingerprint,
    until: UnixSeconds,
}

/// A certificate that was revoked, and the entry that did it.
#[derive(Clone, Copy, Debug)]
struct Taken {
    by: u64,
    ca: Fingerprint,
    until: UnixSeconds,
}

impl Book {
    /// Learns the key behind a CA's fingerprint; without it nothing of that CA can be written into a KRL.
    pub fn know_ca(&mut self, ca: PublicKey) {
        self.cas.insert(ca.fingerprint(), ca);
    }

    /// Tells whether a CA's key is known.
    pub fn knows_ca(&self, ca: Fingerprint) -> bool {
        self.cas.contains_key(&ca)
    }

    /// Gives the entry that revoked a key.
    pub fn key_revoked(&self, key: Fingerprint) -> Option<u64> {
        self.keys.get(&key).or_else(|| self.ca_keys.get(&key)).copied()
    }

    /// Takes in an entry; tells whether anything is revoked by it.
    pub fn learn(&mut self, index: u64, at: UnixSeconds, trace: &Trace) -> bool {
        match trace {
            Trace::Certificate(certificate) => self.certificate(index, at, certificate),
            Trace::Revoked(revoked) => self.revoke(index, at, revoked),
            Trace::Switched { user, enabled, .. } => {
                self.accounts.entry(Some(user.clone())).or_default().standing.switch(*enabled, at);
                !enabled && self.take_all(index, user)
            }
            Trace::Recovered { user, .. } => {
                self.accounts.entry(Some(user.clone())).or_default().standing.revoke(at);
                self.take_all(index, user)
            }
            Trace::Published(_) => false,
        }
    }

    fn certificate(&mut self, index: u64, at: UnixSeconds, certificate: &LiveCertificate) -> bool {
        let Some(serial) = Serial::at_index(index) else { return false };
        let (ca, until) = (certificate.ca, matters_until(certificate.valid_before));
        let account = self.accounts.entry(certificate.user.clone()).or_default();
        account.keep(Live { serial, request_id: certificate.request_id, ca, until }, at);
        let revoked = account.standing.revokes(certificate);
        if revoked {
            self.revoked.insert(serial, Taken { by: index, ca, until });
        }
        revoked
    }

    fn revoke(&mut self, index: u64, at: UnixSeconds, revoked: &Revoked) -> bool {
        match &revoked.target {
            RevocationTarget::User(user) => {
                self.accounts.entry(Some(user.clone())).or_default().standing.revoke(at);
                self.take_all(index, user)
            }
            RevocationTarget::Key(key) => {
                self.keys.entry(*key).or_insert(index);
                true
            }
            RevocationTarget::CaKey(key) => {
                self.ca_keys.entry(*key).or_insert(index);
                true
            }
            RevocationTarget::Serial(serial) => self.take(index, |live| live.serial == *serial),
            RevocationTarget::Certificate(id) => self.take(index, |live| live.request_id == *id),
        }
    }

    fn take_all(&mut self, by: u64, user: &UserName) -> bool {
        let Some(account) = self.accounts.get(&Some(user.clone())) else { return false };
        for Live { serial, ca, until, .. } in account.live.iter().copied() {
            self.revoked.entry(serial).or_insert(Taken { by, ca, until });
        }
        !account.live.is_empty()
    }

    fn take(&mut self, by: u64, is_it: impl Fn(&Live) -> bool) -> bool {
        let mut all = self.accounts.values().flat_map(|account| &account.live);
        let Some(Live { serial, ca, until, .. }) = all.find(|live| is_it(live)).copied() else {
            return false;
        };
        self.revoked.entry(serial).or_insert(Taken { by, ca, until });
        true
    }

    /// Gives what the first `covers` entries revoke, as far as it matters at `generated`.
    pub fn revocations(&self, covers: u64, generated: UnixSeconds) -> Revocations {
        let mut revocations = Revocations::default();
        for (serial, taken) in self.revoked.iter().filter(|(_, taken)| taken.by < covers) {
            if let Some(ca) = self.cas.get(&taken.ca) {
                revocations.revoke_serial(ca, *serial, Some(taken.until));
            }
        }
        let before = |entry: &u64| *entry < covers;
        self.keys.iter().filter(|(_, by)| before(by)).for_each(|(key, _)| revocations.revoke_key(*key, None));
        self.ca_keys.iter().filter(|(_, by)| before(by)).for_each(|(key, _)| revocations.revoke_ca_key(*key));
        revocations.pruned(generated)
    }

    /// Forgets revocations that no KRL of this time or later has in it.
    pub fn prune(&mut self, generated: UnixSeconds) {
        self.revoked.retain(|_, taken| taken.until > generated);
    }
}

impl Account {
    /// Keeps a certificate; looks for those that are over when there are twice as many as there were after the last look.
    fn keep(&mut self, certificate: Live, at: UnixSeconds) {
        if self.live.len() >= self.room {
            self.live.retain(|live| live.until.plus_secs(MARGIN_SECS) > at);
            self.room = 2 * self.live.len().max(8);
        }
        self.live.push(certificate);
    }
}

//! What is revoked, and until when that matters.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{KeyId, Serial};
use crate::ssh::{Fingerprint, PublicKey};
use crate::time::UnixSeconds;

/// A text cannot be revoked as a key id, because sshd reads no NUL byte in it and would refuse the whole KRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id with a NUL byte inside cannot be revoked")]
pub struct KeyIdError;

/// A key id that a KRL can revoke: any text without a NUL byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevokedKeyId(String);

impl RevokedKeyId {
    /// Gives the key id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RevokedKeyId {
    type Error = KeyIdError;

    fn try_from(text: String) -> Result<Self, KeyIdError> {
        if text.contains('\0') { Err(KeyIdError) } else { Ok(Self(text)) }
    }
}

impl From<&KeyId> for RevokedKeyId {
    fn from(key_id: &KeyId) -> Self {
        Self(key_id.as_str().to_owned())
    }
}

/// Everything that is revoked.
///
/// A revocation's `until` is the first second in which it no longer matters, because nothing it could refuse would be taken
/// anyway: the expiry of the certificate and the largest error of a host's clock. `None` is for ever, and of two
/// for the same thing the later one stays. A CA's key is always revoked for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    certificates: BTreeMap<Vec<u8>, OfAuthority>,
    keys: BTreeMap<Fingerprint, Until>,
    ca_keys: BTreeSet<Fingerprint>,
}

/// What is revoked of the certificates by one CA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfAuthority {
    serials: BTreeMap<Serial, Until>,
    key_ids: BTreeMap<RevokedKeyId, Until>,
}

/// How long a revocation matters; the order is that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    Before(UnixSeconds),
    Forever,
}

impl Until {
    fn new(until: Option<UnixSeconds>) -> Self {
        until.map_or(Self::Forever, Self::Before)
    }

    fn matters_at(self, now: UnixSeconds) -> bool {
        self > Self::Before(now)
    }
}

impl Revocations {
    /// Revokes the certificate with this serial by this CA.
    pub fn revoke_serial(&mut self, ca: &PublicKey, serial: Serial, until: Option<UnixSeconds>) {
        extend(&mut self.of(ca).serials, serial, until);
    }

    /// Revokes the certificates with this key id by this CA.
    pub fn revoke_key_id(&mut self, ca: &PublicKey, key_id: RevokedKeyId, until: Option<UnixSeconds>) {
        extend(&mut self.of(ca).key_ids, key_id, until);
    }

    /// Revokes a key by its fingerprint: alone, in every certificate for it, and as a CA's.
    pub fn revoke_key(&mut self, key: Fingerprint, until: Option<UnixSeconds>) {
        extend(&mut self.keys, key, until);
    }

    /// Revokes a CA's key, and so every certificate by it, for ever.
    pub fn revoke_ca_key(&mut self, key: Fingerprint) {
        self.ca_keys.insert(key);
    }

    /// Gives what still matters at `now`.
    #[must_use]
    pub fn pruned(mut self, now: UnixSeconds) -> Self {
        for of_ca in self.certificates.values_mut() {
            of_ca.serials.retain(|_, until| until.matters_at(now));
            of_ca.key_ids.retain(|_, until| until.matters_at(now));
        }
        self.certificates.retain(|_, of_ca| !of_ca.serials.is_empty() || !of_ca.key_ids.is_empty());
        self.keys.retain(|_, until| until.matters_at(now));
        self
    }

    /// Tells whether nothing is revoked; even then there is a KRL to write, and never an empty file.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.keys.is_empty() && self.ca_keys.is_empty()
    }

    /// Gives the number of certificates that are revoked by serial.
    pub fn serial_count(&self) -> u64 {
        self.certificates.values().map(|of_ca| of_ca.serials.len() as u64).sum()
    }

    /// Gives the number of keys that are revoked, those of CAs among them.
    pub fn fingerprint_count(&self) -> u64 {
        self.fingerprints().len() as u64
    }

    /// Gives the blob, serials and key ids of each CA, all in order.
    pub(super) fn authorities(
        &self,
    ) -> impl Iterator<Item = (&[u8], impl Iterator<Item = u64>, impl Iterator<Item = &RevokedKeyId>)> {
        self.certificates.iter().map(|(blob, of_ca)| {
            (blob.as_slice(), of_ca.serials.keys().map(|serial| serial.get()), of_ca.key_ids.keys())
        })
    }

    /// Gives the fingerprints of all revoked keys, a CA's or not: sshd makes no difference.
    pub(super) fn fingerprints(&self) -> BTreeSet<Fingerprint> {
        self.keys.keys().chain(&self.ca_keys).copied().collect()
    }

    fn of(&mut self, ca: &PublicKey) -> &mut OfAuthority {
        self.certificates.entry(ca.blob().to_vec()).or_default()
    }
}

fn extend<K: Ord>(revoked: &mut BTreeMap<K, Until>, what: K, until: Option<UnixSeconds>) {
    let until = Until::new(until);
    revoked.entry(what).and_modify(|known| *known = until.max(*known)).or_insert(until);
}

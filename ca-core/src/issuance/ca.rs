//! The keys of the CA, each with whom its certificates speak for (H4).

use crate::cert::CertKind;
use crate::ssh::{Fingerprint, PublicKey};

/// The CA key that signs certificates for users, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCa(PublicKey);

/// The CA key that signs certificates for hosts, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCa(PublicKey);

impl UserCa {
    /// Takes the key that users' certificates are signed with.
    pub fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// Gives the key.
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}

impl HostCa {
    /// Takes the key that hosts' certificates are signed with.
    pub fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// Gives the key.
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}

/// Why two keys are not those of one authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CA keys for users and for hosts are the same key: whoever trusts one would trust the other")]
pub struct SameCaKey;

/// The two keys of an authority, which are never the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cas {
    users: UserCa,
    hosts: HostCa,
}

impl Cas {
    /// Takes the keys; refuses one key for both.
    pub fn new(users: UserCa, hosts: HostCa) -> Result<Self, SameCaKey> {
        if users.0 == hosts.0 { Err(SameCaKey) } else { Ok(Self { users, hosts }) }
    }

    /// Gives the key for users.
    pub fn users(&self) -> &UserCa {
        &self.users
    }

    /// Gives the key for hosts.
    pub fn hosts(&self) -> &HostCa {
        &self.hosts
    }

    /// Tells whether one of them has this fingerprint.
    pub fn has(&self, fingerprint: Fingerprint) -> bool {
        [&self.users.0, &self.hosts.0].iter().any(|key| key.fingerprint() == fingerprint)
    }

    /// Gives the key that signs certificates of a kind.
    pub fn of(&self, kind: CertKind) -> &PublicKey {
        match kind {
            CertKind::User => &self.users.0,
            CertKind::Host => &self.hosts.0,
        }
    }
}

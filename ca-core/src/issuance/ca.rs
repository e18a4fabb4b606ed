//! The keys of the CA, each with whom its certificates speak for (H4).

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

/// The keys of an authority: for users one or more, for hosts one that is none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cas {
    users: UserCa,
    more: Vec<UserCa>,
    hosts: HostCa,
}

impl Cas {
    /// Takes the keys; refuses one key for both.
    pub fn new(users: UserCa, hosts: HostCa) -> Result<Self, SameCaKey> {
        if users.0 == hosts.0 { Err(SameCaKey) } else { Ok(Self { users, more: Vec::new(), hosts }) }
    }

    /// Adds keys for users, which profiles choose by their fingerprints; refuses that for hosts among them.
    pub fn with_more(self, more: Vec<UserCa>) -> Result<Self, SameCaKey> {
        if more.iter().any(|ca| ca.0 == self.hosts.0) { Err(SameCaKey) } else { Ok(Self { more, ..self }) }
    }

    /// Gives the key for users that signs where a profile chooses none.
    pub fn users(&self) -> &UserCa {
        &self.users
    }

    /// Gives the key for users that a profile chooses; none when the authority does not have it.
    pub fn user(&self, chosen: Option<Fingerprint>) -> Option<&UserCa> {
        match chosen {
            None => Some(&self.users),
            Some(chosen) => self.all_users().find(|ca| ca.0.fingerprint() == chosen),
        }
    }

    /// Gives every key for users, that of no choice first.
    pub fn all_users(&self) -> impl Iterator<Item = &UserCa> {
        std::iter::once(&self.users).chain(&self.more)
    }

    /// Gives the key for hosts.
    pub fn hosts(&self) -> &HostCa {
        &self.hosts
    }

    /// Tells whether one of them has this fingerprint.
    pub fn has(&self, fingerprint: Fingerprint) -> bool {
        self.all().any(|key| key.fingerprint() == fingerprint)
    }

    /// Gives every key.
    pub fn all(&self) -> impl Iterator<Item = &PublicKey> {
        self.all_users().map(UserCa::key).chain([&self.hosts.0])
    }
}

//! The two CA keys of an authority, one for users and one for hosts (H4).

use ca_core::cert::{CertKind, Certificate};
use ca_core::issuance::{Cas, HostCa, LoggedPrecert, SameCaKey, UserCa};

use crate::signer::{CaKey, SignError};

/// Both CA keys; whom a certificate speaks for chooses the one that signs it.
#[derive(Debug)]
pub struct CaKeys {
    users: CaKey,
    hosts: CaKey,
    public: Cas,
}

impl CaKeys {
    /// Takes the keys; refuses one key for both.
    pub fn new(users: CaKey, hosts: CaKey) -> Result<Self, SameCaKey> {
        let public = Cas::new(UserCa::new(users.public().clone()), HostCa::new(hosts.public().clone()))?;
        Ok(Self { users, hosts, public })
    }

    /// Gives the public keys.
    pub fn public(&self) -> &Cas {
        &self.public
    }

    /// Signs a certificate that is in the log, with the key for its kind.
    pub fn sign(&self, precert: LoggedPrecert) -> Result<Certificate, SignError> {
        match precert.kind() {
            CertKind::User => self.users.sign(precert),
            CertKind::Host => self.hosts.sign(precert),
        }
    }
}

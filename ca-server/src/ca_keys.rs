//! The CA keys of an authority: for users one or more, for hosts one (H4).

use ca_core::cert::Certificate;
use ca_core::issuance::{Cas, HostCa, LoggedPrecert, SameCaKey, UserCa};

use crate::signer::{CaKey, SignError};

/// All CA keys; the certificate that is in the log names the one that signs it.
#[derive(Debug)]
pub struct CaKeys {
    keys: Vec<CaKey>,
    public: Cas,
}

impl CaKeys {
    /// Takes the keys, those for users first; refuses one key for both.
    pub fn new(users: CaKey, more: Vec<CaKey>, hosts: CaKey) -> Result<Self, SameCaKey> {
        let user = |key: &CaKey| UserCa::new(key.public().clone());
        let public = Cas::new(user(&users), HostCa::new(hosts.public().clone()))?;
        let public = public.with_more(more.iter().map(user).collect())?;
        let keys = [users, hosts].into_iter().chain(more).collect();
        Ok(Self { keys, public })
    }

    /// Gives the public keys.
    pub fn public(&self) -> &Cas {
        &self.public
    }

    /// Signs a certificate that is in the log, with the key that it names.
    pub fn sign(&self, precert: LoggedPrecert) -> Result<Certificate, SignError> {
        let key = self.keys.iter().find(|key| key.public() == precert.ca()).ok_or(SignError::OtherCa)?;
        key.sign(precert)
    }
}

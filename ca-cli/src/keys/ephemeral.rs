//! A fresh Ed25519 key that lives in memory and then in the agent; in a file only while its request waits.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use ca_core::ssh::{PublicKey, Signature};
use ca_core::wire::Writer;
use zeroize::Zeroizing;

use super::Possession;
use crate::failure::{Failure, Result};

/// A key pair made for one certificate.
pub(crate) struct EphemeralKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl EphemeralKey {
    /// Makes a key from the system's randomness.
    pub(crate) fn generate() -> Result<Self> {
        let failed = |_| Failure::new("randomness", "the system gives no randomness to make a key of");
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(failed)?;
        Self::from_seed(seed)
    }

    /// Takes up a key that was kept while its request waited.
    pub(crate) fn from_seed(seed: Zeroizing<[u8; 32]>) -> Result<Self> {
        let broken = || Failure::new("internal", "a key cannot be made");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| broken())?;
        let mut blob = Writer::default();
        blob.string(b"ssh-ed25519").string(pair.public_key().as_ref());
        let public = PublicKey::from_blob(&blob.finish()).map_err(|_| broken())?;
        Ok(Self { seed, pair, public })
    }

    /// Gives the private half, for the agent, or to be kept while its request waits.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }
}

impl Possession for EphemeralKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, namespace: &'static str, text: &str) -> Result<String> {
        super::armoured(&self.public, (namespace, text), |message| {
            Ok(Signature::new("ssh-ed25519", self.pair.sign(message).as_ref()))
        })
    }
}

#[cfg(test)]
mod tests {
    use ca_core::request::NAMESPACE;
    use ca_core::ssh::UnverifiedSshSig;

    use super::*;

    #[test]
    fn its_proof_verifies() {
        let mut key = EphemeralKey::generate().unwrap();
        let proof = UnverifiedSshSig::from_armoured(&key.prove("text").unwrap()).unwrap();
        proof.verify(key.public_key(), NAMESPACE, b"text").unwrap();
        assert!(proof.verify(key.public_key(), NAMESPACE, b"other").is_err());
        assert_ne!(EphemeralKey::generate().unwrap().public_key(), key.public_key());
    }
}

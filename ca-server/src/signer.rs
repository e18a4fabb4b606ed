//! The CA key, which signs certificates that are in the log and nothing else (I1).

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair};
use ca_core::cert::{CertError, Certificate};
use ca_core::issuance::LoggedPrecert;
use ca_core::ssh::{PublicKey, Signature};
use ca_core::wire::Writer;
use ssh_key::private::{EcdsaKeypair, KeypairData};

use crate::secret_file::{self, SecretFileError};

/// Why a CA key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaKeyError {
    /// The file cannot be read, or others can read it too.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It is not an OpenSSH private key.
    #[error(
        "the CA key is not an OpenSSH private key: make one with `ca-server init` or `ssh-keygen -t ed25519`"
    )]
    Malformed,
    /// It is encrypted and the passphrase is missing or wrong.
    #[error(
        "the CA key is encrypted and the passphrase {0}: set CA_SERVER_CA_PASSPHRASE, or CA_SERVER_HOST_CA_PASSPHRASE for the CA key for hosts"
    )]
    Passphrase(&'static str),
    /// Its kind is not one that signs here.
    #[error("a CA key must be ed25519 or ecdsa, not {0}")]
    Kind(String),
}

/// Why no certificate came out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The precert names another CA.
    #[error("the certificate is to be signed by another CA key")]
    OtherCa,
    /// The key did not sign.
    #[error("the CA key did not sign")]
    Failed,
    /// What came out does not verify, or says something else than what is in the log (A14).
    #[error("the signature does not make the certificate that was logged: {0}")]
    Wrong(#[from] CertError),
}

#[derive(Debug)]
enum KeyPair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
}

/// The CA's private key; it can do one thing.
#[derive(Debug)]
pub struct CaKey {
    pair: KeyPair,
    public: PublicKey,
}

impl CaKey {
    /// Loads the key from an OpenSSH private key file that nobody else can read.
    pub fn load(path: &Path, passphrase: Option<&str>) -> Result<Self, CaKeyError> {
        let text = secret_file::read_text(path)?;
        Self::from_openssh(&text, passphrase)
    }

    fn from_openssh(text: &str, passphrase: Option<&str>) -> Result<Self, CaKeyError> {
        let mut key = ssh_key::PrivateKey::from_openssh(text).map_err(|_| CaKeyError::Malformed)?;
        if key.is_encrypted() {
            let passphrase = passphrase.ok_or(CaKeyError::Passphrase("is missing"))?;
            key = key.decrypt(passphrase).map_err(|_| CaKeyError::Passphrase("is wrong"))?;
        }
        let public = PublicKey::from_key_data(key.public_key().key_data().clone());
        let public = public.map_err(|error| CaKeyError::Kind(error.to_string()))?;
        let pair = match key.key_data() {
            KeypairData::Ed25519(pair) => {
                let loaded =
                    Ed25519KeyPair::from_seed_and_public_key(pair.private.as_ref(), pair.public.as_ref());
                KeyPair::Ed25519(loaded.map_err(|_| CaKeyError::Malformed)?)
            }
            KeypairData::Ecdsa(pair) => KeyPair::Ecdsa(ecdsa(pair)?),
            _ => return Err(CaKeyError::Kind(public.kind().algorithm().to_owned())),
        };
        Ok(Self { pair, public })
    }

    /// Gives the public key, which hosts trust.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a certificate that is in the log; what comes out has been verified as if it came from outside.
    pub fn sign(&self, precert: LoggedPrecert) -> Result<Certificate, SignError> {
        if precert.ca() != &self.public {
            return Err(SignError::OtherCa);
        }
        let signature = self.sign_bytes(precert.to_be_signed())?;
        Ok(precert.finish(&signature)?)
    }

    fn sign_bytes(&self, message: &[u8]) -> Result<Signature, SignError> {
        let name = self.public.kind().algorithm();
        match &self.pair {
            KeyPair::Ed25519(pair) => Ok(Signature::new(name, pair.sign(message).as_ref())),
            KeyPair::Ecdsa(pair) => {
                let fixed = pair.sign(&SystemRandom::new(), message).map_err(|_| SignError::Failed)?;
                let (r, s) = fixed.as_ref().split_at(fixed.as_ref().len() / 2);
                let mut value = Writer::default();
                value.string(&mpint(r)).string(&mpint(s));
                Ok(Signature::new(name, &value.finish()))
            }
        }
    }
}

fn ecdsa(pair: &EcdsaKeypair) -> Result<EcdsaKeyPair, CaKeyError> {
    let (algorithm, scalar): (_, &[u8]) = match pair {
        EcdsaKeypair::NistP256 { private, .. } => (&lc::ECDSA_P256_SHA256_FIXED_SIGNING, private.as_slice()),
        EcdsaKeypair::NistP384 { private, .. } => (&lc::ECDSA_P384_SHA384_FIXED_SIGNING, private.as_slice()),
        EcdsaKeypair::NistP521 { private, .. } => (&lc::ECDSA_P521_SHA512_FIXED_SIGNING, private.as_slice()),
    };
    let public = ssh_key::public::EcdsaPublicKey::from(pair);
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public.as_sec1_bytes())
        .map_err(|_| CaKeyError::Malformed)
}

/// Writes an unsigned big-endian number as SSH does: no leading zeroes, but one before a high bit (RFC 4251 §5).
fn mpint(digits: &[u8]) -> Vec<u8> {
    let start = digits.iter().position(|b| *b != 0).unwrap_or(digits.len());
    let digits = &digits[start..];
    let padding: &[u8] = if digits.first().is_some_and(|b| b & 0x80 != 0) { &[0] } else { &[] };
    [padding, digits].concat()
}

//! Requests for certificates, made and signed as `ca` does it, but quickly and in bulk.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use ca_api::CertificateRequest;
use ca_core::names::RequestId;
use ca_core::request::{CertRequest, NAMESPACE};
use ca_core::ssh::{CertifiableKey, HashedMessage, PublicKey, Signature};
use ca_core::time::UnixMillis;

/// A fresh Ed25519 key, in memory.
pub struct Key {
    pair: Ed25519KeyPair,
    public: CertifiableKey,
}

impl Key {
    /// Makes a key.
    pub fn new() -> Result<Self> {
        let pair = Ed25519KeyPair::generate().map_err(|_| anyhow::anyhow!("no key"))?;
        let mut blob = Vec::with_capacity(51);
        for part in [b"ssh-ed25519".as_slice(), pair.public_key().as_ref()] {
            blob.extend_from_slice(&u32::try_from(part.len())?.to_be_bytes());
            blob.extend_from_slice(part);
        }
        let public = CertifiableKey::try_from(PublicKey::from_blob(&blob)?)?;
        Ok(Self { pair, public })
    }

    /// Gives the public half.
    pub fn public(&self) -> &CertifiableKey {
        &self.public
    }

    /// Signs a request.
    pub fn sign(&self, request: &CertRequest) -> CertificateRequest {
        self.sign_text(NAMESPACE, request.to_text())
    }

    /// Signs any text, for any purpose.
    pub fn sign_text(&self, namespace: &'static str, text: String) -> CertificateRequest {
        let hashed = HashedMessage::new(namespace, text.as_bytes());
        let signature = Signature::new("ssh-ed25519", self.pair.sign(&hashed.to_be_signed()).as_ref());
        let signature = hashed.armour(self.public.key(), &signature);
        CertificateRequest { request: text, signature }
    }
}

/// Makes a request for a profile with a key and an id of its own, as of now.
pub fn request(origin: &str, user: &str, profile: &str, key: &Key) -> Result<CertRequest> {
    Ok(CertRequest {
        authority: origin.parse().ok().context("not an origin")?,
        id: new_id(RequestId::from_parts)?,
        user: user.parse()?,
        profile: profile.parse()?,
        ttl: None,
        principals: None,
        key: key.public.clone(),
        reason: None,
    })
}

/// Makes a request and signs it with a key that is forgotten.
pub fn signed_request(origin: &str, user: &str, profile: &str) -> Result<CertificateRequest> {
    let key = Key::new()?;
    Ok(key.sign(&request(origin, user, profile, &key)?))
}

/// Makes an id as of now.
pub fn new_id<T>(from_parts: fn(UnixMillis, u128) -> T) -> Result<T> {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let random = u128::from(getrandom::u64()?) << 16 | u128::from(getrandom::u32()? & 0xffff);
    Ok(from_parts(UnixMillis(u64::try_from(millis)?), random))
}

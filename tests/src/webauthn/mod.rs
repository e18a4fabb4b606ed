//! A security key in software, and the browser around it, which can be told to do everything wrong.

mod cbor;

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const CREDENTIAL_FOLLOWS: u8 = 1 << 6;

/// How key and browser behave; [`Manner::at`] is the right way.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The origin that the browser says it is at.
    pub origin: String,
    /// The relying party that the key signs for.
    pub rp_id: String,
    /// The kind of ceremony the browser says it is; the right one when none.
    pub kind: Option<&'static str>,
    /// The challenge, in base64url; the one asked for when none.
    pub challenge: Option<String>,
    /// Whether somebody touches the key.
    pub present: bool,
    /// Whether the key has checked who.
    pub verified: bool,
    /// Whether the signature is spoilt.
    pub spoilt: bool,
}

impl Manner {
    /// Does everything right at an origin such as `http://localhost:4000`.
    pub fn at(origin: &str) -> Result<Self> {
        let rest = origin.split_once("://").context("no scheme")?.1;
        let rp_id = rest.split(':').next().unwrap_or_default().to_owned();
        let (present, verified, spoilt) = (true, true, false);
        let origin = origin.to_owned();
        Ok(Self { origin, rp_id, kind: None, challenge: None, present, verified, spoilt })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Result<Vec<u8>> {
        let asked = options["challenge"].as_str().context("no challenge")?;
        let challenge = self.challenge.as_deref().unwrap_or(asked);
        let kind = self.kind.unwrap_or(kind);
        let data =
            json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        Ok(serde_json::to_vec(&data)?)
    }

    fn flags(&self) -> u8 {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        flag(self.present, USER_PRESENT) | flag(self.verified, USER_VERIFIED)
    }
}

/// A key with one credential.
#[derive(Debug)]
pub struct SecurityKey {
    pair: EcdsaKeyPair,
    id: [u8; 16],
    /// How often it has signed; 0 for a key that does not count.
    pub counter: u32,
    counts: bool,
}

impl SecurityKey {
    /// Makes a key that counts its signatures, or one that does not, as most passkeys.
    pub fn new(counts: bool) -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| anyhow!("no randomness: {error}"))?;
        Ok(Self { pair, id, counter: 0, counts })
    }

    /// Answers `navigator.credentials.create` (WebAuthn Level 3 §6.5, attestation `none`).
    pub fn create(&mut self, options: &Value, manner: &Manner) -> Result<Value> {
        let client_data = manner.client_data("webauthn.create", options)?;
        let mut data = self.authenticator_data(manner, CREDENTIAL_FOLLOWS);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len())?.to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&cbor::p256_key(self.pair.public_key().as_ref())?);
        let response = json!({
            "clientDataJSON": encode(&client_data),
            "attestationObject": encode(&cbor::no_attestation(&data)?),
            "transports": ["usb"],
        });
        Ok(self.credential(&response))
    }

    /// Answers `navigator.credentials.get` (WebAuthn Level 3 §6.3.3).
    pub fn get(&mut self, options: &Value, manner: &Manner) -> Result<Value> {
        let client_data = manner.client_data("webauthn.get", options)?;
        let data = self.authenticator_data(manner, 0);
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let mut signature = self.pair.sign(&SystemRandom::new(), &signed)?.as_ref().to_vec();
        if let (true, Some(last)) = (manner.spoilt, signature.last_mut()) {
            *last ^= 1;
        }
        let response = json!({
            "clientDataJSON": encode(&client_data),
            "authenticatorData": encode(&data),
            "signature": encode(&signature),
            "userHandle": null,
        });
        Ok(self.credential(&response))
    }

    fn authenticator_data(&mut self, manner: &Manner, more_flags: u8) -> Vec<u8> {
        if self.counts {
            self.counter += 1;
        }
        let mut data = digest(&SHA256, manner.rp_id.as_bytes()).as_ref().to_vec();
        data.push(manner.flags() | more_flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn credential(&self, response: &Value) -> Value {
        let id = encode(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "cross-platform",
        })
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

//! The question: is this OTP genuine and new?

use std::collections::BTreeMap;
use std::fmt;

use ca_core::time::Ttl;
use serde::Deserialize;

use super::{ApiKey, SIGNATURE};
use crate::factors::yubikey::otp::Otp;
use crate::ids::{self, NoRandomness};
use crate::secret::Secret;

/// The length of a random nonce in bytes: 32 characters, within the 16 to 40 of the protocol.
const NONCE_BYTES: usize = 16;

/// A text is not a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 16 to 40 ASCII letters and digits")]
pub struct NonceError;

/// What makes a question unlike all others, so that an old answer does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Makes a random nonce.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(hex::encode(ids::random::<NONCE_BYTES>()?)))
    }

    /// Takes a nonce from elsewhere.
    pub fn parse(text: &str) -> Result<Self, NonceError> {
        let fits = (16..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned())).ok_or(NonceError)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A value is not a sync level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sl is \"fast\", \"secure\" or a percentage from 0 to 100")]
pub struct SyncLevelError;

/// How many of its fellows a validation server must have asked before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "SyncLevelText")]
pub enum SyncLevel {
    /// As few as the server deems fast.
    Fast,
    /// As many as the server deems secure.
    Secure,
    /// Some of them, in percent.
    Percent(u8),
}

/// A sync level as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum SyncLevelText {
    Number(u64),
    Name(String),
}

impl TryFrom<SyncLevelText> for SyncLevel {
    type Error = SyncLevelError;

    fn try_from(text: SyncLevelText) -> Result<Self, SyncLevelError> {
        match text {
            SyncLevelText::Number(number) => match u8::try_from(number) {
                Ok(percent) if percent <= 100 => Ok(Self::Percent(percent)),
                _ => Err(SyncLevelError),
            },
            SyncLevelText::Name(name) if name == "fast" => Ok(Self::Fast),
            SyncLevelText::Name(name) if name == "secure" => Ok(Self::Secure),
            SyncLevelText::Name(_) => Err(SyncLevelError),
        }
    }
}

impl fmt::Display for SyncLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fast => f.write_str("fast"),
            Self::Secure => f.write_str("secure"),
            Self::Percent(percent) => percent.fmt(f),
        }
    }
}

/// One question; the same for every server that is asked.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The number under which the servers know the API key.
    pub client_id: u64,
    /// The secret that signs the question and must have signed the answer.
    pub api_key: &'a ApiKey,
    /// What the Yubikey typed.
    pub otp: &'a Otp,
    /// What the answer must repeat.
    pub nonce: Nonce,
    /// How many other servers must have been asked; the server's choice when left out.
    pub sl: Option<SyncLevel>,
    /// How long the server may wait for those others; its choice when left out.
    pub timeout: Option<Ttl>,
}

impl Request<'_> {
    /// Writes the query of the URL, signed and percent-encoded. It holds the OTP.
    pub fn to_query(&self) -> Secret {
        let (id, sl) = (self.client_id.to_string(), self.sl.map(|sl| sl.to_string()));
        let timeout = self.timeout.map(|timeout| timeout.secs().to_string());
        let mut pairs = BTreeMap::from([
            ("id", id.as_str()),
            ("nonce", self.nonce.as_str()),
            ("otp", self.otp.expose()),
            ("timestamp", "1"),
        ]);
        pairs.extend(sl.as_deref().map(|sl| ("sl", sl)));
        pairs.extend(timeout.as_deref().map(|timeout| ("timeout", timeout)));
        let signature = self.api_key.sign(&pairs);
        // Long enough for all of it, so that no piece of the OTP stays behind where the text grew.
        let query = String::with_capacity(512);
        let mut query = form_urlencoded::Serializer::new(query);
        query.extend_pairs(pairs).append_pair(SIGNATURE, &signature);
        Secret::new(query.finish())
    }
}

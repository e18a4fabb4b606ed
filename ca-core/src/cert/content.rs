//! All that a certificate says, apart from the signature.

use serde::{Deserialize, Serialize};

use super::options::{self, Options};
use super::{CertError, MAX_BYTES};
use crate::ssh::{KeyKind, PublicKey};
use crate::time::UnixSeconds;
use crate::wire::{Reader, Writer};

/// Whom a certificate speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertKind {
    /// Somebody who logs in.
    User,
    /// A machine that is logged in to.
    Host,
}

impl CertKind {
    fn number(self) -> u32 {
        match self {
            Self::User => 1,
            Self::Host => 2,
        }
    }
}

/// The to-be-signed part of a certificate, field by field.
///
/// This is what certificates of any origin can say. What Countersign issues is narrower and made only by
/// [`crate::issuance::Precert::prepare`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The certified key.
    pub key: PublicKey,
    /// Random bytes that keep an attacker from choosing what is signed.
    pub nonce: Vec<u8>,
    /// The CA's number for it.
    pub serial: u64,
    /// User or host.
    pub kind: CertKind,
    /// What sshd logs.
    pub key_id: String,
    /// Accounts, or names of a host.
    pub principals: Vec<String>,
    /// The first second of validity.
    pub valid_after: UnixSeconds,
    /// The first second after validity.
    pub valid_before: UnixSeconds,
    /// Options a verifier must understand or refuse.
    pub critical_options: Options,
    /// Options a verifier may ignore.
    pub extensions: Options,
    /// The key of the CA.
    pub ca: PublicKey,
}

impl Content {
    /// Writes the to-be-signed bytes, with one more extension if given (it must not be among the extensions already).
    pub fn to_be_signed(&self, extra_extension: Option<(&str, &[u8])>) -> Vec<u8> {
        let mut writer = Writer::with_capacity(2048);
        writer.string(self.key.kind().certificate_algorithm().as_bytes()).string(&self.nonce);
        writer
            .raw(fields_of(&self.key))
            .u64(self.serial)
            .u32(self.kind.number())
            .string(self.key_id.as_bytes());
        writer.nested(|inner| {
            for principal in &self.principals {
                inner.string(principal.as_bytes());
            }
        });
        writer.u64(self.valid_after.0).u64(self.valid_before.0);
        options::write(&mut writer, self.critical_options.iter().map(|(k, v)| (k.as_str(), v.as_slice())));
        let mut extensions: Vec<_> =
            self.extensions.iter().map(|(k, v)| (k.as_str(), v.as_slice())).collect();
        extensions.extend(extra_extension);
        extensions.sort_unstable();
        options::write(&mut writer, extensions.into_iter());
        writer.string(b"").string(self.ca.blob());
        writer.finish()
    }

    /// Parses to-be-signed bytes, all of them.
    pub fn from_to_be_signed(bytes: &[u8]) -> Result<Self, CertError> {
        if bytes.len() > MAX_BYTES {
            return Err(CertError::TooLong { bytes: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        let content = Self::read(&mut reader)?;
        if reader.is_empty() { Ok(content) } else { Err(CertError::Malformed) }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CertError> {
        let algorithm = reader.string()?;
        let kind = KeyKind::from_certificate_algorithm(algorithm).ok_or_else(|| CertError::Algorithm {
            algorithm: String::from_utf8_lossy(algorithm).chars().take(64).collect(),
        })?;
        let nonce = reader.string()?.to_vec();
        let key = read_key(reader, kind)?;
        let serial = reader.u64()?;
        let cert_kind = match reader.u32()? {
            1 => CertKind::User,
            2 => CertKind::Host,
            _ => return Err(CertError::Malformed),
        };
        let key_id = text(reader.string()?)?;
        let principals = read_principals(reader.string()?)?;
        let (valid_after, valid_before) = (UnixSeconds(reader.u64()?), UnixSeconds(reader.u64()?));
        let critical_options = options::read(reader.string()?)?;
        let extensions = options::read(reader.string()?)?;
        // What stood here would be signed and then forgotten by everyone who writes the content again.
        if !reader.string()?.is_empty() {
            return Err(CertError::Malformed);
        }
        let ca = PublicKey::from_blob(reader.string()?)?;
        Ok(Self {
            key,
            nonce,
            serial,
            kind: cert_kind,
            key_id,
            principals,
            valid_after,
            valid_before,
            critical_options,
            extensions,
            ca,
        })
    }
}

/// Gives a key's own fields: its binary form without the algorithm's name.
fn fields_of(key: &PublicKey) -> &[u8] {
    let mut reader = Reader::new(key.blob());
    // A PublicKey's blob always starts with the name.
    let _ = reader.string();
    reader.rest()
}

/// Reads a key's own fields, which are all of the form `string`.
fn read_key(reader: &mut Reader<'_>, kind: KeyKind) -> Result<PublicKey, CertError> {
    let count = match kind {
        KeyKind::Ed25519 => 1,
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 | KeyKind::Rsa | KeyKind::SkEd25519 => 2,
        KeyKind::SkEcdsaP256 => 3,
    };
    let mut blob = Writer::with_capacity(600);
    blob.string(kind.algorithm().as_bytes());
    for _ in 0..count {
        blob.string(reader.string()?);
    }
    Ok(PublicKey::from_blob(&blob.finish())?)
}

fn read_principals(bytes: &[u8]) -> Result<Vec<String>, CertError> {
    let mut reader = Reader::new(bytes);
    let mut principals = Vec::new();
    while !reader.is_empty() {
        principals.push(text(reader.string()?)?);
    }
    Ok(principals)
}

fn text(bytes: &[u8]) -> Result<String, CertError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| CertError::Malformed)
}

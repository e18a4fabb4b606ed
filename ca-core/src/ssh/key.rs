//! Public keys: parsed from what people send, and narrowed to what may be certified.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use ssh_key::EcdsaCurve;
use ssh_key::public::KeyData;

use crate::log::hash::sha256;

/// Why a key is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not a public key in OpenSSH's one-line or binary form, or has other bytes behind it.
    #[error("this is not an OpenSSH public key: expected one line such as `ssh-ed25519 AAAA…`")]
    Malformed,
    /// A certificate was offered where a key belongs.
    #[error("this is a certificate, not a key: send the plain public key")]
    Certificate,
    /// Its algorithm is unknown or too weak.
    #[error(
        "keys of type {algorithm} are not accepted: use ed25519, ecdsa, rsa (3072 to 8192 bits) or their sk- forms"
    )]
    Algorithm {
        /// The algorithm's SSH name.
        algorithm: String,
    },
    /// It is an RSA key outside 3072 to 8192 bits.
    #[error("an RSA key of {bits} bits is not accepted: it must have 3072 to 8192 bits")]
    RsaBits {
        /// The size of the modulus in bits.
        bits: u32,
    },
}

/// The kinds of key that Countersign can verify signatures of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyKind {
    /// `ssh-ed25519` (RFC 8709).
    #[serde(rename = "ed25519")]
    Ed25519,
    /// `ecdsa-sha2-nistp256` (RFC 5656).
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// `ecdsa-sha2-nistp384` (RFC 5656).
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// `ecdsa-sha2-nistp521` (RFC 5656).
    #[serde(rename = "ecdsa-p521")]
    EcdsaP521,
    /// `ssh-rsa`, signing with `rsa-sha2-256` or `rsa-sha2-512` (RFC 8332).
    #[serde(rename = "rsa")]
    Rsa,
    /// `sk-ssh-ed25519@openssh.com`: held by a FIDO security key (OpenSSH PROTOCOL.u2f).
    #[serde(rename = "sk-ed25519")]
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`: held by a FIDO security key (OpenSSH PROTOCOL.u2f).
    #[serde(rename = "sk-ecdsa-p256")]
    SkEcdsaP256,
}

impl KeyKind {
    /// Gives the name of the algorithm in a plain key.
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::EcdsaP521 => "ecdsa-sha2-nistp521",
            Self::Rsa => "ssh-rsa",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Gives the name of the algorithm in a certificate for such a key (OpenSSH PROTOCOL.certkeys).
    pub fn certificate_algorithm(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519-cert-v01@openssh.com",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256-cert-v01@openssh.com",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384-cert-v01@openssh.com",
            Self::EcdsaP521 => "ecdsa-sha2-nistp521-cert-v01@openssh.com",
            Self::Rsa => "ssh-rsa-cert-v01@openssh.com",
            Self::SkEd25519 => "sk-ssh-ed25519-cert-v01@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        }
    }

    /// Finds the kind a certificate algorithm's name stands for.
    pub fn from_certificate_algorithm(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.certificate_algorithm().as_bytes() == name)
    }

    /// Tells whether the private key is held by a FIDO security key.
    pub fn is_security_key(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkEcdsaP256)
    }

    pub(crate) const ALL: [Self; 7] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa,
        Self::SkEd25519,
        Self::SkEcdsaP256,
    ];
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "ED25519",
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => "ECDSA",
            Self::Rsa => "RSA",
            Self::SkEd25519 => "ED25519-SK",
            Self::SkEcdsaP256 => "ECDSA-SK",
        })
    }
}

/// A key's SHA-256 fingerprint, written as OpenSSH writes it: `SHA256:` and unpadded base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 32]);

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint looks like SHA256: and 43 characters of base64, as `ssh-keygen -l` prints it")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let bytes = text.strip_prefix("SHA256:").and_then(|base64| STANDARD_NO_PAD.decode(base64).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(FingerprintError)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key of a kind we know; its size and its point are not judged yet.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    data: KeyData,
    blob: Vec<u8>,
}

impl PublicKey {
    /// Parses the binary form (RFC 4253 §6.6) and requires that it is the only encoding of that key.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let key = ssh_key::PublicKey::from_bytes(blob).map_err(|_| KeyError::Malformed)?;
        let parsed = Self::from_key_data(key.key_data().clone())?;
        if parsed.blob == blob { Ok(parsed) } else { Err(KeyError::Malformed) }
    }

    /// Takes a key that `ssh-key` has parsed.
    pub fn from_key_data(data: KeyData) -> Result<Self, KeyError> {
        let kind = kind_of(&data)?;
        if !is_uncompressed(&data) {
            return Err(KeyError::Malformed);
        }
        let blob = ssh_key::PublicKey::new(data.clone(), "").to_bytes().map_err(|_| KeyError::Malformed)?;
        Ok(Self { kind, data, blob })
    }

    /// Gives the kind of key.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Gives the binary form (RFC 4253 §6.6).
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Gives the SHA-256 fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(sha256(&self.blob))
    }

    /// Gives the size in bits that people know the key by.
    pub fn bits(&self) -> u32 {
        match (&self.data, self.kind) {
            (KeyData::Rsa(rsa), _) => rsa.n().as_positive_bytes().map_or(0, modulus_bits),
            (_, KeyKind::EcdsaP384) => 384,
            (_, KeyKind::EcdsaP521) => 521,
            _ => 256,
        }
    }

    pub(crate) fn data(&self) -> &KeyData {
        &self.data
    }
}

fn kind_of(data: &KeyData) -> Result<KeyKind, KeyError> {
    Ok(match data {
        KeyData::Ed25519(_) => KeyKind::Ed25519,
        KeyData::Ecdsa(key) => match key.curve() {
            EcdsaCurve::NistP256 => KeyKind::EcdsaP256,
            EcdsaCurve::NistP384 => KeyKind::EcdsaP384,
            EcdsaCurve::NistP521 => KeyKind::EcdsaP521,
        },
        KeyData::Rsa(_) => KeyKind::Rsa,
        KeyData::SkEd25519(_) => KeyKind::SkEd25519,
        KeyData::SkEcdsaSha2NistP256(_) => KeyKind::SkEcdsaP256,
        KeyData::Certificate(_) => return Err(KeyError::Certificate),
        other => {
            return Err(KeyError::Algorithm {
                algorithm: other.algorithm().as_str().chars().take(64).collect(),
            });
        }
    })
}

/// Tells whether a curve point is written out in full: OpenSSH reads no other form (RFC 5656 §3.1), so a certificate for
/// such a key would be dead, and one point would have two fingerprints.
fn is_uncompressed(data: &KeyData) -> bool {
    let point = match data {
        KeyData::Ecdsa(point) => point.as_sec1_bytes(),
        KeyData::SkEcdsaSha2NistP256(sk) => sk.ec_point().as_bytes(),
        _ => return true,
    };
    point.first() == Some(&0x04)
}

fn modulus_bits(n: &[u8]) -> u32 {
    let leading = n.first().map_or(0, |b| b.leading_zeros());
    u32::try_from(n.len()).unwrap_or(u32::MAX).saturating_mul(8).saturating_sub(leading)
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Parses OpenSSH's one-line form; the comment is dropped.
    fn from_str(line: &str) -> Result<Self, KeyError> {
        let mut words = line.split_ascii_whitespace();
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
            return Err(KeyError::Malformed);
        };
        if algorithm.contains("-cert-v0") {
            return Err(KeyError::Certificate);
        }
        let blob = STANDARD.decode(base64).map_err(|_| KeyError::Malformed)?;
        let named = crate::wire::Reader::new(&blob).string().map_err(|_| KeyError::Malformed)?;
        if named != algorithm.as_bytes() {
            return Err(KeyError::Malformed);
        }
        Self::from_blob(&blob).map_err(|error| match error {
            // An unknown name with an unreadable body: say the name, it helps more than "malformed".
            KeyError::Malformed if !KeyKind::ALL.iter().any(|k| k.algorithm() == algorithm) => {
                KeyError::Algorithm { algorithm: algorithm.chars().take(64).collect() }
            }
            other => other,
        })
    }
}

impl fmt::Display for PublicKey {
    /// Writes OpenSSH's one-line form without a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.algorithm(), STANDARD.encode(&self.blob))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A public key that may be put into a certificate.
///
/// Its curve point is proven good when its owner's signature verifies; no check here stands in for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiableKey(PublicKey);

impl CertifiableKey {
    /// Gives the key.
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}

impl TryFrom<PublicKey> for CertifiableKey {
    type Error = KeyError;

    fn try_from(key: PublicKey) -> Result<Self, KeyError> {
        let bits = key.bits();
        if key.kind == KeyKind::Rsa && !(3072..=8192).contains(&bits) {
            return Err(KeyError::RsaBits { bits });
        }
        Ok(Self(key))
    }
}

impl FromStr for CertifiableKey {
    type Err = KeyError;

    fn from_str(line: &str) -> Result<Self, KeyError> {
        Self::try_from(line.parse::<PublicKey>()?)
    }
}

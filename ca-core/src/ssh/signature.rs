//! Signatures as SSH encodes them, verified with aws-lc.

use aws_lc_rs::signature::{self as lc, RsaPublicKeyComponents, UnparsedPublicKey};
use ssh_key::public::KeyData;

use super::key::{KeyKind, PublicKey};
use crate::log::hash::sha256;
use crate::wire::{Reader, Truncated, Writer};

/// The longest name an algorithm may have, in bytes (RFC 4251 §6).
const MAX_NAME_BYTES: usize = 64;

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It is not a signature in SSH's encoding.
    #[error("the signature is malformed")]
    Malformed,
    /// Its algorithm does not belong to the key, or is no longer safe (`ssh-rsa` with SHA-1).
    #[error("a signature of type {algorithm} is not accepted from this key")]
    Algorithm {
        /// The algorithm's SSH name.
        algorithm: String,
    },
    /// It is somebody else's, or of something else.
    #[error("the signature does not verify")]
    Wrong,
}

impl From<Truncated> for SignatureError {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// A signature in SSH's encoding: the name of its algorithm, then its value (RFC 4253 §6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    algorithm: String,
    /// All that follows the algorithm's name, encoding included.
    value: Vec<u8>,
}

impl Signature {
    /// Takes the value of a signature that is one `string` (every kind but the `sk-` ones).
    pub fn new(algorithm: &str, value: &[u8]) -> Self {
        let mut writer = Writer::with_capacity(value.len() + 4);
        writer.string(value);
        Self { algorithm: algorithm.to_owned(), value: writer.finish() }
    }

    /// Parses the encoding; the whole of `bytes` must be the signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let mut reader = Reader::new(bytes);
        let name = std::str::from_utf8(reader.string()?).map_err(|_| SignatureError::Malformed)?;
        if name.len() > MAX_NAME_BYTES {
            return Err(SignatureError::Malformed);
        }
        Ok(Self { algorithm: name.to_owned(), value: reader.rest().to_vec() })
    }

    /// Gives the encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.value.len() + 32);
        writer.string(self.algorithm.as_bytes()).raw(&self.value);
        writer.finish()
    }

    /// Gives the name of the algorithm.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// Verifies that `key` signed `message`.
    pub fn verify(&self, key: &PublicKey, message: &[u8]) -> Result<(), SignatureError> {
        let mut reader = Reader::new(&self.value);
        let value = reader.string()?;
        let trailer = reader.rest();
        if !key.kind().is_security_key() && !trailer.is_empty() {
            return Err(SignatureError::Malformed);
        }
        match (key.data(), self.algorithm.as_str()) {
            (KeyData::Ed25519(key), "ssh-ed25519") => ed25519(key.as_ref(), value, message),
            (KeyData::Ecdsa(point), name) if name == key.kind().algorithm() => {
                ecdsa(key.kind(), point.as_sec1_bytes(), value, message)
            }
            (KeyData::Rsa(rsa), "rsa-sha2-256" | "rsa-sha2-512") => {
                let strong = self.algorithm == "rsa-sha2-512";
                self::rsa(rsa, strong, value, message)
            }
            (KeyData::SkEd25519(sk), name) if name == key.kind().algorithm() => {
                let signed = security_key_message(sk.application(), trailer, message)?;
                ed25519(sk.public_key().as_ref(), value, &signed)
            }
            (KeyData::SkEcdsaSha2NistP256(sk), name) if name == key.kind().algorithm() => {
                let signed = security_key_message(sk.application(), trailer, message)?;
                ecdsa(KeyKind::EcdsaP256, sk.ec_point().as_bytes(), value, &signed)
            }
            _ => Err(SignatureError::Algorithm { algorithm: self.algorithm.clone() }),
        }
    }
}

fn ed25519(key: &[u8], value: &[u8], message: &[u8]) -> Result<(), SignatureError> {
    if has_small_order(key) {
        return Err(SignatureError::Wrong);
    }
    check(&lc::ED25519, key, value, message)
}

/// Verifies ECDSA, whose value is two `mpint` (RFC 5656 §3.1.2).
fn ecdsa(kind: KeyKind, point: &[u8], value: &[u8], message: &[u8]) -> Result<(), SignatureError> {
    let (algorithm, width): (&dyn lc::VerificationAlgorithm, usize) = match kind {
        KeyKind::EcdsaP384 => (&lc::ECDSA_P384_SHA384_FIXED, 48),
        KeyKind::EcdsaP521 => (&lc::ECDSA_P521_SHA512_FIXED, 66),
        _ => (&lc::ECDSA_P256_SHA256_FIXED, 32),
    };
    let mut reader = Reader::new(value);
    let (r, s) = (reader.string()?, reader.string()?);
    if !reader.is_empty() {
        return Err(SignatureError::Malformed);
    }
    let fixed = [fixed_width(r, width)?, fixed_width(s, width)?].concat();
    check(algorithm, point, &fixed, message)
}

/// Tells whether an Ed25519 point is one of the eight of small order, in any of their spellings.
///
/// For such a key anybody can write a signature that verifies (RFC 8032 does not forbid it, and neither aws-lc nor sshd
/// checks), so a signature by it proves nothing, and a certificate for it would be everybody's.
fn has_small_order(point: &[u8]) -> bool {
    /// The y coordinates, little-endian, without the sign of x: 0, 1, the two of order 8, p - 1, and 0 and 1 as p and p + 1.
    const SMALL: [&str; 7] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let mut y = point.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    SMALL.contains(&hex::encode(y).as_str())
}

/// Brings a positive `mpint`, in its one spelling (RFC 4251 §5), to exactly `width` bytes.
fn fixed_width(mpint: &[u8], width: usize) -> Result<Vec<u8>, SignatureError> {
    let digits = match mpint {
        [0, digits @ ..] if digits.first().is_some_and(|b| b & 0x80 != 0) => digits,
        [first, ..] if (0x01..0x80).contains(first) => mpint,
        _ => return Err(SignatureError::Malformed),
    };
    let padding = width.checked_sub(digits.len()).ok_or(SignatureError::Malformed)?;
    Ok([vec![0; padding], digits.to_vec()].concat())
}

fn rsa(
    key: &ssh_key::public::RsaPublicKey,
    strong: bool,
    value: &[u8],
    message: &[u8],
) -> Result<(), SignatureError> {
    let algorithm = if strong { &lc::RSA_PKCS1_2048_8192_SHA512 } else { &lc::RSA_PKCS1_2048_8192_SHA256 };
    let (n, e) = (key.n().as_positive_bytes(), key.e().as_positive_bytes());
    let (Some(n), Some(e)) = (n, e) else { return Err(SignatureError::Wrong) };
    RsaPublicKeyComponents { n, e }.verify(algorithm, message, value).map_err(|_| SignatureError::Wrong)
}

/// Builds what a security key signs: hash of application, flags and counter, hash of message (OpenSSH PROTOCOL.u2f).
fn security_key_message(
    application: &str,
    trailer: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    const USER_PRESENT: u8 = 0x01;
    if trailer.len() != 5 || trailer[0] & USER_PRESENT == 0 {
        return Err(SignatureError::Malformed);
    }
    Ok([&sha256(application.as_bytes())[..], trailer, &sha256(message)].concat())
}

fn check(
    algorithm: &'static dyn lc::VerificationAlgorithm,
    key: &[u8],
    value: &[u8],
    message: &[u8],
) -> Result<(), SignatureError> {
    UnparsedPublicKey::new(algorithm, key).verify(message, value).map_err(|_| SignatureError::Wrong)
}

//! The key of a CA in a KRL: sshd parses it, and refuses the whole KRL when it cannot.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    ParsedPublicKey,
};
use ssh_key::public::KeyData;

use super::KrlError;
use crate::ssh::{KeyKind, PublicKey};

/// Requires a key that sshd can parse, too: a point on its curve, or an RSA modulus that it takes.
pub(super) fn check(blob: &[u8]) -> Result<(), KrlError> {
    let key = PublicKey::from_blob(blob)?;
    match key.data() {
        KeyData::Ecdsa(point) => check_point(key.kind(), point.as_sec1_bytes()),
        KeyData::SkEcdsaSha2NistP256(sk) => check_point(key.kind(), sk.ec_point().as_bytes()),
        KeyData::Rsa(_) if !(1024..=16_384).contains(&key.bits()) => Err(KrlError::UnreadableCaKey),
        _ => Ok(()),
    }
}

fn check_point(kind: KeyKind, point: &[u8]) -> Result<(), KrlError> {
    let algorithm: &'static EcdsaVerificationAlgorithm = match kind {
        KeyKind::EcdsaP384 => &ECDSA_P384_SHA384_FIXED,
        KeyKind::EcdsaP521 => &ECDSA_P521_SHA512_FIXED,
        _ => &ECDSA_P256_SHA256_FIXED,
    };
    ParsedPublicKey::new(algorithm, point).map(drop).map_err(|_| KrlError::UnreadableCaKey)
}

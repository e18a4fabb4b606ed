//! The two CBOR structures (RFC 8949) that a security key writes.

use anyhow::{Context as _, Result, ensure};

/// Writes a P-256 public key for ES256 (RFC 9052 §7); `point` is uncompressed, with its leading 4.
pub(super) fn p256_key(point: &[u8]) -> Result<Vec<u8>> {
    ensure!(point.len() == 65 && point[0] == 4, "not an uncompressed point of P-256");
    let (x, y) = point[1..].split_at(32);
    // A map of 5: kty 1 is EC2 (2), alg 3 is ES256 (-7), crv -1 is P-256 (1), x is -2, y is -3.
    let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
    key.extend_from_slice(x);
    key.extend_from_slice(&[0x22, 0x58, 32]);
    key.extend_from_slice(y);
    Ok(key)
}

/// Writes an attestation object without attestation (WebAuthn Level 3 §8.7).
pub(super) fn no_attestation(authenticator_data: &[u8]) -> Result<Vec<u8>> {
    let length = u8::try_from(authenticator_data.len()).context("longer than a byte tells")?;
    let mut object = vec![0xa3];
    object.extend_from_slice(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
    object.push(length);
    object.extend_from_slice(authenticator_data);
    Ok(object)
}

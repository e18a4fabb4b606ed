//! Signing with a private key from a file, by aws-lc: the one implementation of private-key arithmetic in the program.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA512, RsaKeyPair,
};
use ca_core::ssh::Signature;
use ca_core::wire::Writer;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData, RsaKeypair};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// Signs a message with a private key that was decrypted.
pub(super) fn sign(key: &KeypairData, message: &[u8]) -> Result<Signature> {
    let signature = match key {
        KeypairData::Ed25519(pair) => ed25519(pair, message),
        KeypairData::Ecdsa(pair) => ecdsa(pair, message),
        KeypairData::Rsa(pair) => rsa(pair, message),
        _ => None,
    };
    signature.ok_or_else(|| {
        Failure::new(
            "key",
            "this key cannot sign here: it is damaged, or of a kind that only an agent can use",
        )
        .hint("Add it to ssh-agent with ssh-add, and name its .pub file.")
    })
}

fn ed25519(pair: &Ed25519Keypair, message: &[u8]) -> Option<Signature> {
    let private = pair.private.as_ref();
    let pair = Ed25519KeyPair::from_seed_and_public_key(private, pair.public.as_ref()).ok()?;
    Some(Signature::new("ssh-ed25519", pair.sign(message).as_ref()))
}

fn ecdsa(pair: &EcdsaKeypair, message: &[u8]) -> Option<Signature> {
    let (name, algorithm, public): (_, &'static EcdsaSigningAlgorithm, _) = match pair {
        EcdsaKeypair::NistP256 { public, .. } => {
            ("ecdsa-sha2-nistp256", &ECDSA_P256_SHA256_FIXED_SIGNING, public.as_bytes())
        }
        EcdsaKeypair::NistP384 { public, .. } => {
            ("ecdsa-sha2-nistp384", &ECDSA_P384_SHA384_FIXED_SIGNING, public.as_bytes())
        }
        EcdsaKeypair::NistP521 { public, .. } => {
            ("ecdsa-sha2-nistp521", &ECDSA_P521_SHA512_FIXED_SIGNING, public.as_bytes())
        }
    };
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, pair.private_key_bytes(), public).ok()?;
    let fixed = pair.sign(&SystemRandom::new(), message).ok()?;
    let (r, s) = fixed.as_ref().split_at(fixed.as_ref().len() / 2);
    let mut value = Writer::default();
    value.string(&mpint(r)).string(&mpint(s));
    Some(Signature::new(name, &value.finish()))
}

/// Writes a positive number as SSH does: no leading zeroes but one before a high bit (RFC 4251 §5).
fn mpint(number: &[u8]) -> Vec<u8> {
    let digits = &number[number.iter().position(|digit| *digit != 0).unwrap_or(number.len())..];
    let sign: &[u8] = if digits.first().is_some_and(|digit| digit & 0x80 != 0) { &[0] } else { &[] };
    [sign, digits].concat()
}

fn rsa(pair: &RsaKeypair, message: &[u8]) -> Option<Signature> {
    let (public, private) = (pair.public(), pair.private());
    let d = private.d().as_positive_bytes()?;
    let (p, q) = (private.p().as_positive_bytes()?, private.q().as_positive_bytes()?);
    let (d_p, d_q) = (exponent(d, p)?, exponent(d, q)?);
    // OpenSSH's file leaves the exponents of the remainder theorem out.
    let components = KeyPairComponents {
        public_key: PublicKeyComponents {
            n: public.n().as_positive_bytes()?,
            e: public.e().as_positive_bytes()?,
        },
        d,
        p,
        q,
        dP: d_p.as_slice(),
        dQ: d_q.as_slice(),
        qInv: private.iqmp().as_positive_bytes()?,
    };
    let pair = RsaKeyPair::from_components(&components).ok()?;
    let mut value = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), message, &mut value).ok()?;
    Some(Signature::new("rsa-sha2-512", &value))
}

/// Computes `d mod (prime - 1)`, big-endian.
fn exponent(d: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut modulus = Zeroizing::new(prime.to_vec());
    // A prime is odd, so subtracting one only clears the last bit.
    *modulus.last_mut().filter(|last| **last & 1 == 1)? ^= 1;
    // One digit more than the modulus: doubling a remainder needs a bit more.
    let modulus = Zeroizing::new([&[0], modulus.as_slice()].concat());
    let mut remainder = Zeroizing::new(vec![0_u8; modulus.len()]);
    for bit in d.iter().flat_map(|digit| (0..8).rev().map(move |bit| digit >> bit & 1)) {
        double_and_add(&mut remainder, bit);
        // Big-endian numbers of one length compare like their digits.
        if remainder.as_slice() >= modulus.as_slice() {
            subtract(&mut remainder, &modulus);
        }
    }
    Some(remainder)
}

fn double_and_add(number: &mut [u8], bit: u8) {
    let mut carry = bit;
    for digit in number.iter_mut().rev() {
        let top = *digit >> 7;
        *digit = *digit << 1 | carry;
        carry = top;
    }
}

fn subtract(number: &mut [u8], less: &[u8]) {
    let mut borrow = false;
    for (digit, less) in number.iter_mut().zip(less).rev() {
        let (difference, under) = digit.overflowing_sub(*less);
        let (difference, under_again) = difference.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (difference, under || under_again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_right() {
        for (d, prime) in [
            (1_000_003_u64, 65_521_u64),
            (5, 65_521),
            (65_520, 65_521),
            (u64::MAX, 3),
            (0, 251),
            (7, 4_294_967_291),
        ] {
            let expected = d % (prime - 1);
            let found = exponent(&d.to_be_bytes(), &prime.to_be_bytes()).unwrap();
            let found = found.iter().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
            assert_eq!(found, expected, "{d} mod {prime}-1");
        }
        assert!(exponent(&[1], &[4]).is_none());
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(mpint(&[0, 0, 1]), [1]);
        assert_eq!(mpint(&[0, 0x80]), [0, 0x80]);
        assert_eq!(mpint(&[0, 0]), [0_u8; 0]);
    }
}

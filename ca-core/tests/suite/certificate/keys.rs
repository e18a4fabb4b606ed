//! What is accepted as a key and as a signature by it (A8), and what a key's one spelling is.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use ca_core::ssh::{CertifiableKey, KeyError, KeyKind, PublicKey, Signature, SignatureError};
use proptest::prelude::*;

use crate::support::KINDS;
use crate::support::keygen::Keygen;
use crate::support::keys::{key, line, mpint, strings};

fn certifiable(text: &str) -> Result<CertifiableKey, KeyError> {
    text.parse()
}

fn rsa_line(bits: usize, exponent: &[u8]) -> String {
    let mut n = vec![0_u8; bits.div_ceil(8)];
    n[0] = 1 << ((bits - 1) % 8);
    *n.last_mut().unwrap() |= 1;
    line("ssh-rsa", &strings(&[b"ssh-rsa", exponent, &mpint(&n)]))
}

#[test]
fn every_kind_has_one_spelling() {
    for kind in KINDS {
        let public = key(kind).public();
        let text = public.to_string();
        assert_eq!(text.parse::<PublicKey>().unwrap(), *public);
        assert_eq!(certifiable(&format!("{text} with a comment")).unwrap().key(), public);
        assert_eq!(public.kind(), kind);
        assert_eq!(PublicKey::from_blob(public.blob()).unwrap(), *public);
    }
}

#[test]
fn fingerprints_and_sizes_are_those_of_ssh_keygen() {
    let keygen = Keygen::new();
    for kind in KINDS {
        keygen.write("key.pub", &format!("{}\n", key(kind).public()));
        let told = keygen.run(&["-l", "-f", "key.pub"]);
        let public = key(kind).public();
        assert!(told.starts_with(&format!("{} {} ", public.bits(), public.fingerprint())), "{told}");
        assert!(told.trim_end().ends_with(&format!("({kind})")), "{told}");
    }
}

#[test]
fn a8_a_certificate_is_no_key() {
    let keygen = Keygen::new();
    keygen.make("ca", KeyKind::Ed25519);
    for kind in KINDS {
        let certificate = keygen.certify("ca", key(kind).public(), &["-n", "ann"]);
        assert_eq!(certifiable(&certificate), Err(KeyError::Certificate), "{kind:?}");
        let blob = ssh_key::Certificate::from_openssh(&certificate).unwrap().to_bytes().unwrap();
        assert_eq!(PublicKey::from_blob(&blob), Err(KeyError::Certificate), "{kind:?}");
        // In disguise, under the name of the plain key.
        assert_eq!(certifiable(&line(kind.algorithm(), &blob)), Err(KeyError::Malformed), "{kind:?}");
    }
}

#[test]
fn a8_rsa_keys_have_3072_to_8192_bits() {
    for bits in [3072, 4096, 8192] {
        assert!(certifiable(&rsa_line(bits, &[1, 0, 1])).is_ok(), "{bits}");
    }
    for bits in [1024, 2048, 3071, 8193, 16_384] {
        let expected = KeyError::RsaBits { bits: u32::try_from(bits).unwrap() };
        assert_eq!(certifiable(&rsa_line(bits, &[1, 0, 1])), Err(expected));
    }
}

#[test]
fn a8_other_algorithms_are_named() {
    let number = mpint(&[0x80; 128]);
    let dsa = strings(&[b"ssh-dss", &number, &mpint(&[0x80; 20]), &number, &number]);
    for (name, blob) in [
        ("ssh-dss", dsa),
        ("ssh-ed448", strings(&[b"ssh-ed448", &[7; 57]])),
        ("ssh-xmss@openssh.com", strings(&[b"ssh-xmss@openssh.com", b"x", &[7; 32]])),
        ("rot13@example.com", strings(&[b"rot13@example.com"])),
    ] {
        let refused = certifiable(&line(name, &blob)).unwrap_err();
        assert_eq!(refused, KeyError::Algorithm { algorithm: name.to_owned() });
    }
}

#[test]
fn a8_what_is_not_a_keys_one_spelling_is_malformed() {
    let ed = key(KeyKind::Ed25519).public();
    let ec = key(KeyKind::EcdsaP256).public();
    let n = mpint(&[0xc1; 384]);
    let rsa = |e: &[u8], n: &[u8]| line("ssh-rsa", &strings(&[b"ssh-rsa", e, n]));
    let bad = [
        String::new(),
        "ssh-ed25519".to_owned(),
        "ssh-ed25519 AAAA".to_owned(),
        "ssh-ed25519 ====".to_owned(),
        // Another name before the blob than inside it.
        line("ssh-ed25519", ec.blob()),
        line("ecdsa-sha2-nistp384", ec.blob()),
        // Bytes behind, bytes missing, base64 without its padding.
        line("ssh-ed25519", &[ed.blob(), &[0]].concat()),
        line("ssh-ed25519", &ed.blob()[..ed.blob().len() - 1]),
        line("ecdsa-sha2-nistp256", ec.blob()).trim_end_matches('=').to_owned() + "A",
        // The curve's name is not that of the algorithm.
        line("ecdsa-sha2-nistp256", &strings(&[b"ecdsa-sha2-nistp256", b"nistp384", &[4; 65]])),
        line("ssh-ed25519", &strings(&[b"ssh-ed25519", &[7; 31]])),
        // A number below zero, one with zeroes before it.
        rsa(&[1, 0, 1], &n[1..]),
        rsa(&[1, 0, 1], &[&[0], &n[..]].concat()),
        rsa(&[0, 1, 0, 1], &n),
    ];
    for text in bad {
        let refused = certifiable(&text);
        assert!(
            matches!(refused, Err(KeyError::Malformed | KeyError::RsaBits { .. })),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn a8_points_are_written_out_in_full() {
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521, KeyKind::SkEcdsaP256] {
        let blob = key(kind).public().blob();
        let mut reader = ca_core::wire::Reader::new(blob);
        let (name, curve, point) = (reader.string(), reader.string(), reader.string().unwrap());
        let half = point.len() / 2;
        let odd = point[point.len() - 1] & 1;
        let compressed = [&[2 + odd], &point[1..=half]].concat();
        let hybrid = [&[6 + odd], &point[1..]].concat();
        for crooked in [compressed, hybrid, vec![0], vec![]] {
            let mut blob = strings(&[name.unwrap(), curve.unwrap(), &crooked]);
            blob.extend_from_slice(reader.rest());
            let refused = certifiable(&line(kind.algorithm(), &blob));
            assert_eq!(refused, Err(KeyError::Malformed), "{kind:?} {crooked:?}");
        }
    }
}

#[test]
fn a8_a_point_beside_the_curve_verifies_nothing() {
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521] {
        let mut blob = key(kind).public().blob().to_vec();
        *blob.last_mut().unwrap() ^= 1;
        let broken = PublicKey::from_blob(&blob).unwrap();
        assert_eq!(key(kind).sign(b"m").verify(&broken, b"m"), Err(SignatureError::Wrong));
    }
}

/// Every encoding of the points of order 1, 2, 4 and 8, the sign bit aside.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[test]
fn a8_everybodys_ed25519_key_verifies_nothing() {
    // R is the neutral element and S is zero: with a key of small order that is a signature of many messages.
    let forged = [&[1_u8][..], &[0; 63]].concat();
    let mut taken_by_the_library = 0;
    for (hex, sign) in SMALL_ORDER.iter().flat_map(|hex| [(hex, 0), (hex, 0x80)]) {
        let mut point = hex::decode(hex).unwrap();
        point[31] |= sign;
        let name = KeyKind::Ed25519.algorithm();
        let public = certifiable(&line(name, &strings(&[name.as_bytes(), &point]))).unwrap();
        for message in 0..64_u8 {
            let raw = UnparsedPublicKey::new(&ED25519, &point).verify(&[message], &forged);
            taken_by_the_library += u32::from(raw.is_ok());
            let refused = Signature::new(name, &forged).verify(public.key(), &[message]);
            assert_eq!(refused, Err(SignatureError::Wrong), "{hex} {sign}");
        }
    }
    assert!(taken_by_the_library > 64, "the danger is there: {taken_by_the_library}");
}

#[test]
fn a8_rsa_exponents_that_sign_for_everybody_verify_nothing() {
    // With exponent 1 the padded hash is its own signature.
    for exponent in [&[1_u8][..], &[2], &[]] {
        let Ok(public) = rsa_line(3072, exponent).parse::<PublicKey>() else { continue };
        let mut value = vec![0xff; 384];
        value[..2].copy_from_slice(&[0, 1]);
        let info = hex::decode("003051300d060960864801650304020305000440").unwrap();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, b"m");
        let tail = [&info, hash.as_ref()].concat();
        value[384 - tail.len()..].copy_from_slice(&tail);
        let refused = Signature::new("rsa-sha2-512", &value).verify(&public, b"m");
        assert_eq!(refused, Err(SignatureError::Wrong), "{exponent:?}");
    }
}

#[test]
fn a_signature_has_one_spelling() {
    let key = key(KeyKind::EcdsaP256);
    let name = KeyKind::EcdsaP256.algorithm();
    let signature = key.sign(b"m").to_bytes();
    let mut reader = ca_core::wire::Reader::new(&signature);
    reader.string().unwrap();
    let mut inner = ca_core::wire::Reader::new(reader.string().unwrap());
    let (r, s) = (inner.string().unwrap(), inner.string().unwrap());
    let verify = |value: Vec<u8>| Signature::new(name, &value).verify(key.public(), b"m");
    assert_eq!(verify(strings(&[r, s])), Ok(()));
    let crooked = [
        strings(&[&[&[0], r].concat(), s]),
        strings(&[r, &[&[0], s].concat()]),
        strings(&[r, s, b""]),
        strings(&[r]),
        strings(&[r, b""]),
        strings(&[&[0], s]),
        strings(&[&[0xff; 32], s]),
        strings(&[&[0x11; 200], s]),
    ];
    for value in crooked {
        assert_eq!(verify(value.clone()), Err(SignatureError::Malformed), "{value:?}");
    }
    let long = strings(&[&[b'a'; 65], b"v"]);
    assert_eq!(Signature::from_bytes(&long), Err(SignatureError::Malformed));
}

#[test]
fn a_signature_belongs_to_its_kind_of_key() {
    for (of, by) in KINDS.iter().flat_map(|of| KINDS.iter().map(move |by| (of, by))) {
        let verified = key(*by).sign(b"m").verify(key(*of).public(), b"m");
        assert_eq!(verified.is_ok(), of == by, "{by:?} for {of:?}");
        assert!(key(*by).sign(b"m").verify(key(*of).public(), b"n").is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_blobs_never_panic(blob in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = PublicKey::from_blob(&blob);
        let _ = Signature::from_bytes(&blob).map(|s| s.verify(key(KeyKind::Ed25519).public(), b""));
    }

    #[test]
    fn a_changed_blob_is_another_key_or_none(
        kind in prop::sample::select(&KINDS[..]), at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let original = key(kind).public();
        let mut blob = original.blob().to_vec();
        let at = at.index(blob.len());
        blob[at] ^= flip;
        if let Ok(changed) = PublicKey::from_blob(&blob) {
            prop_assert_eq!(changed.blob(), &blob[..]);
            prop_assert_ne!(changed.fingerprint(), original.fingerprint());
            prop_assert!(key(kind).sign(b"m").verify(&changed, b"m").is_err() || kind.is_security_key());
        }
    }
}

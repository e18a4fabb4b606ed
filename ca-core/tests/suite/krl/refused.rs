//! KRLs that must not be installed: those that let the revoked in, and those that lock everybody out (H3).

use ca_core::krl::{
    Krl, KrlError, KrlVersion, MAX_BYTES, NAMESPACE, Revocations, SignedKrl, SignedKrlError, Why, to_sign,
    write,
};
use ca_core::names::Serial;
use ca_core::ssh::{HashedMessage, KeyKind, PublicKey, SshSigError};
use ca_core::time::UnixSeconds;
use ca_core::wire::Writer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::keys::{TestKey, key, strings};

const HEADER_BYTES: usize = 44;

fn ca() -> &'static PublicKey {
    key(KeyKind::Ed25519).public()
}

fn signer() -> &'static TestKey {
    key(KeyKind::EcdsaP256)
}

/// One of everything that the writer writes.
fn sample(version: u64) -> Vec<u8> {
    let mut revocations = Revocations::default();
    for serial in (1..=99).step_by(2).chain(5_000..6_000).chain([1 << 40]) {
        revocations.revoke_serial(ca(), Serial::at_index(serial).unwrap(), None);
    }
    revocations.revoke_key_id(ca(), "ann".to_owned().try_into().unwrap(), None);
    revocations.revoke_key(signer().public().fingerprint(), None);
    write(&revocations, KrlVersion(version), UnixSeconds(1), "")
}

fn header() -> Vec<u8> {
    write(&Revocations::default(), KrlVersion(1), UnixSeconds(1), "")
}

fn with_section(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(&header()).raw(&[kind]).string(data);
    writer.finish()
}

/// A certificate section for a CA's blob with one section inside.
fn with_inner(ca: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.string(ca).string(b"").raw(&[kind]).string(data);
    with_section(1, &writer.finish())
}

fn numbers(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn bitmap(offset: u64, mpint: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u64(offset).string(mpint);
    with_inner(ca().blob(), 0x22, &writer.finish())
}

fn extension(critical: u8) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.string(b"colour@example.com").raw(&[critical]).string(b"blue");
    writer.finish()
}

fn signed(bytes: &[u8], message: &HashedMessage, by: &TestKey) -> (Vec<u8>, String) {
    (bytes.to_vec(), message.armour(by.public(), &by.sign(&message.to_be_signed())))
}

fn verify((bytes, signature): (Vec<u8>, String)) -> Result<SignedKrl, SignedKrlError> {
    SignedKrl::verify(bytes, &signature, signer().public())
}

#[test]
fn h3_a_krl_that_lets_the_revoked_in_is_refused() {
    assert_eq!(Krl::parse(b""), Err(KrlError::Empty));
    for nul in [1, 8, 44, 4096] {
        assert_eq!(Krl::parse(&vec![0; nul]), Err(KrlError::Nul), "{nul}");
    }
    for text in ["\n", " \t\n", "# nothing", "# nothing\n\n  # revoked\r\n", "#\0\n"] {
        assert_eq!(Krl::parse(text.as_bytes()), Err(KrlError::OnlyComments), "{text:?}");
    }
}

#[test]
fn h3_what_is_no_krl_is_refused() {
    let line = format!("{}\n", ca());
    for bytes in [line.as_bytes(), b"SSHKRL\n", b"SSHKRL\n\x01", b"\0SSHKRL\n\0", b"<html>"] {
        assert_eq!(Krl::parse(bytes), Err(KrlError::NotAKrl), "{bytes:?}");
    }
    let mut bytes = header();
    bytes[11] = 2;
    assert_eq!(Krl::parse(&bytes), Err(KrlError::FormatVersion { found: 2 }));
    let mut bytes = header();
    bytes[35] = 1;
    assert_eq!(Krl::parse(&bytes), Err(KrlError::Flags { flags: 1 }));
}

#[test]
fn h3_a_krl_cut_at_any_length_is_refused() {
    let (whole, signature) = signed(&sample(1), &to_sign(&sample(1)), signer());
    verify((whole.clone(), signature.clone())).unwrap();
    let certificates = HEADER_BYTES + 5 + u32_at(&whole, HEADER_BYTES + 1);
    for length in 0..whole.len() {
        let cut = whole[..length].to_vec();
        // Between two sections only the signature tells that something is missing.
        let is_krl = length == HEADER_BYTES || length == certificates;
        assert_eq!(Krl::parse(&cut).is_ok(), is_krl, "{length}");
        let refused = verify((cut, signature.clone()));
        assert!(matches!(refused, Err(SignedKrlError::Signature(_))), "{length}: {refused:?}");
    }
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
}

#[test]
fn h3_a_krl_of_200_mb_is_refused_by_its_size_alone() {
    let mut bytes = vec![0; 200 << 20];
    let expected = KrlError::TooLarge { bytes: bytes.len() };
    assert_eq!(Krl::parse(&bytes), Err(expected.clone()));
    bytes[..8].copy_from_slice(b"SSHKRL\n\0");
    assert_eq!(Krl::parse(&bytes), Err(expected.clone()));
    assert_eq!(verify((bytes, String::new())), Err(SignedKrlError::Krl(expected)));
    assert_eq!(Krl::parse(&vec![0; MAX_BYTES + 1]), Err(KrlError::TooLarge { bytes: MAX_BYTES + 1 }));
    assert_eq!(Krl::parse(&vec![0; MAX_BYTES]), Err(KrlError::Nul));
}

#[test]
fn h3_a_bitmap_over_16384_bits_is_refused() {
    let of_bits = |bits: usize| [vec![0; usize::from(bits.is_multiple_of(8))], top_bit(bits)].concat();
    assert!(Krl::parse(&bitmap(1, &of_bits(16_384))).is_ok());
    assert_eq!(Krl::parse(&bitmap(1, &of_bits(16_385))), Err(KrlError::BitmapTooLong { bytes: 2049 }));
    assert_eq!(Krl::parse(&bitmap(1, &of_bits(100_000))), Err(KrlError::BitmapTooLong { bytes: 12_501 }));
}

/// The shortest big-endian number with this many bits.
fn top_bit(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0; bits.div_ceil(8)];
    bytes[0] = 1 << ((bits - 1) % 8);
    bytes
}

#[test]
fn h3_serial_0_is_refused_in_every_encoding() {
    let ca = ca().blob();
    for data in [numbers(&[0]), numbers(&[3, 0])] {
        assert_eq!(Krl::parse(&with_inner(ca, 0x20, &data)), Err(KrlError::SerialZero));
    }
    assert_eq!(Krl::parse(&with_inner(ca, 0x21, &numbers(&[0, 9]))), Err(KrlError::SerialZero));
    assert_eq!(Krl::parse(&bitmap(0, &[0x01])), Err(KrlError::SerialZero));
    // The same offset is fine as long as its own bit is not set.
    let krl = Krl::parse(&bitmap(0, &[0x02])).unwrap();
    let subject = signer().public();
    assert_eq!(krl.revokes_certificate(self::ca(), 1, "", subject), Some(Why::Serial));
    assert_eq!(krl.revokes_certificate(self::ca(), 0, "", subject), None);
}

#[test]
fn h3_serials_out_of_order_or_beyond_the_last_are_refused() {
    let range = |first, last| Krl::parse(&with_inner(ca().blob(), 0x21, &numbers(&[first, last])));
    assert_eq!(range(5, 4), Err(KrlError::RangeOrder { first: 5, last: 4 }));
    assert!(range(5, 5).is_ok());
    assert!(range(1, u64::MAX).is_ok());
    assert!(Krl::parse(&bitmap(u64::MAX - 1, &[0x02])).is_ok());
    assert_eq!(Krl::parse(&bitmap(u64::MAX - 1, &[0x04])), Err(KrlError::Bitmap));
    for mpint in [&b""[..], &[0], &[0, 1], &[0x80], &[0xff, 0x01], &[0, 0, 0x80]] {
        assert_eq!(Krl::parse(&bitmap(1, mpint)), Err(KrlError::Bitmap), "{mpint:?}");
    }
}

#[test]
fn h3_sections_with_too_little_or_too_much_are_refused() {
    let ca = ca().blob();
    for (kind, data) in
        [(0x20, vec![0; 7]), (0x21, numbers(&[1])), (0x22, vec![0; 8]), (0x23, vec![0, 0, 0, 9])]
    {
        assert_eq!(Krl::parse(&with_inner(ca, kind, &data)), Err(KrlError::Truncated), "{kind:#x}");
    }
    let trailing = with_inner(ca, 0x21, &numbers(&[1, 2, 3]));
    assert_eq!(Krl::parse(&trailing), Err(KrlError::TrailingBytes { section: 0x21 }));
    assert_eq!(Krl::parse(&with_inner(ca, 0x23, b"")), Err(KrlError::EmptySection { section: 0x23 }));
    for kind in [2, 3, 5] {
        assert_eq!(Krl::parse(&with_section(kind, b"")), Err(KrlError::EmptySection { section: kind }));
    }
    for extra in [vec![0], b"\n".to_vec(), vec![0; 100]] {
        assert!(Krl::parse(&[sample(1), extra].concat()).is_err());
    }
    let nul = with_inner(ca, 0x23, &strings(&[b"ann\0bob"]));
    assert_eq!(Krl::parse(&nul), Err(KrlError::NulInText));
}

#[test]
fn h3_hashes_have_their_length_and_order() {
    let hashes = |kind, hashes: &[&[u8]]| Krl::parse(&with_section(kind, &strings(hashes)));
    assert!(hashes(5, &[&[1; 32], &[2; 32]]).is_ok());
    assert!(hashes(3, &[&[1; 20], &[2; 20]]).is_ok());
    assert_eq!(hashes(5, &[&[1; 20]]), Err(KrlError::HashLength { bytes: 20 }));
    assert_eq!(hashes(3, &[&[1; 32]]), Err(KrlError::HashLength { bytes: 32 }));
    for second in [[0; 32], [1; 32]] {
        assert_eq!(hashes(5, &[&[1; 32], &second]), Err(KrlError::HashOrder));
    }
}

#[test]
fn h3_unknown_sections_and_embedded_signatures_are_refused() {
    assert_eq!(Krl::parse(&with_section(6, b"")), Err(KrlError::UnknownSection { section: 6 }));
    let inner = with_inner(ca().blob(), 0x24, b"");
    assert_eq!(Krl::parse(&inner), Err(KrlError::UnknownSection { section: 0x24 }));
    let embedded = [with_section(4, ca().blob()), strings(&[b"signature"])].concat();
    assert_eq!(Krl::parse(&embedded), Err(KrlError::EmbeddedSignature));
}

#[test]
fn only_extensions_that_may_be_ignored_are() {
    for critical in [1, 0xff] {
        let name = "colour@example.com".to_owned();
        let expected = Err(KrlError::CriticalExtension { name });
        assert_eq!(Krl::parse(&with_section(255, &extension(critical))), expected);
        assert_eq!(Krl::parse(&with_inner(ca().blob(), 0x39, &extension(critical))), expected);
    }
    assert!(Krl::parse(&with_section(255, &extension(0))).is_ok());
    assert!(Krl::parse(&with_inner(ca().blob(), 0x39, &extension(0))).is_ok());
    let longer = [extension(0), vec![0]].concat();
    let trailing = Err(KrlError::TrailingBytes { section: 255 });
    assert_eq!(Krl::parse(&with_section(255, &longer)), trailing);
}

#[test]
fn h3_a_ca_key_that_sshd_does_not_read_is_refused() {
    let serial = numbers(&[1]);
    assert!(matches!(Krl::parse(&with_inner(b"a key", 0x20, &serial)), Err(KrlError::CaKey(_))));
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521] {
        let good = key(kind).public().blob();
        assert!(Krl::parse(&with_inner(good, 0x20, &serial)).is_ok(), "{kind:?}");
        let mut beside = good.to_vec();
        *beside.last_mut().unwrap() ^= 1;
        let refused = Krl::parse(&with_inner(&beside, 0x20, &serial));
        assert_eq!(refused, Err(KrlError::UnreadableCaKey), "{kind:?}");
    }
    // No key at all stands for every CA, as `ssh-keygen -k` writes it.
    let krl = Krl::parse(&with_inner(b"", 0x20, &serial)).unwrap();
    assert_eq!(krl.revokes_certificate(ca(), 1, "", signer().public()), Some(Why::Serial));
}

#[test]
fn h3_an_unsigned_krl_or_one_by_another_signer_is_refused() {
    let bytes = sample(1);
    assert!(verify(signed(&bytes, &to_sign(&bytes), signer())).is_ok());
    let malformed = Err(SignedKrlError::Signature(SshSigError::Malformed));
    assert_eq!(verify((bytes.clone(), String::new())), malformed);
    assert_eq!(verify((bytes.clone(), "A".repeat(20_000))), malformed);
    let other = verify(signed(&bytes, &to_sign(&bytes), key(KeyKind::Ed25519)));
    assert_eq!(other, Err(SignedKrlError::Signature(SshSigError::OtherKey)));
    let elsewhere = verify(signed(&bytes, &HashedMessage::new("file", &bytes), signer()));
    let namespace = SshSigError::Namespace { found: "file".to_owned(), wanted: NAMESPACE };
    assert_eq!(elsewhere, Err(SignedKrlError::Signature(namespace)));
    let of_another = verify(signed(&bytes, &to_sign(&sample(2)), signer()));
    assert!(matches!(of_another, Err(SignedKrlError::Signature(SshSigError::Signature(_)))));
    // A good signature makes no KRL of what is none.
    assert_eq!(verify(signed(b"", &to_sign(b""), signer())), Err(SignedKrlError::Krl(KrlError::Empty)));
}

#[test]
fn h3_an_older_krl_or_the_same_again_is_refused() {
    let bytes = sample(5);
    let krl = verify(signed(&bytes, &to_sign(&bytes), signer())).unwrap();
    assert_eq!((krl.bytes(), krl.krl()), (bytes.as_slice(), &Krl::parse(&bytes).unwrap()));
    assert_eq!(krl.newer_than(KrlVersion(4)), Ok(()));
    for installed in [5, 6, u64::MAX].map(KrlVersion) {
        let found = KrlVersion(5);
        assert_eq!(krl.newer_than(installed), Err(SignedKrlError::NotNewer { found, installed }));
    }
}

proptest! {
    #[test]
    fn h3_no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Krl::parse(&bytes);
        for kind in [1, 2, 3, 5, 255] {
            let _ = Krl::parse(&with_section(kind, &bytes));
        }
        for kind in [0x20, 0x21, 0x22, 0x23, 0x39] {
            let _ = Krl::parse(&with_inner(ca().blob(), kind, &bytes));
        }
    }

    #[test]
    fn h3_no_change_makes_the_reader_panic(changes in vec((any::<Index>(), any::<u8>()), 1..4), asked in any::<u64>()) {
        let mut bytes = sample(1);
        for (index, byte) in changes {
            let length = bytes.len();
            bytes[index.index(length)] = byte;
        }
        if let Ok(krl) = Krl::parse(&bytes) {
            let _ = krl.revokes_certificate(ca(), asked, "ann", signer().public());
        }
    }
}

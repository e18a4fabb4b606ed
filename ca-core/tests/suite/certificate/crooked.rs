//! Certificates that nobody should make: refused, or at least never verified, and never a panic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cert::{
    CertError, CertKind, Content, MAX_BYTES, Options, UnverifiedCertificate, flag, text_value,
};
use ca_core::ssh::{KeyError, KeyKind, SignatureError};
use ca_core::time::UnixSeconds;
use ca_core::wire::{Reader, Writer};
use proptest::prelude::*;

use crate::support::KINDS;
use crate::support::keys::{key, strings};

fn content(kind: KeyKind) -> Content {
    Content {
        key: key(kind).public().clone(),
        nonce: vec![7; 32],
        serial: 9,
        kind: CertKind::User,
        key_id: "ann@example.com/x".to_owned(),
        principals: vec!["ann".to_owned(), "deploy".to_owned()],
        valid_after: UnixSeconds(100),
        valid_before: UnixSeconds(200),
        critical_options: Options::from([("source-address".to_owned(), text_value("10.0.0.0/8"))]),
        extensions: Options::from([("permit-pty".to_owned(), flag()), ("permit-user-rc".to_owned(), flag())]),
        ca: key(KeyKind::Ed25519).public().clone(),
    }
}

fn sign(to_be_signed: &[u8], ca: KeyKind) -> Vec<u8> {
    [to_be_signed, &strings(&[&key(ca).sign(to_be_signed).to_bytes()])].concat()
}

fn check(bytes: &[u8]) -> Result<(), CertError> {
    UnverifiedCertificate::from_bytes(bytes)?.verify().map(drop)
}

/// The to-be-signed bytes of an Ed25519 certificate with these last fields.
fn written(
    kind: u32,
    principals: &[u8],
    critical: &[u8],
    extensions: &[u8],
    reserved: &[u8],
    ca: &[u8],
) -> Vec<u8> {
    let mut reader = Reader::new(key(KeyKind::Ed25519).public().blob());
    reader.string().unwrap();
    let mut writer = Writer::default();
    writer.string(KeyKind::Ed25519.certificate_algorithm().as_bytes()).string(&[7; 32]).raw(reader.rest());
    writer.u64(9).u32(kind).string(b"id").string(principals).u64(100).u64(200);
    writer.string(critical).string(extensions).string(reserved).string(ca);
    writer.finish()
}

fn ca_blob() -> &'static [u8] {
    key(KeyKind::Ed25519).public().blob()
}

fn check_extensions(extensions: &[&[u8]]) -> Result<(), CertError> {
    let written = written(1, &strings(&[b"ann"]), b"", &strings(extensions), b"", ca_blob());
    check(&sign(&written, KeyKind::Ed25519))
}

#[test]
fn every_kind_is_written_and_verified() {
    for (kind, ca) in KINDS.iter().flat_map(|kind| KINDS.iter().map(move |ca| (*kind, *ca))) {
        let mut content = content(kind);
        content.ca = key(ca).public().clone();
        let bytes = sign(&content.to_be_signed(None), ca);
        let parsed = UnverifiedCertificate::from_bytes(&bytes).unwrap();
        assert_eq!(parsed.unverified_content(), &content);
        assert!(parsed.verify().is_ok(), "{kind:?} by {ca:?}");
    }
}

#[test]
fn options_are_in_order_and_each_once() {
    assert_eq!(check_extensions(&[b"a", b"", b"b", b""]), Ok(()));
    assert_eq!(check_extensions(&[b"b", b"", b"a", b""]), Err(CertError::OptionOrder));
    assert_eq!(check_extensions(&[b"a", b"", b"a", b""]), Err(CertError::OptionOrder));
    assert_eq!(
        check_extensions(&[b"a", b"", b"A", b""]),
        Err(CertError::OptionOrder),
        "by byte, not by letter"
    );
    assert_eq!(check_extensions(&[b"ab", b"", b"a", b""]), Err(CertError::OptionOrder));
    assert_eq!(check_extensions(&[b"a"]), Err(CertError::Malformed), "a name without a value");
    assert_eq!(check_extensions(&[b"\xff", b""]), Err(CertError::Malformed));
    let critical = strings(&[b"b", b"", b"a", b""]);
    let bytes = sign(&written(1, b"", &critical, b"", b"", ca_blob()), KeyKind::Ed25519);
    assert_eq!(check(&bytes), Err(CertError::OptionOrder));
}

#[test]
fn h6_fields_out_of_form_are_refused_though_signed() {
    let ann = strings(&[b"ann"]);
    let signed = |bytes: Vec<u8>| check(&sign(&bytes, KeyKind::Ed25519));
    assert_eq!(signed(written(1, &ann, b"", b"", b"", ca_blob())), Ok(()));
    for kind in [0, 3, u32::MAX] {
        assert_eq!(signed(written(kind, &ann, b"", b"", b"", ca_blob())), Err(CertError::Malformed));
    }
    assert_eq!(signed(written(1, b"\0\0\0\x09ann", b"", b"", b"", ca_blob())), Err(CertError::Malformed));
    assert_eq!(signed(written(1, &strings(&[b"\xff"]), b"", b"", b"", ca_blob())), Err(CertError::Malformed));
    assert_eq!(signed(written(1, &ann, b"", b"", b"x", ca_blob())), Err(CertError::Malformed), "reserved");
    let certificate = sign(&written(1, &ann, b"", b"", b"", ca_blob()), KeyKind::Ed25519);
    let by_certificate = signed(written(1, &ann, b"", b"", b"", &certificate));
    assert_eq!(by_certificate, Err(CertError::Key(KeyError::Certificate)), "a certificate as CA");
    assert_eq!(signed(written(1, &ann, b"", b"", b"", b"")), Err(CertError::Key(KeyError::Malformed)));
    assert_eq!(check(&[&certificate[..], &[0]].concat()), Err(CertError::Malformed), "bytes behind");
    assert_eq!(check(b""), Err(CertError::Malformed));
    let unknown = strings(&[b"ssh-dss-cert-v01@openssh.com"]);
    assert!(matches!(check(&unknown), Err(CertError::Algorithm { .. })));
    assert!(matches!(check(ca_blob()), Err(CertError::Algorithm { .. })), "a plain key");
    assert_eq!(check(&vec![0; MAX_BYTES + 1]), Err(CertError::TooLong { bytes: MAX_BYTES + 1 }));
}

#[test]
fn the_signature_is_by_the_ca_inside() {
    let content = content(KeyKind::EcdsaP256);
    let to_be_signed = content.to_be_signed(None);
    let wrong = CertError::Signature(SignatureError::Wrong);
    let other = crate::support::keys::TestKey::generate(KeyKind::Ed25519);
    let bytes = [&to_be_signed[..], &strings(&[&other.sign(&to_be_signed).to_bytes()])].concat();
    assert_eq!(check(&bytes), Err(wrong));
    let by_rsa = check(&sign(&to_be_signed, KeyKind::Rsa));
    assert!(matches!(by_rsa, Err(CertError::Signature(SignatureError::Algorithm { .. }))));
}

#[test]
fn the_one_line_form_names_its_algorithm() {
    let base64 = STANDARD.encode(sign(&content(KeyKind::Ed25519).to_be_signed(None), KeyKind::Ed25519));
    let name = KeyKind::Ed25519.certificate_algorithm();
    let parse = |line: &str| UnverifiedCertificate::from_openssh(line).map(drop);
    assert_eq!(parse(&format!("{name} {base64}")), Ok(()));
    assert_eq!(parse(&format!("{name} {base64} a comment\n")), Ok(()));
    for bad in [
        format!("ssh-ed25519 {base64}"),
        format!("{} {base64}", KeyKind::Rsa.certificate_algorithm()),
        base64.clone(),
        format!("{name} !{base64}"),
        name.to_owned(),
        String::new(),
    ] {
        assert_eq!(parse(&bad), Err(CertError::Malformed), "{bad}");
    }
}

#[test]
fn a7_a_comment_has_no_control_characters() {
    let mut content = content(KeyKind::Ed25519);
    content.key_id = "ann\nssh-ed25519 AAAA\u{1b}[2J".to_owned();
    let bytes = sign(&content.to_be_signed(None), KeyKind::Ed25519);
    let line = UnverifiedCertificate::from_bytes(&bytes).unwrap().verify().unwrap().to_openssh();
    assert!(line.ends_with('\n') && !line.trim_end().contains(char::is_control), "{line:?}");
}

proptest! {
    #[test]
    fn h6_a_changed_byte_never_verifies(
        kind in prop::sample::select(&KINDS[..]), ca in prop::sample::select(&KINDS[..]),
        at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let mut content = content(kind);
        content.ca = key(ca).public().clone();
        let mut bytes = sign(&content.to_be_signed(None), ca);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(check(&bytes).is_err(), "byte {}", at);
    }

    #[test]
    fn h6_cut_and_spliced_bytes_never_verify(
        kind in prop::sample::select(&KINDS[..]), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
        put in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let bytes = sign(&content(kind).to_be_signed(None), KeyKind::Ed25519);
        let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
        let mut changed = bytes.clone();
        changed.splice(a.min(b)..a.max(b), put);
        prop_assume!(changed != bytes);
        prop_assert!(check(&changed).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(kind in prop::sample::select(&KINDS[..]), tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = check(&tail);
        let _ = check(&[strings(&[kind.certificate_algorithm().as_bytes()]), tail.clone()].concat());
        let _ = Content::from_to_be_signed(&tail);
    }

    #[test]
    fn any_content_is_read_back(
        serial in any::<u64>(), times in any::<(u64, u64)>(), id in any::<String>(),
        names in prop::collection::vec(any::<String>(), 0..4), host in any::<bool>(),
        options in prop::collection::btree_map(any::<String>(), prop::collection::vec(any::<u8>(), 0..9), 0..4),
        extra in ("[a-z@]{1,9}", prop::collection::vec(any::<u8>(), 0..9)),
    ) {
        let mut content = content(KeyKind::Ed25519);
        (content.serial, content.key_id, content.principals) = (serial, id, names);
        (content.valid_after, content.valid_before) = (UnixSeconds(times.0), UnixSeconds(times.1));
        content.kind = if host { CertKind::Host } else { CertKind::User };
        (content.critical_options, content.extensions) = (options.clone(), options);
        prop_assert_eq!(&Content::from_to_be_signed(&content.to_be_signed(None)).unwrap(), &content);
        prop_assume!(!content.extensions.contains_key(&extra.0));
        let with_extra = content.to_be_signed(Some((&extra.0, &extra.1)));
        content.extensions.insert(extra.0, extra.1);
        prop_assert_eq!(Content::from_to_be_signed(&with_extra).unwrap(), content);
    }
}

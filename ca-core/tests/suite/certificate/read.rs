//! Certificates as OpenSSH makes them, read, written again byte for byte, and compared with `ssh-key`'s opinion.

use ca_core::cert::{CertError, CertKind, Content, UnverifiedCertificate, Validity, value_text};
use ca_core::ssh::{KeyKind, PublicKey, SignatureError};
use ca_core::time::UnixSeconds;

use crate::support::KINDS;
use crate::support::keygen::Keygen;
use crate::support::keys::key;

const USER: &[&str] = &[
    "-n",
    "ann,deploy",
    "-z",
    "42",
    "-V",
    "0x10:0x20",
    "-O",
    "clear",
    "-O",
    "permit-pty",
    "-O",
    "force-command=/bin/date -u",
    "-O",
    "source-address=10.0.0.0/8,2001:db8::/32",
    "-O",
    "verify-required",
    "-O",
    "extension:login@example.com=ann",
    "-O",
    "critical:x@example.com=y",
];
const HOST: &[&str] =
    &["-h", "-n", "web-1.example.com", "-z", "18446744073709551615", "-V", "always:forever"];
const BARE: &[&str] = &["-O", "clear", "-V", "always:forever"];

/// Compares everything we read with what `ssh-key` reads.
fn agrees_with_ssh_key(line: &str, content: &Content) {
    let oracle = ssh_key::Certificate::from_openssh(line).unwrap();
    assert_eq!(content.nonce, oracle.nonce());
    assert_eq!(content.key, PublicKey::from_key_data(oracle.public_key().clone()).unwrap());
    assert_eq!(content.serial, oracle.serial());
    assert_eq!(content.kind == CertKind::User, oracle.cert_type().is_user());
    assert_eq!(content.key_id, oracle.key_id());
    assert_eq!(content.principals, oracle.valid_principals());
    assert_eq!(
        (content.valid_after.0, content.valid_before.0),
        (oracle.valid_after(), oracle.valid_before())
    );
    assert_eq!(content.ca, PublicKey::from_key_data(oracle.signature_key().clone()).unwrap());
    let theirs: Vec<_> = oracle.critical_options().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let text = |data: &Vec<u8>| value_text(data).unwrap_or_default().to_owned();
    let ours: Vec<_> = content.critical_options.iter().map(|(k, v)| (k.clone(), text(v))).collect();
    assert_eq!(ours, theirs);
    let theirs: Vec<_> = oracle.extensions().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let ours: Vec<_> = content.extensions.iter().map(|(k, v)| (k.clone(), text(v))).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn what_ssh_keygen_makes_is_read_and_written_byte_for_byte() {
    let keygen = Keygen::new();
    let ca = keygen.make("ca", KeyKind::Ed25519);
    for kind in KINDS {
        for arguments in [USER, HOST, BARE] {
            let line = keygen.certify("ca", key(kind).public(), arguments);
            let certificate = UnverifiedCertificate::from_openssh(&line).unwrap().verify().unwrap();
            let content = certificate.content();
            assert_eq!((&content.key, &content.ca), (key(kind).public(), &ca));
            assert_eq!(content.to_be_signed(None), certificate.signed_bytes(), "{kind:?} {arguments:?}");
            assert_eq!(&Content::from_to_be_signed(certificate.signed_bytes()).unwrap(), content);
            agrees_with_ssh_key(&line, content);
            let again = certificate.to_openssh();
            assert_eq!(
                again.split(' ').take(2).collect::<Vec<_>>(),
                line.split(' ').take(2).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn fields_are_read_as_they_were_given() {
    let keygen = Keygen::new();
    keygen.make("ca", KeyKind::EcdsaP256);
    let line = keygen.certify("ca", key(KeyKind::SkEd25519).public(), USER);
    let content = UnverifiedCertificate::from_openssh(&line).unwrap().unverified_content().clone();
    assert_eq!((content.serial, content.kind, content.key_id.as_str()), (42, CertKind::User, "an id"));
    assert_eq!(content.principals, ["ann", "deploy"]);
    assert_eq!((content.valid_after, content.valid_before), (UnixSeconds(0x10), UnixSeconds(0x20)));
    let names: Vec<&str> = content.critical_options.keys().map(String::as_str).collect();
    assert_eq!(names, ["force-command", "source-address", "verify-required", "x@example.com"]);
    assert_eq!(value_text(&content.critical_options["force-command"]), Some("/bin/date -u"));
    assert_eq!(content.extensions.keys().collect::<Vec<_>>(), ["login@example.com", "permit-pty"]);
    let line = keygen.certify("ca", key(KeyKind::Ed25519).public(), HOST);
    let content = UnverifiedCertificate::from_openssh(&line).unwrap().unverified_content().clone();
    assert_eq!((content.serial, content.kind), (u64::MAX, CertKind::Host));
    assert_eq!((content.valid_after.0, content.valid_before.0), (0, u64::MAX));
}

#[test]
fn every_kind_of_ca_is_verified_and_sha_1_is_not() {
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521] {
        let keygen = Keygen::new();
        let ca = keygen.make("ca", kind);
        let line = keygen.certify("ca", key(KeyKind::Ed25519).public(), USER);
        let certificate = UnverifiedCertificate::from_openssh(&line).unwrap().verify().unwrap();
        assert_eq!((certificate.ca(), certificate.signature_algorithm()), (&ca, kind.algorithm()));
    }
    let keygen = Keygen::new();
    keygen.make("ca", KeyKind::Rsa);
    for algorithm in ["rsa-sha2-256", "rsa-sha2-512"] {
        let line = keygen.certify("ca", key(KeyKind::Ed25519).public(), &["-t", algorithm, "-n", "ann"]);
        let certificate = UnverifiedCertificate::from_openssh(&line).unwrap().verify().unwrap();
        assert_eq!(certificate.signature_algorithm(), algorithm);
    }
    keygen.write("subject.pub", &format!("{}\n", key(KeyKind::Ed25519).public()));
    keygen.run(&["-q", "-s", "ca", "-I", "id", "-n", "ann", "-t", "ssh-rsa", "subject.pub"]);
    let sha_1 = UnverifiedCertificate::from_openssh(&keygen.read("subject-cert.pub")).unwrap();
    let refused = sha_1.verify().unwrap_err();
    assert_eq!(refused, CertError::Signature(SignatureError::Algorithm { algorithm: "ssh-rsa".to_owned() }));
}

#[test]
fn an_rsa_ca_of_1024_bits_verifies_nothing() {
    let keygen = Keygen::new();
    keygen.run(&["-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", "ca"]);
    let line = keygen.certify("ca", key(KeyKind::Ed25519).public(), USER);
    let refused = UnverifiedCertificate::from_openssh(&line).unwrap().verify();
    assert_eq!(refused.unwrap_err(), CertError::Signature(SignatureError::Wrong));
}

#[test]
fn a_validity_is_placed_to_the_second() {
    let keygen = Keygen::new();
    keygen.make("ca", KeyKind::Ed25519);
    let read = |arguments: &[&str]| {
        let line = keygen.certify("ca", key(KeyKind::Ed25519).public(), arguments);
        UnverifiedCertificate::from_openssh(&line).unwrap().unverified_content().clone()
    };
    let content = read(USER);
    for (now, expected) in [
        (0, Validity::NotYet { secs: 16 }),
        (15, Validity::NotYet { secs: 1 }),
        (16, Validity::Valid { secs_left: 16 }),
        (31, Validity::Valid { secs_left: 1 }),
        (32, Validity::Expired { secs_ago: 0 }),
        (u64::MAX, Validity::Expired { secs_ago: u64::MAX - 32 }),
    ] {
        assert_eq!(Validity::of(&content, UnixSeconds(now)), expected, "{now}");
    }
    let forever = read(HOST);
    assert_eq!(Validity::of(&forever, UnixSeconds(0)), Validity::Valid { secs_left: u64::MAX });
    let mut backwards = content;
    (backwards.valid_after, backwards.valid_before) = (UnixSeconds(32), UnixSeconds(16));
    assert_eq!(Validity::of(&backwards, UnixSeconds(20)), Validity::NotYet { secs: 12 });
    assert_eq!(Validity::of(&backwards, UnixSeconds(40)), Validity::Expired { secs_ago: 24 });
}

//! Proof of possession: the request is signed by the key in it, now, for this and nothing else (A12).

use ca_core::names::RequestId;
use ca_core::request::{CertRequest, NAMESPACE, ProvenRequest};
use ca_core::ssh::{CertifiableKey, HashedMessage, KeyKind, SignatureError, SshSigError, UnverifiedSshSig};
use proptest::prelude::*;

use crate::support::keygen::Keygen;
use crate::support::keys::{Sshsig, TOUCHED, TestKey, key, prove, sshsig_message};
use crate::support::{KINDS, NOW, request};

/// Signs the usual request, with everything to be chosen.
fn signed(key: &TestKey, namespace: &str, hash: &str, made: &str, named: &str, flags: u8) -> String {
    let text = request(key.public().kind()).to_text();
    let signature = key.sign_as(made, named, flags, &sshsig_message(namespace, hash, text.as_bytes()));
    Sshsig { key: key.public(), namespace, hash, signature }.armoured()
}

fn verify(kind: KeyKind, signature: &str) -> Result<ProvenRequest, SshSigError> {
    ProvenRequest::verify(request(kind), signature.to_owned())
}

#[test]
fn a12_every_kind_of_key_proves_itself_with_either_hash() {
    for kind in KINDS {
        for hash in ["sha256", "sha512"] {
            let names: &[&str] =
                if kind == KeyKind::Rsa { &["rsa-sha2-256", "rsa-sha2-512"] } else { &[kind.algorithm()] };
            for name in names {
                let signature = signed(key(kind), NAMESPACE, hash, name, name, TOUCHED);
                let proven = verify(kind, &signature).unwrap();
                assert_eq!(proven.text(), request(kind).to_text());
                assert_eq!(proven.signature(), signature);
            }
        }
    }
}

#[test]
fn a12_our_own_armour_is_what_the_parser_takes() {
    for kind in KINDS {
        let request = request(kind);
        let message = HashedMessage::new(NAMESPACE, request.to_text().as_bytes());
        let signature = message.armour(key(kind).public(), &key(kind).sign(&message.to_be_signed()));
        assert!(ProvenRequest::verify(request, signature).is_ok());
    }
}

#[test]
fn a12_another_keys_signature_proves_nothing() {
    let text = request(KeyKind::Ed25519).to_text();
    let other = TestKey::generate(KeyKind::Ed25519);
    assert_eq!(verify(KeyKind::Ed25519, &prove(&other, &text)), Err(SshSigError::OtherKey));
    // The other key's signature under the right key's name.
    let signature = other.sign(&sshsig_message(NAMESPACE, "sha512", text.as_bytes()));
    let public = key(KeyKind::Ed25519).public();
    let forged = Sshsig { key: public, namespace: NAMESPACE, hash: "sha512", signature }.armoured();
    assert_eq!(verify(KeyKind::Ed25519, &forged), Err(SignatureError::Wrong.into()));
}

#[test]
fn a12_an_old_signature_does_not_fit_another_request() {
    let signature = prove(key(KeyKind::Ed25519), &request(KeyKind::Ed25519).to_text());
    let changes: [fn(&mut CertRequest); 7] = [
        |r| r.id = RequestId::from_parts(NOW, 8),
        |r| r.user = "bob".parse().unwrap(),
        |r| r.profile = "prod".parse().unwrap(),
        |r| r.ttl = None,
        |r| r.principals = Some(vec!["root".parse().unwrap()].try_into().unwrap()),
        |r| r.reason = None,
        |r| r.authority = "other.example.com/log".parse().unwrap(),
    ];
    for change in changes {
        let mut other = request(KeyKind::Ed25519);
        change(&mut other);
        assert_eq!(ProvenRequest::verify(other, signature.clone()), Err(SignatureError::Wrong.into()));
    }
}

#[test]
fn a12_a_signature_for_another_purpose_is_refused() {
    let name = KeyKind::Ed25519.algorithm();
    for namespace in ["file", "git", "request@countersign.v2", "", "request@countersign.v1\0"] {
        let signature = signed(key(KeyKind::Ed25519), namespace, "sha512", name, name, 0);
        let refused = verify(KeyKind::Ed25519, &signature);
        assert!(matches!(refused, Err(SshSigError::Namespace { .. })), "{namespace}");
    }
    // Signed for another purpose, relabelled for ours.
    let text = request(KeyKind::Ed25519).to_text();
    let signature = key(KeyKind::Ed25519).sign(&sshsig_message("file", "sha512", text.as_bytes()));
    let public = key(KeyKind::Ed25519).public();
    let forged = Sshsig { key: public, namespace: NAMESPACE, hash: "sha512", signature }.armoured();
    assert_eq!(verify(KeyKind::Ed25519, &forged), Err(SignatureError::Wrong.into()));
    // The bare text, without SSHSIG's frame around it: an SSH log-in could be made to sign that.
    let signature = key(KeyKind::Ed25519).sign(text.as_bytes());
    let forged = Sshsig { key: public, namespace: NAMESPACE, hash: "sha512", signature }.armoured();
    assert_eq!(verify(KeyKind::Ed25519, &forged), Err(SignatureError::Wrong.into()));
}

#[test]
fn a12_sha_1_and_unknown_hashes_are_refused() {
    let rsa = key(KeyKind::Rsa);
    for named in ["ssh-rsa", "rsa-sha1", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-384", "ssh-ed25519", ""] {
        let signature = signed(rsa, NAMESPACE, "sha512", "rsa-sha2-512", named, 0);
        let refused = verify(KeyKind::Rsa, &signature);
        assert_eq!(refused, Err(SignatureError::Algorithm { algorithm: named.to_owned() }.into()));
    }
    for (made, named) in [("rsa-sha2-256", "rsa-sha2-512"), ("rsa-sha2-512", "rsa-sha2-256")] {
        let signature = signed(rsa, NAMESPACE, "sha512", made, named, 0);
        assert_eq!(verify(KeyKind::Rsa, &signature), Err(SignatureError::Wrong.into()));
    }
    for hash in ["sha1", "md5", "SHA512", ""] {
        let name = KeyKind::Ed25519.algorithm();
        let signature = signed(key(KeyKind::Ed25519), NAMESPACE, hash, name, name, 0);
        assert_eq!(verify(KeyKind::Ed25519, &signature), Err(SshSigError::Malformed));
    }
}

#[test]
fn a12_a_security_key_must_have_been_touched() {
    for kind in [KeyKind::SkEd25519, KeyKind::SkEcdsaP256] {
        for (flags, good) in [(0x01, true), (0x05, true), (0x00, false), (0x04, false), (0xfe, false)] {
            let name = kind.algorithm();
            let signature = signed(key(kind), NAMESPACE, "sha512", name, name, flags);
            assert_eq!(verify(kind, &signature).is_ok(), good, "{kind:?} {flags:#x}");
        }
    }
}

#[test]
fn a12_a_security_keys_flags_and_counter_are_signed() {
    for kind in [KeyKind::SkEd25519, KeyKind::SkEcdsaP256] {
        let bytes = key(kind).sign(b"m").to_bytes();
        let verify = |bytes: &[u8]| {
            ca_core::ssh::Signature::from_bytes(bytes).and_then(|s| s.verify(key(kind).public(), b"m"))
        };
        assert_eq!(verify(&bytes), Ok(()));
        for at in bytes.len() - 5..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(verify(&changed), Err(SignatureError::Wrong));
        }
        for crooked in [&bytes[..bytes.len() - 1], &bytes[..bytes.len() - 5], &[&bytes[..], &[0]].concat()] {
            assert_eq!(verify(crooked), Err(SignatureError::Malformed));
        }
        // A plain key's signature has nothing behind it.
        let plain = [key(KeyKind::Ed25519).sign(b"m").to_bytes(), vec![0; 5]].concat();
        let plain = ca_core::ssh::Signature::from_bytes(&plain).unwrap();
        assert!(plain.verify(key(KeyKind::Ed25519).public(), b"m").is_err());
    }
}

#[test]
fn a12_what_ssh_keygen_signs_is_accepted() {
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521, KeyKind::Rsa] {
        let keygen = Keygen::new();
        let public = keygen.make("key", kind);
        let request = CertRequest { key: CertifiableKey::try_from(public).unwrap(), ..request(kind) };
        for hash in ["sha256", "sha512"] {
            let signature = keygen.sign_text("key", NAMESPACE, &request.to_text(), hash);
            assert!(ProvenRequest::verify(request.clone(), signature).is_ok(), "{kind:?} {hash}");
            let other = keygen.sign_text("key", "file", &request.to_text(), hash);
            assert!(ProvenRequest::verify(request.clone(), other).is_err(), "{kind:?} {hash}");
        }
    }
}

#[test]
fn ssh_keygen_accepts_our_signatures() {
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::EcdsaP521, KeyKind::Rsa] {
        let keygen = Keygen::new();
        keygen.write("sig", &prove(key(kind), "text"));
        keygen.write("text", "text");
        let script = "ssh-keygen -Y check-novalidate -n request@countersign.v1 -s sig < text";
        let checked = keygen.shell(script);
        assert!(checked.status.success(), "{kind:?}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn malformed_armour_is_refused() {
    let good = prove(key(KeyKind::Ed25519), "text");
    let parses = |text: &str| UnverifiedSshSig::from_armoured(text).is_ok();
    assert!(parses(&good));
    for bad in [
        String::new(),
        good.replace("BEGIN", "begin"),
        good.replace("-----END SSH SIGNATURE-----", ""),
        good.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        good.replace("U1NIU0lH", "U1NIU0lI"),
        good.replacen('\n', "\nAAAA", 1),
        good.replacen("U1NIU0lHAAAAAQ", "U1NIU0lHAAAAAg", 1),
    ] {
        assert!(!parses(&bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_changed_signature_is_refused(kind in prop::sample::select(&KINDS[..]), at in any::<prop::sample::Index>(), c in "[A-Za-z0-9+/=]") {
        let good = prove(key(kind), &request(kind).to_text());
        let body = good.find('\n').unwrap() + 1;
        let at = body + at.index(good.rfind("\n---").unwrap() - body);
        prop_assume!(good[at..=at] != c);
        let mut changed = good.clone();
        changed.replace_range(at..=at, &c);
        prop_assert!(verify(kind, &changed).is_err());
    }

    #[test]
    fn arbitrary_armour_never_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD.encode([b"SSHSIG\0\0\0\x01", &body[..]].concat());
        let _ = UnverifiedSshSig::from_armoured(&format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----"));
        let _ = UnverifiedSshSig::from_armoured(&text);
    }
}

//! The way of a certificate with a real log: only what is logged is signed (I1), and only what was signed leaves (A14).

use ca_core::cert::{CertError, CertKind, Content, LogStanding, Report, Trust, UnverifiedCertificate};
use ca_core::issuance::{Inclusion, LogEvidence, NotLogged, Precert, extension_name};
use ca_core::log::journal::Round;
use ca_core::log::leaf::{EntryType, Leaf};
use ca_core::log::{Hash, NoteSigner, TlogProof};
use ca_core::names::Serial;
use ca_core::ssh::{KeyKind, Signature, SignatureError};
use ca_core::time::UnixMillis;
use ca_core::wire::Writer;

use crate::support::keygen::Keygen;
use crate::support::keys::{TestKey, key};
use crate::support::ledger::{Logged, commit, commit_precert, commit_to, grant, log_signer};
use crate::support::{KINDS, ORIGIN, now};

/// The CA of these tests; no subject has its key.
fn ca() -> &'static TestKey {
    static CA: std::sync::OnceLock<TestKey> = std::sync::OnceLock::new();
    CA.get_or_init(|| TestKey::generate(KeyKind::Ed25519))
}

fn signer() -> NoteSigner {
    log_signer(ORIGIN, 1)
}

fn logged_with<'a>(logged: &'a Logged, change: impl FnOnce(&mut Inclusion<'a>)) -> Result<(), NotLogged> {
    let mut at = logged.at();
    change(&mut at);
    logged.precert.clone().logged(at, &logged.checkpoint).map(drop)
}

#[test]
fn i1_a_logged_certificate_proves_itself() {
    for kind in KINDS {
        for (before, after) in [(1, 0), (2, 5), (5, 2), (8, 0), (1000, 23)] {
            let logged = commit(kind, ca(), before, after);
            let certificate = logged.certificate(ca());
            let content = certificate.content();
            assert_eq!((content.serial, content.kind), (before, CertKind::User));
            let evidence = LogEvidence::of(content).unwrap().unwrap();
            let verified = evidence.verify(content, signer().verifier_key()).unwrap();
            assert_eq!((verified.index, verified.tree_size), (before, before + 1 + after));
            assert_eq!((verified.time, verified.origin.as_str()), (logged.time, ORIGIN));
            // The proof adds its extension and changes nothing else.
            let mut bare = content.clone();
            assert!(bare.extensions.remove("tlog-proof-v1@ca.example.com").is_some());
            assert_eq!(&bare, logged.precert.content());
            assert_eq!(bare.to_be_signed(None), logged.precert.bytes());
        }
    }
}

#[test]
fn i1_the_leaf_follows_from_the_certificate() {
    let logged = commit(KeyKind::SkEcdsaP256, ca(), 3, 1);
    let content = logged.certificate(ca()).content().clone();
    let evidence = LogEvidence::of(&content).unwrap().unwrap();
    let mut bare = content.clone();
    bare.extensions.retain(|name, _| !name.starts_with("tlog-proof-v1@"));
    let precert = bare.to_be_signed(None);
    let leaf = Leaf::new(EntryType::Certificate, evidence.time, Some(&precert), evidence.event_hash);
    let round = Round::verify(&logged.object, &ORIGIN.parse().unwrap(), signer().verifier_key()).unwrap();
    let entry = round.entries().next().unwrap().unwrap();
    assert_eq!((entry.leaf, entry.index), (leaf, content.serial));
    assert_eq!(entry.event.precert().unwrap().unwrap(), precert);
}

#[test]
fn i1_every_wrong_word_about_the_place_is_not_logged() {
    let logged = commit(KeyKind::Ed25519, ca(), 5, 4);
    assert_eq!(logged_with(&logged, |_| ()), Ok(()));
    for index in [0, 4, 6, 100, u64::MAX] {
        let refused = logged_with(&logged, |at| at.index = index);
        assert_eq!(refused, Err(NotLogged::SerialIsNotIndex { serial: 5, index }));
    }
    for time in [0, logged.time.0 - 1, logged.time.0 + 1, u64::MAX] {
        let refused = logged_with(&logged, |at| at.time = UnixMillis(time));
        assert!(matches!(refused, Err(NotLogged::NotIncluded(_))), "{time}");
    }
    let refused = logged_with(&logged, |at| at.event_hash[31] ^= 1);
    assert!(matches!(refused, Err(NotLogged::NotIncluded(_))));
    let short = &logged.proof[1..];
    assert!(matches!(logged_with(&logged, |at| at.proof = short), Err(NotLogged::NotIncluded(_))));
    for position in 0..logged.proof.len() {
        let mut proof = logged.proof.clone();
        proof[position] = Hash([9; 32]);
        assert!(matches!(logged_with(&logged, |at| at.proof = &proof), Err(NotLogged::NotIncluded(_))));
    }
}

#[test]
fn i1_another_precert_is_not_logged() {
    let logged = commit(KeyKind::Ed25519, ca(), 5, 4);
    let serial = Serial::at_index(5).unwrap();
    let refused = |precert: Precert| precert.logged(logged.at(), &logged.checkpoint).map(drop).unwrap_err();
    let mut other = grant(KeyKind::Ed25519);
    other.principals = vec!["root".parse().unwrap()].try_into().unwrap();
    let mut later = grant(KeyKind::Ed25519);
    later.valid_before = later.valid_before.plus_secs(1);
    let mut more = grant(KeyKind::Ed25519);
    more.extensions.insert("permit-port-forwarding".to_owned(), Vec::new());
    for precert in [
        Precert::prepare(&other, serial, &[7; 32], &ca().user_ca()),
        Precert::prepare(&later, serial, &[7; 32], &ca().user_ca()),
        Precert::prepare(&more, serial, &[7; 32], &ca().user_ca()),
        Precert::prepare(&grant(KeyKind::EcdsaP256), serial, &[7; 32], &ca().user_ca()),
        Precert::prepare(&grant(KeyKind::Ed25519), serial, &[8; 32], &ca().user_ca()),
        Precert::prepare(&grant(KeyKind::Ed25519), serial, &[7; 32], &key(KeyKind::Ed25519).user_ca()),
    ] {
        assert!(matches!(refused(precert), NotLogged::NotIncluded(_)));
    }
    let at_6 =
        Precert::prepare(&grant(KeyKind::Ed25519), Serial::at_index(6).unwrap(), &[7; 32], &ca().user_ca());
    assert_eq!(refused(at_6), NotLogged::SerialIsNotIndex { serial: 6, index: 5 });
}

#[test]
fn i1_another_trees_checkpoint_is_not_enough() {
    let logged = commit(KeyKind::Ed25519, ca(), 5, 4);
    for other in [commit(KeyKind::Ed25519, ca(), 5, 3), commit(KeyKind::EcdsaP256, ca(), 5, 4)] {
        let refused = logged.precert.clone().logged(logged.at(), &other.checkpoint);
        assert!(matches!(refused, Err(NotLogged::NotIncluded(_))));
    }
}

#[test]
fn h2_a_certificate_of_another_log_is_refused() {
    let elsewhere = log_signer("elsewhere.example.com/log", 2);
    let content = commit_to(&elsewhere, KeyKind::Ed25519, ca(), 5, 4).certificate(ca()).content().clone();
    let evidence = LogEvidence::of(&content).unwrap().unwrap();
    assert!(evidence.verify(&content, elsewhere.verifier_key()).is_ok());
    assert!(matches!(evidence.verify(&content, signer().verifier_key()), Err(NotLogged::Proof(_))));
    // The same name, another key.
    let impostor = log_signer(ORIGIN, 2);
    assert!(matches!(evidence.verify(&content, impostor.verifier_key()), Err(NotLogged::Proof(_))));
}

#[test]
fn a14_a_signers_bad_work_never_leaves() {
    let finish = |signature: &Signature| {
        commit(KeyKind::Ed25519, ca(), 5, 4).logged().unwrap().finish(signature).map(drop)
    };
    let bytes = commit(KeyKind::Ed25519, ca(), 5, 4).logged().unwrap().to_be_signed().to_vec();
    assert_eq!(finish(&ca().sign(&bytes)), Ok(()));
    let wrong = Err(CertError::Signature(SignatureError::Wrong));
    assert_eq!(finish(&ca().sign(b"other bytes")), wrong);
    assert_eq!(
        finish(&ca().sign(commit(KeyKind::Ed25519, ca(), 5, 4).precert.bytes())),
        wrong,
        "the precert"
    );
    assert_eq!(finish(&key(KeyKind::Ed25519).sign(&bytes)), wrong, "another key");
    assert_eq!(finish(&Signature::new("ssh-ed25519", &[0; 64])), wrong);
    assert_eq!(finish(&Signature::new("ssh-ed25519", &[])), wrong);
    let renamed = finish(&Signature::new("ssh-rsa", &[0; 384]));
    assert!(matches!(renamed, Err(CertError::Signature(SignatureError::Algorithm { .. }))));
    assert!(finish(&key(KeyKind::Rsa).sign(&bytes)).is_err());
}

/// Signs changed content with the CA's own key, as whoever stole it could.
fn forged(change: impl FnOnce(&mut Content)) -> Content {
    let mut content = commit(KeyKind::Ed25519, ca(), 5, 4).certificate(ca()).content().clone();
    change(&mut content);
    let mut writer = Writer::default();
    let signed = content.to_be_signed(None);
    writer.raw(&signed).string(&ca().sign(&signed).to_bytes());
    let certificate = UnverifiedCertificate::from_bytes(&writer.finish()).unwrap().verify().unwrap();
    certificate.content().clone()
}

fn verdict(content: &Content) -> Result<(), NotLogged> {
    let evidence = LogEvidence::of(content)?.expect("there is a proof");
    evidence.verify(content, signer().verifier_key()).map(drop)
}

const NAME: &str = "tlog-proof-v1@ca.example.com";

type Change = (&'static str, fn(&mut Content));

#[test]
fn h1_h2_a_stolen_ca_key_cannot_borrow_a_proof() {
    assert_eq!(verdict(&forged(|_| ())), Ok(()));
    let other = commit(KeyKind::EcdsaP256, ca(), 5, 4).certificate(ca()).content().extensions[NAME].clone();
    let changed: [Change; 6] = [
        ("principals", |c| c.principals.push("root".to_owned())),
        ("lifetime", |c| c.valid_before = c.valid_before.plus_secs(1)),
        ("options", |c| c.critical_options.clear()),
        ("key", |c| c.key = key(KeyKind::Rsa).public().clone()),
        ("kind", |c| c.kind = CertKind::Host),
        ("extension", |c| drop(c.extensions.insert("permit-user-rc".to_owned(), Vec::new()))),
    ];
    for (what, change) in changed {
        assert!(matches!(verdict(&forged(change)), Err(NotLogged::Proof(_))), "{what}");
    }
    let borrowed = forged(|c| drop(c.extensions.insert(NAME.to_owned(), other)));
    assert!(matches!(verdict(&borrowed), Err(NotLogged::Proof(_))), "another certificate's proof");
    assert!(
        matches!(verdict(&forged(|c| c.serial = 6)), Err(NotLogged::Proof(_))),
        "the serial is logged too"
    );
}

#[test]
fn h2_the_extension_bears_the_logs_name_and_stands_alone() {
    let renamed = forged(|c| {
        let data = c.extensions.remove(NAME).unwrap();
        c.extensions.insert("tlog-proof-v1@elsewhere.example.com".to_owned(), data);
    });
    assert!(matches!(verdict(&renamed), Err(NotLogged::OtherLog { .. })));
    for second in ["tlog-proof-v1@elsewhere.example.com", "tlog-proof-v1@"] {
        let two = forged(|c| drop(c.extensions.insert(second.to_owned(), c.extensions[NAME].clone())));
        assert_eq!(verdict(&two), Err(NotLogged::Malformed));
        // Also for whoever holds the good proof already and asks about the other content.
        let good = LogEvidence::of(&forged(|_| ())).unwrap().unwrap();
        assert_eq!(good.verify(&two, signer().verifier_key()).unwrap_err(), NotLogged::Malformed);
    }
    let without = forged(|c| drop(c.extensions.remove(NAME)));
    assert_eq!(LogEvidence::of(&without), Ok(None));
    let good = LogEvidence::of(&forged(|_| ())).unwrap().unwrap();
    let refused = good.verify(&without, signer().verifier_key()).unwrap_err();
    assert_eq!(refused, NotLogged::OtherCertificate, "a proof that is not inside");
    assert_eq!(extension_name(&"ca.example.com".parse().unwrap()), NAME);
    assert_eq!(extension_name(&"ca.example.com/a/b".parse().unwrap()), NAME);
}

#[test]
fn a15_a_serial_that_is_not_the_index_is_refused_though_logged_and_signed() {
    let serial = Serial::at_index(6).unwrap();
    let precert = Precert::prepare(&grant(KeyKind::Ed25519), serial, &[7; 32], &ca().user_ca());
    let logged = commit_precert(&signer(), KeyKind::Ed25519, precert, 5, 4);
    let refused = Err(NotLogged::SerialIsNotIndex { serial: 6, index: 5 });
    assert_eq!(logged.logged().map(drop), refused);
    // As a log and a CA would write it that do not run this code.
    let proof = TlogProof {
        extra: None,
        index: 5,
        hashes: logged.proof.clone(),
        checkpoint: logged.checkpoint.note().to_owned(),
    };
    let mut data = Writer::default();
    data.u64(logged.time.0).string(&logged.event_hash).string(proof.to_string().as_bytes());
    let data = data.finish();
    let content = forged(|c| {
        *c = logged.precert.content().clone();
        c.extensions.insert(NAME.to_owned(), data);
    });
    assert_eq!(verdict(&content), refused);
}

#[test]
fn h2_a_malformed_proof_is_refused() {
    let original = forged(|_| ()).extensions[NAME].clone();
    for data in [
        vec![],
        original[..original.len() - 1].to_vec(),
        [&original[..], &[0]].concat(),
        original[8..].to_vec(),
        [&original[..8], &[0, 0, 0, 31], &original[13..]].concat(),
    ] {
        let content = forged(|c| drop(c.extensions.insert(NAME.to_owned(), data)));
        assert_eq!(verdict(&content), Err(NotLogged::Malformed));
    }
    for at in 0..original.len() {
        let mut data = original.clone();
        data[at] ^= 0x01;
        let content = forged(|c| drop(c.extensions.insert(NAME.to_owned(), data)));
        assert!(verdict(&content).is_err(), "byte {at}");
    }
}

#[test]
fn a_report_tells_where_a_certificate_stands() {
    let logged = commit(KeyKind::Ed25519, ca(), 5, 4);
    let certificate = UnverifiedCertificate::from_bytes(logged.certificate(ca()).bytes()).unwrap();
    let trust = Trust {
        ca_keys: vec![ca().public().clone()],
        log_key: Some(signer().verifier_key().clone()),
        ..Trust::default()
    };
    let report = Report::new(&certificate, &trust, now());
    assert!(report.signature.is_ok() && report.ca_pinned == Some(true));
    assert!(matches!(report.log, LogStanding::Proven(proven) if proven.index == 5));
    let report = Report::new(&certificate, &Trust::default(), now());
    assert!(report.ca_pinned.is_none() && matches!(report.log, LogStanding::Unchecked { index: 5 }));
    let other = Trust {
        ca_keys: vec![key(KeyKind::Rsa).public().clone()],
        log_key: Some(log_signer(ORIGIN, 2).verifier_key().clone()),
        ..Trust::default()
    };
    let report = Report::new(&certificate, &other, now());
    assert!(report.ca_pinned == Some(false) && matches!(report.log, LogStanding::Refuted(_)));
}

#[test]
fn ssh_keygen_reads_what_we_issue() {
    let keygen = Keygen::new();
    for kind in KINDS {
        let certificate = commit(kind, ca(), 5, 4).certificate(ca());
        let file = keygen.write("key-cert.pub", &certificate.to_openssh());
        let told = keygen.run(&["-L", "-f", file.to_str().unwrap()]);
        let content = certificate.content();
        let line = |text: &str| told.lines().any(|line| line.trim() == text);
        assert!(line(&format!("Type: {} user certificate", kind.certificate_algorithm())), "{told}");
        assert!(line("Serial: 5") && line("ann") && line("deploy") && line("permit-pty"), "{told}");
        assert!(line(&format!("Key ID: \"{}\"", content.key_id)), "{told}");
        assert!(line("source-address 192.0.2.7/32"), "{told}");
        assert!(told.contains(&format!("{} (using ssh-ed25519)", ca().public().fingerprint())), "{told}");
        assert!(told.contains("tlog-proof-v1@ca.example.com UNKNOWN OPTION"), "{told}");
    }
}

#[test]
fn i4_a15_only_what_we_could_have_granted_is_read_back() {
    let good = commit(KeyKind::Ed25519, ca(), 5, 0).precert;
    assert_eq!(Precert::from_bytes(good.bytes()).unwrap(), good);
    let changes: [fn(&mut Content); 11] = [
        |c| c.principals.clear(),
        |c| c.principals = vec!["root,ann".to_owned()],
        |c| c.principals = vec!["*".to_owned()],
        |c| c.principals = vec!["b".to_owned(), "a".to_owned()],
        |c| c.principals = vec!["a".to_owned(), "a".to_owned()],
        |c| c.principals = (0..257).map(|i| format!("u{i:03}")).collect(),
        |c| c.serial = 0,
        |c| c.nonce.clear(),
        |c| c.kind = CertKind::Host,
        |c| c.valid_before = c.valid_after,
        |c| drop(c.extensions.insert(NAME.to_owned(), Vec::new())),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut content = good.content().clone();
        change(&mut content);
        assert!(Precert::from_bytes(&content.to_be_signed(None)).is_err(), "change {at}");
    }
    assert!(Precert::from_bytes(&[good.bytes(), &[0]].concat()).is_err());
    assert!(
        Precert::from_bytes(commit(KeyKind::Ed25519, ca(), 5, 0).certificate(ca()).signed_bytes()).is_err()
    );
}

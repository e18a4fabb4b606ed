//! Signed notes: published examples, each MUST of C2SP signed-note, and an independent implementation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::log::key::KeyError;
use ca_core::log::note::{MAX_NOTE_BYTES, NoteError, sign};
use ca_core::log::{NoteSigner, UnverifiedNote, VerifierKey};
use proptest::prelude::*;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

/// The example that the first implementation of notes publishes, private key included (Go, `sumdb/note`).
const NEUMANN_PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_PRIVATE: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const NEUMANN_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// The example of C2SP signed-note, whose key is not published.
const QUASIMODO_NOTE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n\
    ed è subito sera.\n\n\
    — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

fn signer(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(name, &[seed; 32]).unwrap()
}

fn key(name: &str, seed: u8) -> VerifierKey {
    signer(name, seed).verifier_key().clone()
}

fn verify(note: &str, known: &[VerifierKey]) -> Result<String, NoteError> {
    UnverifiedNote::parse(note)?.verify(known).map(|note| note.text().to_owned())
}

#[test]
fn the_published_example_signs_and_verifies() {
    let seed = STANDARD.decode(NEUMANN_PRIVATE).unwrap()[1..].try_into().unwrap();
    let signer = NoteSigner::from_seed("PeterNeumann", &seed).unwrap();
    assert_eq!(signer.verifier_key().to_string(), NEUMANN_PUBLIC);
    let (text, _) = NEUMANN_NOTE.split_once("\n\n").unwrap();
    assert_eq!(signer.sign(&format!("{text}\n")).unwrap(), NEUMANN_NOTE);
    let key: VerifierKey = NEUMANN_PUBLIC.parse().unwrap();
    let verified = UnverifiedNote::parse(NEUMANN_NOTE).unwrap().verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!(verified.text(), format!("{text}\n"));
    assert_eq!(verified.signed_by(), [key]);
    assert_eq!(verified.as_str(), NEUMANN_NOTE);
}

#[test]
fn the_last_empty_line_separates() {
    let note = UnverifiedNote::parse(QUASIMODO_NOTE).unwrap();
    assert!(note.unverified_text().ends_with("sole:\n\ned è subito sera.\n"));
    let [signature] = note.signatures() else { panic!("one signature") };
    assert_eq!((signature.name.as_str(), signature.key_id), ("quasimodo.example/salvatore", 0x367b_a04b));
    assert_eq!(signature.signature.len(), 64);
}

#[test]
fn verifier_keys_have_one_spelling() {
    let good = key("example.com/log", 1).to_string();
    assert_eq!(good.parse::<VerifierKey>().unwrap().to_string(), good);
    let encoded = good.rsplit_once('+').unwrap().1;
    let bad = [
        String::new(),
        "example.com/log".to_owned(),
        good.replace("example.com", ""),
        format!("{good}\n"),
        format!("+{good}"),
        good.trim_end_matches('=').to_owned() + "A",
        good[..good.len() - 4].to_owned(),
        format!("example.com/log+{encoded}"),
        format!("example.com/log+00000000+{encoded}"),
        format!("example.com/log+0000000+{encoded}"),
        format!("a b+00000000+{encoded}"),
    ];
    for text in bad {
        assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
    }
    let upper = NEUMANN_PUBLIC.replace("c74f20a3", "C74F20A3").parse::<VerifierKey>();
    assert_eq!(upper, Err(KeyError::KeyId { expected: "c74f20a3".to_owned() }));
}

#[test]
fn keys_of_other_algorithms_are_named() {
    let encoded = STANDARD.encode([&[4][..], &[0; 32]].concat());
    let refused = format!("witness.example+00000000+{encoded}").parse::<VerifierKey>();
    assert_eq!(refused, Err(KeyError::UnsupportedType { found: 4 }));
}

#[test]
fn key_names_are_restricted() {
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\tb", "a\nb", "a\0", "a\u{1b}", "a\u{85}"] {
        let refused = NoteSigner::from_seed(name, &[1; 32]).map(|_| ());
        assert_eq!(refused, Err(KeyError::Name { name: name.to_owned() }));
    }
    assert!(NoteSigner::from_seed("ca.example.com/log-2é", &[1; 32]).is_ok());
}

#[test]
fn malformed_notes_are_refused() {
    let good = signer("a", 1).sign("text\n").unwrap();
    let line = good.split_once("\n\n").unwrap().1.to_owned();
    let id_only = STANDARD.encode([1, 2, 3, 4]);
    let bad = [
        String::new(),
        "\n".to_owned(),
        "\n\n".to_owned(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        "text\n\n\n".to_owned(),
        format!("text\n{line}"),
        format!("text\n\n{}", line.trim_end()),
        format!("text\n\n{line}\n"),
        format!("text\n\n{line}text\n"),
        format!("text\n\n{}", line.replace('—', "-")),
        format!("text\n\n{}", line.replace("— ", "—")),
        format!("text\n\n{}", line.replace(" a ", "  ")),
        format!("text\n\n{}", line.replace(" a ", " a+b ")),
        format!("text\n\n{}", line.replace(" a ", " a  ")),
        format!("text\n\n{}", line.replace('=', "")),
        format!("text\n\n— a {id_only}\n"),
        format!("text\n\n— a \n— a\n{line}"),
        format!("te\rxt\n\n{line}"),
        format!("te\txt\n\n{line}"),
        format!("te\0xt\n\n{line}"),
        format!("te\u{1f}xt\n\n{line}"),
    ];
    for note in bad {
        assert!(UnverifiedNote::parse(&note).is_err(), "{note:?}");
    }
    assert!(UnverifiedNote::parse(&good).is_ok());
    assert!(UnverifiedNote::parse(&format!("\n\n{line}")).is_ok(), "a text may be one empty line");
    assert_eq!(UnverifiedNote::from_bytes(b"\xff\n\n"), Err(NoteError::NotUtf8));
}

#[test]
fn size_and_signatures_are_limited() {
    let line = signer("a", 1).sign("text\n").unwrap().split_once("\n\n").unwrap().1.to_owned();
    let with = |count| UnverifiedNote::parse(&format!("text\n\n{}", line.repeat(count)));
    assert_eq!(with(100).unwrap().signatures().len(), 100);
    assert_eq!(with(101), Err(NoteError::TooManySignatures));
    let len = MAX_NOTE_BYTES + 1;
    assert_eq!(UnverifiedNote::parse(&"x".repeat(len)), Err(NoteError::TooLong { len }));
}

#[test]
fn only_signatures_of_known_keys_count() {
    let (log, other) = (signer("log.example", 1), signer("other.example", 2));
    let note = sign("text\n", &[&log, &other]).unwrap();
    let known = [log.verifier_key().clone()];
    assert_eq!(verify(&note, &known), Ok("text\n".to_owned()));
    let both = [key("other.example", 2), key("log.example", 1)];
    let verified = UnverifiedNote::parse(&note).unwrap().verify(&both).unwrap();
    assert_eq!(verified.signed_by().len(), 2);
    assert_eq!(verified.signature_count(), 2);
    let twice = sign("text\n", &[&log, &log]).unwrap();
    let verified = UnverifiedNote::parse(&twice).unwrap().verify(&known).unwrap();
    assert_eq!((verified.signed_by(), verified.signature_count()), (known.as_slice(), 2));
    assert_eq!(verify(&note, &[]), Err(NoteError::NoKnownKey));
    // The same key under another name, and another key under the same name, are both unknown.
    assert_eq!(verify(&note, &[key("else.example", 1), key("log.example", 3)]), Err(NoteError::NoKnownKey));
}

#[test]
fn one_bad_signature_of_a_known_key_refuses_the_note() {
    let (log, other) = (signer("log.example", 1), signer("other.example", 2));
    let good = sign("text\n", &[&log, &other]).unwrap();
    let forged = good.replacen("text", "test", 1);
    let known = [log.verifier_key().clone()];
    let bad = NoteError::BadSignature { name: "log.example".to_owned(), key_id: known[0].key_id() };
    assert_eq!(verify(&forged, &known), Err(bad.clone()));
    // A good signature by another known key does not make up for it, nor does a second, good one by the same.
    let spoilt = sign("test\n", &[&log]).unwrap().split_once("\n\n").unwrap().1.to_owned();
    assert_eq!(verify(&format!("{good}{spoilt}"), &known), Err(bad.clone()));
    let both = [other.verifier_key().clone(), known[0].clone()];
    assert_eq!(verify(&format!("{good}{spoilt}"), &both), Err(bad));
    // What an unknown key says does not matter.
    assert_eq!(
        verify(&format!("{good}{}", spoilt.replace("log.", "elsewhere.")), &known),
        Ok("text\n".to_owned())
    );
}

#[test]
fn what_cannot_be_read_is_not_signed() {
    let signer = signer("a", 1);
    assert_eq!(signer.sign("text"), Err(NoteError::TextWithoutNewline));
    assert_eq!(signer.sign(""), Err(NoteError::TextWithoutNewline));
    assert_eq!(signer.sign("te\txt\n"), Err(NoteError::ControlCharacter { offset: 2 }));
    assert_eq!(sign("text\n", &[]), Err(NoteError::NoSignatures));
    assert!(signer.sign(&("x".repeat(MAX_NOTE_BYTES - 10) + "\n")).is_err());
}

#[test]
fn i9_debug_does_not_show_the_private_key() {
    let seed: Vec<u8> = (101..133).collect();
    let signer = NoteSigner::from_seed("a", seed.as_slice().try_into().unwrap()).unwrap();
    let shown = format!("{signer:?}");
    assert!(shown.contains("verifier"));
    assert!(!shown.contains("101, 102") && !shown.contains(&STANDARD.encode(&seed)[..8]));
}

/// The private key in the text form of the oracle.
fn oracle_signer(name: &str, seed: [u8; 32]) -> StandardSigner {
    let id = NoteSigner::from_seed(name, &seed).unwrap().verifier_key().key_id();
    let encoded = STANDARD.encode([&[1][..], &seed].concat());
    StandardSigner::new(&format!("PRIVATE+KEY+{name}+{id:08x}+{encoded}")).unwrap()
}

fn oracle_verifies(note: &str, key: &VerifierKey) -> bool {
    let verifier = StandardVerifier::new(&key.to_string()).unwrap();
    let known = VerifierList::new(vec![Box::new(verifier)]);
    signed_note::Note::from_bytes(note.as_bytes()).is_ok_and(|note| note.verify(&known).is_ok())
}

proptest! {
    #[test]
    fn both_implementations_sign_alike(seed: [u8; 32], name in "[a-zé./-]{1,20}", text in "([ -~é]{0,20}\n){1,5}") {
        let signer = NoteSigner::from_seed(&name, &seed).unwrap();
        let note = signer.sign(&text).unwrap();
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&oracle_signer(&name, seed)]).unwrap();
        prop_assert_eq!(&note, &String::from_utf8(theirs.to_bytes()).unwrap());
        prop_assert!(oracle_verifies(&note, signer.verifier_key()));
        prop_assert_eq!(verify(&note, &[signer.verifier_key().clone()]), Ok(text));
    }

    #[test]
    fn both_implementations_refuse_alike(at: prop::sample::Index, with in any::<char>()) {
        let signer = signer("log.example", 1);
        let mut note: Vec<char> = signer.sign("one\n\ntwo\n").unwrap().chars().collect();
        let at = at.index(note.len());
        note[at] = with;
        let note: String = note.into_iter().collect();
        let known = [signer.verifier_key().clone()];
        prop_assert_eq!(verify(&note, &known).is_ok(), oracle_verifies(&note, &known[0]), "{:?}", note);
    }

    #[test]
    fn a_changed_note_fails(at: prop::sample::Index, bit in 0_u8..8) {
        let signer = signer("log.example", 1);
        let mut note = signer.sign("one\n\ntwo\n").unwrap().into_bytes();
        let at = at.index(note.len());
        note[at] ^= 1 << bit;
        let known = [signer.verifier_key().clone()];
        prop_assert!(UnverifiedNote::from_bytes(&note).and_then(|note| note.verify(&known)).is_err());
    }

    #[test]
    fn keys_print_and_parse(seed: [u8; 32], name in "[^\\s+\\pC]{1,30}") {
        let signer = NoteSigner::from_seed(&name, &seed).unwrap();
        let key = signer.verifier_key();
        prop_assert_eq!(&key.to_string().parse::<VerifierKey>().unwrap(), key);
        prop_assert_eq!(&serde_json::from_str::<VerifierKey>(&serde_json::to_string(key).unwrap()).unwrap(), key);
        prop_assert!(StandardVerifier::new(&key.to_string()).is_ok());
    }

    #[test]
    fn parsers_never_panic(text in "(?s).*", bytes: Vec<u8>, lines in "(— ?[a+]? ?[A-Za-z0-9+/=]{0,12}\n|\n){0,8}") {
        let _ = text.parse::<VerifierKey>();
        let _ = UnverifiedNote::from_bytes(&bytes);
        for note in [text, lines] {
            if let Ok(parsed) = UnverifiedNote::parse(&note) {
                prop_assert_eq!(parsed.as_str(), note.as_str());
            }
        }
    }
}

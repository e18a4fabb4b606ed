//! Journal objects: what the log signed is read back, and nothing else.

use ca_core::log::hash::{leaf_hash, sha256};
use ca_core::log::journal::{JournalError, MAX_ENTRIES, Round, object_key};
use ca_core::log::{Checkpoint, Frontier, Hash, NoteSigner, Origin, SignedCheckpoint};
use ca_core::ssh::KeyKind;
use proptest::prelude::*;

use crate::support::keys::key;
use crate::support::ledger::{commit, event_line, log_signer};
use crate::support::{NOW, ORIGIN};

fn origin() -> Origin {
    ORIGIN.parse().unwrap()
}

fn signer() -> NoteSigner {
    log_signer(ORIGIN, 1)
}

fn frontier(size: u64) -> Frontier {
    (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn lines(count: u64) -> Vec<String> {
    (0..count).map(|i| event_line(i, NOW)).collect()
}

fn verify(object: &[u8]) -> Result<Round, JournalError> {
    Round::verify(object, &origin(), signer().verifier_key())
}

/// Signs any header over any body, as only the log itself could.
fn object(header: &str, body: &str) -> Vec<u8> {
    let note = signer().sign(header).unwrap();
    format!("{note}\n{body}").into_bytes()
}

/// The header of the usual round of two after a tree of 5, with one field replaced.
fn header_with(field: &str, value: &str, body: &str) -> String {
    let fields = [
        ("first", "5".to_owned()),
        ("count", "2".to_owned()),
        ("fresh-since", "3".to_owned()),
        ("frontier", frontier(5).hashes().iter().map(Hash::to_string).collect::<Vec<_>>().join(" ")),
        ("body", Hash(sha256(body.as_bytes())).to_string()),
    ];
    let line = |(name, usual): &(&str, String)| {
        format!("{name} {}\n", if *name == field { value } else { usual.as_str() })
    };
    let first = if field.is_empty() { value } else { "countersign journal v1" };
    format!("{first}\n{ORIGIN}\n{}", fields.iter().map(line).collect::<String>())
}

fn body() -> String {
    lines(2).join("\n") + "\n"
}

#[test]
fn what_is_signed_is_read_back() {
    for (size, fresh_since, count) in [(0, 0, 1), (1, 0, 1), (5, 3, 2), (256, 256, 256), (1000, 0, 1024)] {
        let round = Round::new(frontier(size), fresh_since, lines(count)).unwrap();
        let object = round.sign(&origin(), &signer()).unwrap();
        let read = verify(&object).unwrap();
        assert_eq!(
            (read.before(), read.fresh_since(), read.lines()),
            (&frontier(size), fresh_since, round.lines())
        );
        assert_eq!((read.first_index(), read.size()), (size, size + count));
        let entries: Vec<_> = read.entries().map(Result::unwrap).collect();
        assert_eq!(entries.len() as u64, count);
        for (entry, index) in entries.iter().zip(size..) {
            assert_eq!(entry.index, index);
            assert_eq!(entry.leaf, entry.event.leaf(&entry.line).unwrap());
        }
        assert_eq!(read.sign(&origin(), &signer()).unwrap(), object, "deterministic");
    }
    assert_eq!(object_key(42), "journal/00000000000000000042");
}

#[test]
fn the_form_is_the_documented_one() {
    let object = Round::new(frontier(5), 3, lines(2)).unwrap().sign(&origin(), &signer()).unwrap();
    let text = String::from_utf8(object).unwrap();
    let expected = format!("{}\n— {ORIGIN} ", header_with("none", "", &body()));
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.ends_with(&format!("\n\n{}", body())), "{text}");
    let empty = Round::new(frontier(0), 0, lines(1)).unwrap().sign(&origin(), &signer()).unwrap();
    assert!(
        String::from_utf8(empty).unwrap().contains("\nfirst 0\ncount 1\nfresh-since 0\nfrontier -\nbody ")
    );
}

#[test]
fn a_round_has_1_to_1024_lines_and_no_line_breaks() {
    assert_eq!(MAX_ENTRIES, 1024);
    assert!(Round::new(frontier(1), 0, Vec::new()).is_none());
    assert!(Round::new(frontier(1), 0, lines(1024)).is_some());
    assert!(Round::new(frontier(1), 0, lines(1025)).is_none());
    assert!(Round::new(frontier(1), 2, lines(1)).is_none(), "fresh-since lies ahead");
    assert!(Round::new(frontier(1), 0, vec!["{}\n{}".to_owned()]).is_none());
    // Signed all the same.
    let body = lines(1025).join("\n") + "\n";
    let header = header_with("count", "1025", &body);
    assert!(verify(&object(&header, &body)).is_err());
}

#[test]
fn l6_every_changed_byte_is_found() {
    let good = commit(KeyKind::Ed25519, key(KeyKind::Rsa), 5, 1).object;
    assert!(verify(&good).is_ok());
    for at in 0..good.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            assert!(verify(&bad).is_err(), "byte {at} of {}", good.len());
        }
        let mut cut = good.clone();
        cut.remove(at);
        assert!(verify(&cut).is_err(), "without byte {at}");
        assert!(verify(&good[..at]).is_err(), "cut at {at}");
    }
    for tail in ["\n", "\n\n", "{}\n", "\0"] {
        assert!(verify(&[&good[..], tail.as_bytes()].concat()).is_err(), "{tail:?}");
    }
}

#[test]
fn l6_swapped_dropped_and_doubled_lines_are_found() {
    let good = Round::new(frontier(5), 0, lines(3)).unwrap().sign(&origin(), &signer()).unwrap();
    let text = String::from_utf8(good).unwrap();
    let (head, body) = text.rsplit_once("\n\n").unwrap();
    let lines: Vec<&str> = body.lines().collect();
    for order in [&[1, 0, 2][..], &[0, 2], &[0, 1], &[0, 1, 2, 2], &[]] {
        let body: String = order.iter().flat_map(|i| [lines[*i], "\n"]).collect();
        assert!(
            matches!(verify(format!("{head}\n\n{body}").as_bytes()), Err(JournalError::Body)),
            "{order:?}"
        );
    }
}

#[test]
fn a_header_that_does_not_fit_is_refused_though_signed() {
    let body = body();
    assert!(verify(&object(&header_with("none", "", &body), &body)).is_ok());
    let five = frontier(5).hashes().iter().map(Hash::to_string).collect::<Vec<_>>();
    for (field, value) in [
        ("first", "4"),
        ("first", "7"),
        ("first", "05"),
        ("first", "+5"),
        ("first", "-5"),
        ("first", ""),
        ("first", "9223372036854775808"),
        ("first", "18446744073709551616"),
        ("count", "1"),
        ("count", "3"),
        ("count", "02"),
        ("count", "+2"),
        ("count", "0"),
        ("fresh-since", "6"),
        ("fresh-since", "03"),
        ("fresh-since", "x"),
        ("frontier", "-"),
        ("frontier", ""),
        ("frontier", five[0].as_str()),
        ("frontier", &format!("- {}", five.join(" "))),
        ("frontier", &format!("{} -", five.join(" "))),
        ("frontier", &five.join("  ")),
        ("frontier", &format!("{} {}", five.join(" "), five[0])),
        ("body", &Hash([0; 32]).to_string()),
        ("body", ""),
        ("", "countersign journal v2"),
        ("", ORIGIN),
    ] {
        assert!(verify(&object(&header_with(field, value, &body), &body)).is_err(), "{field} {value}");
    }
    let more = header_with("none", "", &body) + "more 1\n";
    assert!(verify(&object(&more, &body)).is_err(), "a further line");
    let fewer = header_with("none", "", &body).replace("fresh-since 3\n", "");
    assert!(verify(&object(&fewer, &body)).is_err(), "a line less");
    let unended = body.trim_end();
    assert!(verify(&object(&header_with("none", "", unended), unended)).is_err(), "the last newline");
}

#[test]
fn another_log_or_key_or_signature_is_refused() {
    let round = Round::new(frontier(5), 3, lines(2)).unwrap();
    let good = round.sign(&origin(), &signer()).unwrap();
    let key = signer().verifier_key().clone();
    let refused = Round::verify(&good, &"other.example.com/log".parse().unwrap(), &key);
    assert!(matches!(refused, Err(JournalError::Origin { found }) if found == ORIGIN));
    for other in [log_signer(ORIGIN, 2), log_signer("other.example.com/log", 1)] {
        assert!(Round::verify(&good, &origin(), other.verifier_key()).is_err());
        assert!(verify(&round.sign(&origin(), &other).unwrap()).is_err());
    }
    // A second signature, even by the log itself or a stranger, could carry anything.
    let text = String::from_utf8(good).unwrap();
    let (head, body) = text.rsplit_once("\n\n").unwrap();
    let own_line = head.rsplit_once('\n').unwrap().1;
    let stranger = log_signer("witness.example.com", 3).sign("x\n").unwrap();
    for second in [own_line, stranger.lines().last().unwrap()] {
        let refused = verify(format!("{head}\n{second}\n\n{body}").as_bytes());
        assert!(matches!(refused, Err(JournalError::Malformed(_))), "{second}");
    }
}

#[test]
fn a_header_is_no_checkpoint_and_a_checkpoint_no_header() {
    let good = Round::new(frontier(5), 3, lines(2)).unwrap().sign(&origin(), &signer()).unwrap();
    let text = String::from_utf8(good).unwrap();
    let header = text.rsplit_once("\n\n").unwrap().0.to_owned() + "\n";
    assert!(SignedCheckpoint::parse(&header, signer().verifier_key()).is_err());
    let checkpoint = Checkpoint::new(origin(), 5, frontier(5).root()).sign(&signer()).unwrap();
    for body in ["", "\n", &format!("\n{}", body())] {
        assert!(verify(format!("{}{body}", checkpoint.note()).as_bytes()).is_err());
    }
}

#[test]
fn a_line_that_is_no_event_is_named_by_its_index() {
    for line in ["", "{}", "null", "{\"type\":\"coffee-made\"}", "x"] {
        let mut lines = lines(2);
        lines[1] = line.to_owned();
        let object = Round::new(frontier(5), 0, lines).unwrap().sign(&origin(), &signer()).unwrap();
        let read = verify(&object).unwrap();
        let results: Vec<_> = read.entries().collect();
        assert!(matches!(results[..], [Ok(_), Err(JournalError::Event { index: 6, .. })]), "{line}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
        prop_assert!(verify(&bytes).is_err());
        prop_assert!(verify(text.as_bytes()).is_err());
    }

    #[test]
    fn arbitrary_signed_headers_never_panic(
        tail in "[ -~\n]{0,200}", field in prop::sample::select(vec!["first", "count", "fresh-since", "frontier", "body"]),
        value in "[ -~]{0,80}", body in any::<String>(),
    ) {
        let _ = verify(&object(&format!("countersign journal v1\n{ORIGIN}\n{tail}\n"), &body));
        let _ = verify(&object(&header_with(field, &value, &body), &body));
    }

    #[test]
    fn spliced_objects_are_refused(
        from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), put in "[ -~\n]{0,12}",
    ) {
        let good = Round::new(frontier(5), 3, lines(3)).unwrap().sign(&origin(), &signer()).unwrap();
        let (a, b) = (from.index(good.len()), to.index(good.len()));
        let mut changed = good.clone();
        changed.splice(a.min(b)..a.max(b), put.bytes());
        prop_assume!(changed != good);
        prop_assert!(verify(&changed).is_err());
    }
}

//! Objects that are not what the entries make.

use ca_core::audit::{Flaw, ObjectName, Opened, Tree, check_checkpoint, compare};
use ca_core::log::leaf::Leaf;
use ca_core::log::tile::TilePath;
use ca_core::log::{Checkpoint, Hash, NoteSigner};

use super::support::TestLog;

/// Gives every object of a kind with every one of its bytes changed in turn.
fn flipped<'a>(log: &'a TestLog, folder: &'a str) -> impl Iterator<Item = (ObjectName, Vec<u8>)> + 'a {
    let objects = log.objects.iter().filter(move |(name, _)| name.starts_with(folder));
    objects.flat_map(|(name, bytes)| {
        (0..bytes.len()).map(move |at| {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            (name.parse().unwrap(), changed)
        })
    })
}

#[test]
fn every_flipped_byte_of_the_journal_is_found() {
    let log = TestLog::busy();
    let mut count = 0;
    for (name, bytes) in flipped(&log, "journal/") {
        let ObjectName::Journal(first) = name else { panic!("{name}") };
        assert!(Opened::read(&bytes, first, &log.origin, log.key()).is_err(), "{name}");
        count += 1;
    }
    assert!(count > 7_000, "{count}");
}

#[test]
fn a_round_under_another_name_is_found() {
    let log = TestLog::busy();
    let bytes = &log.objects["journal/00000000000000000002"];
    let opened = Opened::read(bytes, 3, &log.origin, log.key());
    assert_eq!(opened.unwrap_err(), Flaw::JournalName { found: 2 });
}

#[test]
fn every_flipped_byte_of_a_checkpoint_is_found() {
    let log = TestLog::busy();
    let key = log.key();
    for (name, bytes) in flipped(&log, "checkpoint") {
        assert!(check_checkpoint(&bytes, key).is_err(), "{name}");
    }
    let other = NoteSigner::from_seed("witness.example.com", &[8; 32]).unwrap();
    let text = Checkpoint::new(log.origin.clone(), log.size(), log.frontier.root()).to_string();
    let cosigned = ca_core::log::note::sign(&text, &[&log.signer, &other]).unwrap();
    assert_eq!(check_checkpoint(cosigned.as_bytes(), key), Err(Flaw::UnknownSignatures { count: 1 }));
}

#[test]
fn roots_are_held_against_the_tree() {
    let log = TestLog::busy();
    let mut tree = Tree::new(vec![0, 3, 5, 5, 99]);
    let grown = tree.append(&leaves(&log)).unwrap();
    assert_eq!(grown.roots.iter().map(|(size, _)| *size).collect::<Vec<_>>(), [0, 3, 5]);
    let sign = |size, root| Checkpoint::new(log.origin.clone(), size, root).sign(&log.signer).unwrap();
    assert_eq!(grown.check(&sign(3, grown.roots[1].1)), Some(Ok(())));
    assert!(matches!(grown.check(&sign(3, Hash([1; 32]))), Some(Err(Flaw::Root { size: 3, .. }))));
    assert_eq!(grown.check(&sign(4, grown.roots[1].1)), None);
}

#[test]
fn every_flipped_byte_of_a_tile_is_found() {
    let log = TestLog::busy();
    let mut tree = Tree::new(Vec::new());
    assert!(tree.append(&leaves(&log)).unwrap().full.is_empty());
    let edge = tree.finish();
    let made = |path: &TilePath| edge.iter().find(|(made, _)| made.level() == path.level()).unwrap();
    for (name, bytes) in log.objects.iter().filter(|(name, _)| name.starts_with("tile/")) {
        let path: TilePath = name.parse().unwrap();
        assert_eq!(compare(bytes, &path, made(&path)), Ok(()), "{name}");
        assert!(compare(&bytes[1..], &path, made(&path)).is_err());
        assert!(compare(&[bytes, &b"x"[..]].concat(), &path, made(&path)).is_err());
        assert_eq!(compare(b"", &path, made(&path)), Err(Flaw::Bytes { offset: 0 }));
    }
    for (name, bytes) in flipped(&log, "tile/") {
        let ObjectName::Tile(path) = name else { panic!("{name}") };
        let flaw = compare(&bytes, &path, made(&path)).unwrap_err();
        assert!(matches!(flaw, Flaw::Bytes { .. }), "{name}");
    }
}

#[test]
fn a_tree_over_several_tiles_is_made_whole() {
    let leaves: Vec<_> = (0..600).map(u64::to_be_bytes).collect();
    let mut tree = Tree::new(Vec::new());
    let mut full = Vec::new();
    for batch in leaves.chunks(7) {
        full.extend(tree.append(batch).unwrap().full);
    }
    let names: Vec<String> = full.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(names, ["tile/entries/000", "tile/0/000", "tile/entries/001", "tile/0/001"]);
    let edge: Vec<String> = tree.finish().iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(edge, ["tile/entries/002.p/88", "tile/0/002.p/88", "tile/1/000.p/2"]);
}

fn leaves(log: &TestLog) -> Vec<[u8; Leaf::LEN]> {
    let rounds = log.objects.iter().filter_map(|(name, bytes)| match name.parse() {
        Ok(ObjectName::Journal(first)) => Some((first, bytes)),
        _ => None,
    });
    rounds
        .flat_map(|(first, bytes)| Opened::read(bytes, first, &log.origin, log.key()).unwrap().leaves())
        .collect()
}

//! Tiles: names, bundles, what a writer emits and what a reader makes of it.

use std::collections::BTreeMap;

use ca_core::log::bundle::EntryBundle;
use ca_core::log::edge::Edge;
use ca_core::log::hash::leaf_hash;
use ca_core::log::merkle::{MerkleError, verify_consistency, verify_inclusion};
use ca_core::log::prove::{consistency_proof, inclusion_proof};
use ca_core::log::tile::{TileError, TileLevel, TilePath};
use ca_core::log::tile_reader::TileReader;
use ca_core::log::{Frontier, Hash};
use proptest::prelude::*;
use proptest::sample::Index;

type Objects = BTreeMap<TilePath, Vec<u8>>;

fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| format!("entry {index}").into_bytes()).collect()
}

fn root(entries: &[Vec<u8>]) -> Hash {
    entries.iter().map(|entry| leaf_hash(entry)).collect::<Frontier>().root()
}

/// Appends in batches of these lengths; fails when an object appears twice.
fn write(entries: &[Vec<u8>], batches: &[usize]) -> (Edge, Objects) {
    let (mut edge, mut objects, mut rest) = (Edge::empty(), Objects::new(), entries);
    for length in batches.iter().copied().chain([usize::MAX]) {
        let (batch, after) = rest.split_at(length.min(rest.len()));
        for (path, bytes) in edge.append(batch).unwrap() {
            assert_eq!(objects.insert(path, bytes), None, "{path} was written twice");
        }
        rest = after;
    }
    (edge, objects)
}

fn path(level: TileLevel, index: u64, width: u16) -> TilePath {
    TilePath::new(level, index, width).unwrap()
}

#[test]
fn paths_as_in_the_specification() {
    let cases = [
        (path(TileLevel::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067"),
        (path(TileLevel::Hashes(1), 0, 5), "tile/1/000.p/5"),
        (path(TileLevel::Entries, 0, 3), "tile/entries/000.p/3"),
        (path(TileLevel::Hashes(63), 1000, 255), "tile/63/x001/000.p/255"),
        (path(TileLevel::Entries, u64::MAX, 256), "tile/entries/x018/x446/x744/x073/x709/x551/615"),
    ];
    for (path, text) in cases {
        assert_eq!(path.to_string(), text);
        assert_eq!(text.parse(), Ok(path));
    }
}

#[test]
fn paths_have_one_spelling() {
    let bad = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile//000",
        "tile/00/000",
        "tile/64/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/x001",
        "tile/0/+01",
        "tile/0/ 01",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1.p/1",
        "tile/0/000.p/+1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/000\n",
        "tile/0/xx01/000",
        "tile/8/0/000",
    ];
    for text in bad {
        assert!(matches!(text.parse::<TilePath>(), Err(TileError::Path { .. })), "{text:?}");
    }
    assert_eq!(TilePath::new(TileLevel::Hashes(64), 0, 1), Err(TileError::Level { level: 64 }));
    assert_eq!(TilePath::new(TileLevel::Entries, 0, 0), Err(TileError::Width { width: 0 }));
    assert_eq!(TilePath::new(TileLevel::Entries, 0, 257), Err(TileError::Width { width: 257 }));
}

#[test]
fn bundles_are_length_prefixed() {
    let mut bundle = EntryBundle::default();
    for entry in [b"ab".as_slice(), b"", b"c"] {
        bundle.push(entry).unwrap();
    }
    assert_eq!(bundle.as_bytes(), b"\x00\x02ab\x00\x00\x00\x01c");
    assert_eq!(bundle.entries().collect::<Vec<_>>(), [b"ab".as_slice(), b"", b"c"]);
    assert_eq!(EntryBundle::parse(bundle.as_bytes()), Ok(bundle));
}

#[test]
fn broken_bundles_are_refused() {
    assert_eq!(EntryBundle::parse(b"\x00\x02a"), Err(TileError::BundleCutShort { entry: 0 }));
    assert_eq!(EntryBundle::parse(b"\x00\x00\x00"), Err(TileError::BundleCutShort { entry: 1 }));
    assert!(EntryBundle::parse(&[0; 512]).is_ok());
    assert_eq!(EntryBundle::parse(&[0; 514]), Err(TileError::BundleFull));
    let mut full = EntryBundle::parse(&[0; 512]).unwrap();
    assert_eq!(full.push(b""), Err(TileError::BundleFull));
    assert!(EntryBundle::default().push(&vec![0; 65535]).is_ok());
    assert_eq!(EntryBundle::default().push(&vec![0; 65536]), Err(TileError::EntryTooLong { len: 65536 }));
}

/// The example of C2SP tlog-tiles, "Partial Tiles".
#[test]
fn seventy_thousand_entries() {
    let entries = entries(70_000);
    let (edge, objects) = write(&entries, &[]);
    let count = |level, full| objects.keys().filter(|p| p.level() == level && p.is_full() == full).count();
    assert_eq!((count(TileLevel::Hashes(0), true), count(TileLevel::Hashes(0), false)), (273, 1));
    assert_eq!((count(TileLevel::Hashes(1), true), count(TileLevel::Hashes(1), false)), (1, 1));
    assert_eq!((count(TileLevel::Hashes(2), true), count(TileLevel::Hashes(2), false)), (0, 1));
    assert_eq!((count(TileLevel::Entries, true), count(TileLevel::Entries, false)), (273, 1));
    let mut partial: Vec<String> = Edge::required(70_000).iter().map(ToString::to_string).collect();
    partial.sort();
    let expected = ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"];
    assert_eq!(partial, expected);
    assert_eq!(edge.root(), root(&entries));
    check_proofs(&objects, &entries, &[0, 255, 256, 65_535, 65_536, 69_999], &[1, 256, 65_536, 69_999]);
}

#[test]
fn a_full_tile_is_summarised_at_once() {
    let (_, objects) = write(&entries(256), &[]);
    let names: Vec<String> = objects.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    assert!(Edge::required(0).is_empty());
}

#[test]
fn an_entry_too_long_appends_nothing() {
    let mut edge = Edge::empty();
    let result = edge.append(&[vec![1], vec![0; 65536]]);
    assert_eq!(result, Err(TileError::EntryTooLong { len: 65536 }));
    assert_eq!(edge, Edge::empty());
}

#[test]
fn an_edge_is_not_taken_from_broken_objects() {
    let (_, objects) = write(&entries(300), &[]);
    let load = |objects: &Objects| Edge::from_objects(300, |path| objects.get(path).cloned());
    let bundle = path(TileLevel::Entries, 1, 44);
    for path in Edge::required(300) {
        let mut broken = objects.clone();
        broken.remove(&path);
        assert_eq!(load(&broken), Err(TileError::Missing { path }));
        let mut broken = objects.clone();
        broken.get_mut(&path).unwrap().pop();
        assert!(load(&broken).is_err());
        let mut broken = objects.clone();
        broken.get_mut(&path).unwrap()[5] ^= 1;
        match path.level() {
            TileLevel::Entries | TileLevel::Hashes(0) => {
                assert_eq!(load(&broken), Err(TileError::EntryMismatch { path: bundle, entry: 0 }));
            }
            TileLevel::Hashes(_) => assert_ne!(load(&broken).unwrap().root(), root(&entries(300))),
        }
    }
    let mut one_less = objects;
    let bytes = one_less.get_mut(&bundle).unwrap();
    bytes.truncate(bytes.len() - "xxentry 299".len());
    assert_eq!(load(&one_less), Err(TileError::WrongLength { path: bundle }));
    assert_eq!(Edge::from_objects(1 << 63, |_| None), Err(TileError::TooLarge { size: 1 << 63 }));
}

/// Makes proofs from tiles, fetching only what the reader asks for, and verifies them.
fn check_proofs(objects: &Objects, entries: &[Vec<u8>], indexes: &[usize], sizes: &[usize]) {
    let (size, root2) = (entries.len() as u64, root(entries));
    for &index in indexes {
        let mut reader = TileReader::new(size);
        for path in reader.for_inclusion(index as u64).unwrap() {
            reader.insert(path, &objects[&path]).unwrap();
        }
        let proof = inclusion_proof(index as u64, size, &reader).unwrap();
        verify_inclusion(index as u64, size, leaf_hash(&entries[index]), &proof, root2).unwrap();
    }
    for &size1 in sizes {
        let mut reader = TileReader::new(size);
        for path in reader.for_consistency(size1 as u64).unwrap() {
            reader.insert(path, &objects[&path]).unwrap();
        }
        let proof = consistency_proof(size1 as u64, size, &reader).unwrap();
        verify_consistency(size1 as u64, size, root(&entries[..size1]), root2, &proof).unwrap();
    }
}

#[test]
fn a_reader_without_the_tile_says_so() {
    let mut reader = TileReader::new(300);
    let missing = MerkleError::MissingNode { level: 0, index: 1 };
    assert_eq!(inclusion_proof(0, 300, &reader), Err(missing));
    let path = path(TileLevel::Hashes(0), 0, 256);
    assert_eq!(reader.insert(path, &[0; 32]), Err(TileError::WrongLength { path }));
    assert!(reader.for_inclusion(300).is_err() && reader.for_consistency(0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_into_batches_gives_the_same_tiles(
        total in 0_usize..1500,
        batches in prop::collection::vec(0_usize..400, 0..10),
    ) {
        let entries = entries(total);
        let (edge, objects) = write(&entries, &batches);
        let (at_once, expected) = write(&entries, &[]);
        prop_assert_eq!(&edge, &at_once);
        prop_assert_eq!(edge.root(), root(&entries));
        // All that a log of this size serves is there, and all that is full is the same.
        for (path, bytes) in &expected {
            prop_assert_eq!(objects.get(path), Some(bytes));
        }
        prop_assert!(objects.keys().filter(|path| path.is_full()).all(|path| expected.contains_key(path)));
        let loaded = Edge::from_objects(total as u64, |path| objects.get(path).cloned());
        prop_assert_eq!(loaded.unwrap(), edge);
    }

    #[test]
    fn proofs_come_out_of_tiles(total in 1_usize..1500, index: Index, size1: Index) {
        let entries = entries(total);
        let (_, objects) = write(&entries, &[]);
        check_proofs(&objects, &entries, &[index.index(total)], &[1 + size1.index(total)]);
    }

    #[test]
    fn tiles_agree_with_their_definition(total in 1_usize..1500) {
        let (entries, mut seen) = (entries(total), 0);
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (path, bytes) in write(&entries, &[]).1 {
            let TileLevel::Hashes(level) = path.level() else { continue };
            let (span, first) = (256_usize.pow(level.into()), usize::try_from(path.index()).unwrap() * 256);
            for (position, hash) in bytes.chunks(32).enumerate() {
                let start = (first + position) * span;
                let subtree: Frontier = leaves[start..start + span].iter().copied().collect();
                prop_assert_eq!(Some(subtree.root()), Hash::from_slice(hash));
                seen += 1;
            }
        }
        prop_assert_eq!(seen, total + total / 256);
    }

    #[test]
    fn paths_print_and_parse(level in 0_u8..=64, index: u64, small in 0_u64..3000, width in 1_u16..=256) {
        let level = if level == 64 { TileLevel::Entries } else { TileLevel::Hashes(level) };
        for index in [index, small] {
            prop_assert_eq!(path(level, index, width).to_string().parse(), Ok(path(level, index, width)));
        }
    }

    #[test]
    fn what_parses_as_a_path_prints_the_same(text in "tile/[0-9e]{1,2}/(x?[0-9]{2,3}/?){1,3}(\\.p/[0-9]{1,3})?") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn parsers_never_panic(text in ".*", bytes: Vec<u8>) {
        let _ = text.parse::<TilePath>();
        if let Ok(bundle) = EntryBundle::parse(&bytes) {
            prop_assert_eq!(bundle.as_bytes(), bytes.as_slice());
            prop_assert_eq!(bundle.entries().count(), usize::from(bundle.len()));
        }
    }
}

#[test]
fn the_oracle_names_tiles_the_same_way() {
    // That crate puts the height into the path and calls entries "data"; both are C2SP's otherwise.
    for (level, index, width) in [(0, 0, 256), (1, 67, 5), (2, 1_234_067, 256), (5, 999_999, 255)] {
        let theirs = tlog_tiles::Tile::new(8, level, index, u32::from(width), false).path();
        let expected = theirs.replacen("tile/8/", "tile/", 1);
        assert_eq!(path(TileLevel::Hashes(level), index, width).to_string(), expected);
    }
}

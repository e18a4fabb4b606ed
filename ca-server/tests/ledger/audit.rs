//! An auditor that shares nothing with the ledger but the signatures' verification: leaves, trees and tiles are
//! computed here by their definitions (RFC 6962 §2.1, C2SP tlog-tiles).

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::issuance::Precert;
use ca_core::log::SignedCheckpoint;
use ca_core::log::hash::{Hash, empty_root, leaf_hash, node_hash, sha256};
use ca_core::log::journal::Round;
use ca_core::log::merkle::verify_inclusion;
use ca_core::log::tile::{TileLevel, TilePath};
use ca_server::ledger::Committed;
use ca_server::objects::ObjectStore;
use serde_json::Value;

use super::support::log_keys;

/// A log that was read from its first entry and found right.
#[derive(Debug)]
pub(crate) struct Audited {
    pub(crate) lines: Vec<String>,
    /// For each certificate in the log its request id, with its index.
    pub(crate) requests: BTreeMap<String, u64>,
    /// How many entries each round has.
    pub(crate) rounds: Vec<usize>,
    leaves: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
    checkpoints: BTreeMap<u64, String>,
}

/// Reads the whole log of a store whose nodes have stopped, and checks all of it.
pub(crate) async fn audit(store: &dyn ObjectStore) -> Audited {
    let mut log = read_journal(store).await;
    log.check_events();
    log.read_checkpoints(store).await;
    check_tiles(store, &log.leaves, &log.hashes).await;
    log
}

/// Checks what a reader finds at any moment, also after a crash: nothing that is published speaks of what is not there.
pub(crate) async fn readable(store: &dyn ObjectStore) {
    let log = read_journal(store).await;
    let verifier = log_keys().verifier().clone();
    let mut sizes = Vec::new();
    for key in keys(store, "checkpoint").await {
        let note = String::from_utf8(read(store, &key).await).unwrap();
        let size = SignedCheckpoint::parse(&note, &verifier).unwrap().size();
        assert!(size <= log.size(), "{key} is ahead of the journal");
        let own = read(store, &format!("checkpoints/{size:020}")).await;
        assert!(own == note.as_bytes(), "{key} is not the one of its size");
        sizes.push(size);
    }
    for size in sizes {
        let end = usize::try_from(size).unwrap();
        check_tiles(store, &log.leaves[..end], &log.hashes[..end]).await;
    }
}

async fn keys(store: &dyn ObjectStore, prefix: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = store.list(prefix, keys.last().map(String::as_str), 1000).await.unwrap();
        if page.is_empty() {
            return keys;
        }
        keys.extend(page);
    }
}

async fn read(store: &dyn ObjectStore, key: &str) -> Vec<u8> {
    let object = store.get(key).await.unwrap();
    object.unwrap_or_else(|| panic!("{key} is missing")).bytes.to_vec()
}

/// Walks the journal: every object starts where the one before ended, on the tree that was there.
async fn read_journal(store: &dyn ObjectStore) -> Audited {
    let (mut lines, mut leaves, mut hashes, mut rounds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let log = log_keys();
    for key in keys(store, "journal/").await {
        assert_eq!(key, format!("journal/{:020}", lines.len()), "a gap, or a second chain");
        let round = Round::verify(&read(store, &key).await, log.origin(), log.verifier()).unwrap();
        assert_eq!(round.before().size(), hashes.len() as u64, "{key}");
        assert_eq!(round.before().hashes(), subtrees(&hashes), "{key}: the frontier");
        rounds.push(round.lines().len());
        for line in round.lines() {
            let leaf = leaf(&serde_json::from_str(line).unwrap(), line);
            hashes.push(leaf_hash(&leaf));
            leaves.push(leaf);
            lines.push(line.clone());
        }
    }
    Audited { lines, leaves, hashes, rounds, requests: BTreeMap::new(), checkpoints: BTreeMap::new() }
}

/// The leaf of an event line, from the words of the design.
fn leaf(event: &Value, line: &str) -> Vec<u8> {
    let precert = event.get("precert").map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap());
    let kind = if event["type"] == "certificate" { 2 } else { 1 };
    let mut leaf = b"countersign/leaf/v1".to_vec();
    leaf.push(kind);
    leaf.extend_from_slice(&event["time"].as_u64().unwrap().to_be_bytes());
    leaf.extend_from_slice(&sha256(&precert.unwrap_or_default()));
    leaf.extend_from_slice(&sha256(line.as_bytes()));
    leaf
}

/// The root of a tree by its definition.
fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

/// The roots of the perfect subtrees of a tree, largest first.
fn subtrees(mut hashes: &[Hash]) -> Vec<Hash> {
    let mut roots = Vec::new();
    while !hashes.is_empty() {
        let (perfect, rest) = hashes.split_at(1 << hashes.len().ilog2());
        roots.push(root(perfect));
        hashes = rest;
    }
    roots
}

impl Audited {
    pub(crate) fn size(&self) -> u64 {
        self.lines.len() as u64
    }

    /// One log created, times that never fall, and for every certificate its index as serial and a request of its own.
    fn check_events(&mut self) {
        let mut last = 0;
        let mut serials = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            let event: Value = serde_json::from_str(line).unwrap();
            let time = event["time"].as_u64().unwrap();
            assert!(time >= last, "entry {index} is before the one ahead of it");
            last = time;
            assert_eq!(event["type"] == "log-created", index == 0, "entry {index}: {line}");
            if event["type"] != "certificate" {
                continue;
            }
            let bytes = STANDARD.decode(event["precert"].as_str().unwrap()).unwrap();
            let serial = Precert::from_bytes(&bytes).unwrap().content().serial;
            assert_eq!((serial, event["serial"].as_u64()), (index as u64, Some(index as u64)), "A15");
            assert!(serial != 0 && serials.insert(serial), "A15: serial {serial}");
            let id = event["request_id"].as_str().unwrap().to_owned();
            let earlier = self.requests.insert(id, index as u64);
            assert_eq!(earlier, None, "I8: entry {index} is the second precert of its request");
        }
    }

    /// Every round has its checkpoint, every checkpoint the root, and `checkpoint` is the last.
    async fn read_checkpoints(&mut self, store: &dyn ObjectStore) {
        let log = log_keys();
        for key in keys(store, "checkpoints/").await {
            let note = String::from_utf8(read(store, &key).await).unwrap();
            let signed = SignedCheckpoint::parse(&note, log.verifier()).unwrap();
            assert_eq!(key, format!("checkpoints/{:020}", signed.size()));
            assert!(signed.size() <= self.size(), "{key} speaks of entries that are not there");
            let tree = &self.hashes[..usize::try_from(signed.size()).unwrap()];
            assert_eq!(signed.root(), root(tree), "{key}: I2");
            self.checkpoints.insert(signed.size(), note);
        }
        let mut size = 0;
        for entries in &self.rounds {
            size += *entries as u64;
            assert!(self.checkpoints.contains_key(&size), "checkpoints/ lacks {size}");
        }
        assert_eq!(self.checkpoints.len(), self.rounds.len(), "a checkpoint within a round");
        let latest = String::from_utf8(read(store, "checkpoint").await).unwrap();
        assert_eq!(Some(&latest), self.checkpoints.get(&self.size()), "checkpoint is not the last one");
    }

    /// What was answered is in the log, as it was answered.
    pub(crate) fn holds(&self, committed: &Committed) {
        let index = usize::try_from(committed.index).unwrap();
        let line = self.lines.get(index).unwrap_or_else(|| panic!("entry {index} was answered and is lost"));
        assert_eq!(
            committed.event_hash,
            sha256(line.as_bytes()),
            "entry {index} is another than was answered"
        );
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["time"].as_u64(), Some(committed.time.0));
        let precert = committed.precert.as_ref().map(|precert| STANDARD.encode(precert.bytes()));
        assert_eq!(event.get("precert").and_then(Value::as_str), precert.as_deref(), "I1: entry {index}");
        let checkpoint = &committed.checkpoint;
        let published = self.checkpoints.get(&checkpoint.size()).map(String::as_str);
        assert_eq!(published, Some(checkpoint.note()), "the proof of entry {index} rests on another tree");
        let size = checkpoint.size();
        verify_inclusion(committed.index, size, self.hashes[index], &committed.proof, checkpoint.root())
            .unwrap();
    }
}

/// Every tile and entry bundle that a tree needs is there, byte for byte.
async fn check_tiles(store: &dyn ObjectStore, leaves: &[Vec<u8>], hashes: &[Hash]) {
    let size = hashes.len() as u64;
    for (index, entries) in (0..).zip(leaves.chunks(256)) {
        let bundle: Vec<u8> = entries
            .iter()
            .flat_map(|leaf| [&u16::try_from(leaf.len()).unwrap().to_be_bytes(), leaf.as_slice()].concat())
            .collect();
        check_tile(store, TilePath::in_tree(TileLevel::Entries, index, size), &bundle).await;
    }
    let mut level = hashes.to_vec();
    for number in 0..8 {
        for (index, tile) in (0..).zip(level.chunks(256)) {
            let bytes: Vec<u8> = tile.iter().flat_map(|hash| hash.0).collect();
            check_tile(store, TilePath::in_tree(TileLevel::Hashes(number), index, size), &bytes).await;
        }
        level = level.chunks_exact(256).map(root).collect();
    }
}

async fn check_tile(store: &dyn ObjectStore, path: Option<TilePath>, bytes: &[u8]) {
    let path = path.unwrap().to_string();
    assert!(read(store, &path).await == bytes, "{path} is wrong");
}

//! Merkle proofs: public vectors, the RFC's own definition, an independent implementation, random batches.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::log::frontier::{FrontierError, MAX_SIZE};
use ca_core::log::hash::{empty_root, leaf_hash, node_hash, sha256};
use ca_core::log::merkle::{MerkleError, verify_consistency, verify_inclusion};
use ca_core::log::prove::{Node, NodeSource, consistency_proof, inclusion_proof};
use ca_core::log::{Batch, Frontier, Hash};
use proptest::prelude::*;
use proptest::sample::Index;
use tlog_tiles::{HashReader, prove_record, prove_tree, stored_hashes_for_record_hash, tree_hash};

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// The definition of the Merkle tree hash, word for word (RFC 6962 §2.1).
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
            node_hash(&mth(left), &mth(right))
        }
    }
}

struct Leaves(Vec<Hash>);

impl NodeSource for Leaves {
    fn node(&self, node: Node) -> Option<Hash> {
        let start = usize::try_from(node.index << node.level).ok()?;
        self.0.get(start..start + (1 << node.level)).map(mth)
    }
}

/// The hashes that the `tlog_tiles` crate stores, as the oracle.
struct Stored(Vec<tlog_tiles::Hash>);

impl Stored {
    fn over(leaves: &[Hash]) -> Self {
        let mut stored = Self(Vec::new());
        for (index, leaf) in leaves.iter().enumerate() {
            let leaf = tlog_tiles::Hash(leaf.0);
            let new = stored_hashes_for_record_hash(index as u64, leaf, &stored).unwrap();
            stored.0.extend(new);
        }
        stored
    }
}

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

fn ours(hashes: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| Hash(hash.0)).collect()
}

#[test]
fn known_hashes() {
    assert_eq!(empty_root().to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(leaf_hash(b"").to_string(), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    let json = serde_json::to_string(&empty_root()).unwrap();
    assert_eq!(json, "\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"");
    assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), empty_root());
}

#[test]
fn hash_has_one_spelling() {
    let good = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert!(good.parse::<Hash>().is_ok());
    let bad = [
        "",
        "AAAA",
        good.trim_end_matches('='),
        &format!("{good}\n"),
        &format!(" {good}"),
        &good.replace('/', "_"),
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", // bits after the last byte are not zero
    ];
    for text in bad {
        assert!(text.parse::<Hash>().is_err(), "{text:?}");
    }
}

#[test]
fn every_small_tree_agrees_with_definition_and_oracle() {
    let all = leaves(70);
    let stored = Stored::over(&all);
    for size in 0..=all.len() {
        let root = mth(&all[..size]);
        assert_eq!(all[..size].iter().copied().collect::<Frontier>().root(), root);
        assert_eq!(Hash(tree_hash(size as u64, &stored).unwrap().0), root);
        let source = Leaves(all[..size].to_vec());
        for (index, leaf) in all[..size].iter().enumerate() {
            let (index, size) = (index as u64, size as u64);
            let proof = inclusion_proof(index, size, &source).unwrap();
            assert_eq!(proof, ours(prove_record(size, index, &stored).unwrap()));
            verify_inclusion(index, size, *leaf, &proof, root).unwrap();
        }
        for size1 in 1..=size {
            let (size1, root1, size) = (size1 as u64, mth(&all[..size1]), size as u64);
            let proof = consistency_proof(size1, size, &source).unwrap();
            assert_eq!(proof, ours(prove_tree(size, size1, &stored).unwrap()));
            verify_consistency(size1, size, root1, root, &proof).unwrap();
        }
    }
}

#[test]
fn every_small_batch_gives_the_same_proofs() {
    let all = leaves(40);
    for before in 0..=all.len() {
        let frontier: Frontier = all[..before].iter().copied().collect();
        for size in before..=all.len() {
            let (batch, source) = (Batch::new(&frontier, &all[before..size]), Leaves(all[..size].to_vec()));
            assert_eq!(batch.root(), mth(&all[..size]));
            assert_eq!(batch.after(), all[..size].iter().copied().collect());
            for position in 0..size - before {
                let expected = inclusion_proof((before + position) as u64, size as u64, &source).unwrap();
                assert_eq!(batch.proof(position).unwrap(), expected);
            }
            assert_eq!(batch.proof(size - before), None);
            if before > 0 {
                let expected = consistency_proof(before as u64, size as u64, &source).unwrap();
                assert_eq!(consistency_proof(before as u64, size as u64, &batch).unwrap(), expected);
            }
        }
    }
}

#[test]
fn a_batch_does_not_pass_off_an_incomplete_subtree() {
    let batch = Batch::new(&Frontier::empty(), &leaves(3));
    assert!(batch.node(Node { level: 1, index: 0 }).is_some());
    assert_eq!(batch.node(Node { level: 1, index: 1 }), None);
    assert_eq!(batch.node(Node { level: 64, index: 0 }), None);
}

#[test]
fn a_frontier_has_one_hash_for_every_bit() {
    let hash = empty_root();
    assert!(Frontier::from_parts(0, vec![]).is_ok());
    assert!(Frontier::from_parts(5, vec![hash; 2]).is_ok());
    let wrong = FrontierError::Count { size: 5, expected: 2, found: 3 };
    assert_eq!(Frontier::from_parts(5, vec![hash; 3]), Err(wrong));
    let too_large = FrontierError::TooLarge { size: MAX_SIZE + 1 };
    assert_eq!(Frontier::from_parts(MAX_SIZE + 1, vec![hash]), Err(too_large));
}

#[test]
fn impossible_questions_are_refused() {
    let (hash, source) = (empty_root(), Leaves(leaves(3)));
    for (index, size) in [(0, 0), (3, 3), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let refused = MerkleError::IndexOutOfTree { index, size };
        assert_eq!(verify_inclusion(index, size, hash, &[], hash), Err(refused.clone()));
        assert_eq!(inclusion_proof(index, size, &source), Err(refused));
    }
    for (size1, size2) in [(0, 0), (0, 1), (2, 1), (u64::MAX, 1)] {
        let refused = MerkleError::Sizes { size1, size2 };
        assert_eq!(verify_consistency(size1, size2, hash, hash, &[]), Err(refused.clone()));
        assert_eq!(consistency_proof(size1, size2, &source), Err(refused));
    }
    assert_eq!(inclusion_proof(0, 4, &source), Err(MerkleError::MissingNode { level: 1, index: 1 }));
}

proptest! {
    #[test]
    fn any_split_into_batches_gives_the_same_tree(counts in prop::collection::vec(0_usize..300, 1..8)) {
        let all = leaves(counts.iter().sum());
        let mut frontier = Frontier::empty();
        for count in counts {
            let start = usize::try_from(frontier.size()).unwrap();
            let new = &all[start..start + count];
            let batch = Batch::new(&frontier, new);
            for (position, leaf) in new.iter().enumerate() {
                let (index, proof) = (batch.first_index() + position as u64, batch.proof(position).unwrap());
                prop_assert!(verify_inclusion(index, batch.size(), *leaf, &proof, batch.root()).is_ok());
            }
            if start > 0 {
                let (old, proof) = (frontier.root(), consistency_proof(start as u64, batch.size(), &batch).unwrap());
                prop_assert!(verify_consistency(start as u64, batch.size(), old, batch.root(), &proof).is_ok());
            }
            frontier = batch.after();
            prop_assert_eq!(frontier.root(), batch.root());
        }
        prop_assert_eq!(&Frontier::from_parts(frontier.size(), frontier.hashes().to_vec()).unwrap(), &frontier);
        prop_assert_eq!(frontier.root(), mth(&all));
    }

    #[test]
    fn a_changed_inclusion_proof_fails(size in 2_usize..500, at: Index, change: Change) {
        let (all, index) = (leaves(size), at.index(size));
        let (root, source) = (mth(&all), Leaves(all.clone()));
        let good = inclusion_proof(index as u64, size as u64, &source).unwrap();
        let bad = change.apply(&good);
        prop_assert!(verify_inclusion(index as u64, size as u64, all[index], &bad, root).is_err());
        let other = (index + 1) % size;
        prop_assert!(verify_inclusion(other as u64, size as u64, all[index], &good, root).is_err());
        prop_assert!(verify_inclusion(index as u64, size as u64, all[other], &good, root).is_err());
        prop_assert!(verify_inclusion(index as u64, size as u64, all[index], &good, all[0]).is_err());
    }

    #[test]
    fn a_changed_consistency_proof_fails(size in 2_usize..300, at: Index, change: Change) {
        let (all, size1) = (leaves(size), 1 + at.index(size - 1));
        let (root1, root, source) = (mth(&all[..size1]), mth(&all), Leaves(all.clone()));
        let good = consistency_proof(size1 as u64, size as u64, &source).unwrap();
        let bad = change.apply(&good);
        let (size1, size) = (size1 as u64, size as u64);
        prop_assert!(verify_consistency(size1, size, root1, root, &good).is_ok());
        prop_assert!(verify_consistency(size1, size, root1, root, &bad).is_err());
        prop_assert!(verify_consistency(size1, size, empty_root(), root, &good).is_err());
        prop_assert!(verify_consistency(size1, size, root1, empty_root(), &good).is_err());
    }

    #[test]
    fn verification_never_panics(
        (a, b) in (any::<u64>(), any::<u64>()),
        bytes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let (proof, root): (Vec<Hash>, _) = (bytes.into_iter().map(Hash).collect(), empty_root());
        prop_assert!(verify_inclusion(a, b, root, &proof, root).is_err());
        prop_assert!(a == b || verify_consistency(a, b, root, root, &proof).is_err());
    }
}

#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Drop(Index),
    Insert(Index),
}

impl Arbitrary for Change {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        prop_oneof![
            (any::<Index>(), any::<u8>()).prop_map(|(at, bit)| Self::Flip(at, bit)),
            any::<Index>().prop_map(Self::Drop),
            any::<Index>().prop_map(Self::Insert),
        ]
        .boxed()
    }
}

impl Change {
    fn apply(&self, proof: &[Hash]) -> Vec<Hash> {
        let mut proof = proof.to_vec();
        match self {
            Self::Flip(at, bit) => {
                let at = at.index(proof.len());
                proof[at].0[usize::from(bit / 8)] ^= 1 << (bit % 8);
            }
            Self::Drop(at) => drop(proof.remove(at.index(proof.len()))),
            Self::Insert(at) => proof.insert(at.index(proof.len() + 1), empty_root()),
        }
        proof
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionCase {
    name: String,
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsistencyCase {
    name: String,
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// Reads one file of cases; `None`, and a word about it, when the vectors are not there.
#[allow(clippy::disallowed_methods)] // the core itself has no environment and no files (I3), its tests do
fn cases<T: serde::de::DeserializeOwned>(file: &str) -> Option<Vec<T>> {
    let folder = std::env::var("COUNTERSIGN_VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned());
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(folder).join("merkle").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        // Not `eprintln!`, which the test runner hides when the test then passes.
        let said =
            writeln!(std::io::stderr(), "SKIPPED: {} is absent, set COUNTERSIGN_VECTORS", path.display());
        return said.map(|()| None).unwrap();
    };
    let cases: Vec<T> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!cases.is_empty());
    Some(cases)
}

/// Some cases have text of another length as a root that is only compared, never computed.
fn any_root(text: &str) -> Hash {
    let bytes = STANDARD.decode(text).unwrap();
    Hash::from_slice(&bytes).unwrap_or_else(|| Hash(sha256(&bytes)))
}

/// Hashes of the wrong length end here, as they do when a proof is parsed.
fn hashes(texts: Option<Vec<String>>) -> Option<Vec<Hash>> {
    texts.unwrap_or_default().iter().map(|text| text.parse().ok()).collect()
}

#[test]
fn inclusion_vectors() {
    for case in cases::<InclusionCase>("inclusion.jsonl").unwrap_or_default() {
        let proof = hashes(case.proof).zip(case.leaf_hash.parse().ok());
        let verified = proof.is_some_and(|(proof, leaf)| {
            verify_inclusion(case.leaf_idx, case.tree_size, leaf, &proof, any_root(&case.root)).is_ok()
        });
        assert_eq!(verified, !case.want_err, "{}", case.name);
    }
}

#[test]
fn consistency_vectors() {
    for case in cases::<ConsistencyCase>("consistency.jsonl").unwrap_or_default() {
        let (root1, root2) = (any_root(&case.root1), any_root(&case.root2));
        let verified = hashes(case.proof)
            .is_some_and(|proof| verify_consistency(case.size1, case.size2, root1, root2, &proof).is_ok());
        assert_eq!(verified, !case.want_err, "{}", case.name);
    }
}

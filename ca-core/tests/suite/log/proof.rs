//! Checkpoints and offline proofs: one spelling, one log, and nothing believed unverified.

use ca_core::log::checkpoint::CheckpointError;
use ca_core::log::hash::leaf_hash;
use ca_core::log::merkle::MerkleError;
use ca_core::log::note::NoteError;
use ca_core::log::proof::ProofError;
use ca_core::log::{
    Batch, Checkpoint, Frontier, Hash, NoteSigner, Origin, SignedCheckpoint, TlogProof, UnverifiedProof,
    VerifierKey,
};
use proptest::prelude::*;
use proptest::sample::Index;

const ORIGIN: &str = "ca.example.com/log";

/// The example of C2SP tlog-checkpoint, whose key is not published.
const BEHIND_THE_SOFA: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn signer() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[7; 32]).unwrap()
}

fn log_key() -> VerifierKey {
    signer().verifier_key().clone()
}

fn checkpoint(batch: &Batch) -> SignedCheckpoint {
    Checkpoint::new(Origin::new(ORIGIN).unwrap(), batch.size(), batch.root()).sign(&signer()).unwrap()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn proof(batch: &Batch, position: usize) -> TlogProof {
    TlogProof {
        extra: None,
        index: batch.first_index() + position as u64,
        hashes: batch.proof(position).unwrap(),
        checkpoint: checkpoint(batch).note().to_owned(),
    }
}

fn small_proof() -> (TlogProof, Hash) {
    let leaves = leaves(5);
    (proof(&Batch::new(&Frontier::empty(), &leaves), 2), leaves[2])
}

#[test]
fn the_example_of_the_specification_parses() {
    let checkpoint: Checkpoint = BEHIND_THE_SOFA.parse().unwrap();
    assert_eq!(checkpoint.origin.as_str(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size, 20_852_163);
    assert_eq!(checkpoint.to_string(), BEHIND_THE_SOFA);
    assert!(checkpoint.extensions().is_empty());
}

#[test]
fn extension_lines_are_kept() {
    let text = format!("{BEHIND_THE_SOFA}one more\n-\n");
    let checkpoint: Checkpoint = text.parse().unwrap();
    assert_eq!(checkpoint.extensions(), ["one more", "-"]);
    assert_eq!(checkpoint.to_string(), text);
    let signed = SignedCheckpoint::parse(
        &signer().sign(&text.replace("example.com/behind-the-sofa", ORIGIN)).unwrap(),
        &log_key(),
    );
    assert_eq!(signed.unwrap().checkpoint().extensions(), ["one more", "-"]);
}

#[test]
fn checkpoints_have_one_spelling() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let bad = [
        String::new(),
        "\n\n\n".to_owned(),
        "a\n1\n".to_owned(),
        format!("a\n1\n{root}"),
        format!("\na\n1\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("a b\n1\n{root}\n"),
        format!("a+b\n1\n{root}\n"),
        format!("a\n\n{root}\n"),
        format!("a\n01\n{root}\n"),
        format!("a\n+1\n{root}\n"),
        format!("a\n-1\n{root}\n"),
        format!("a\n1 \n{root}\n"),
        format!("a\n0x1\n{root}\n"),
        format!("a\n18446744073709551616\n{root}\n"),
        format!("a\n1\n{root}\n\n"),
        format!("a\n1\n{root}\n\nb\n"),
        "a\n1\nAAAA\n".to_owned(),
        format!("a\n1\n{}\n", root.trim_end_matches('=')),
    ];
    for text in bad {
        assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    }
    assert!(format!("a\n0\n{root}\n").parse::<Checkpoint>().is_ok());
    assert!(format!("a\n18446744073709551615\n{root}\n").parse::<Checkpoint>().is_ok());
}

#[test]
fn a_key_speaks_for_its_own_log_only() {
    let foreign: Checkpoint = BEHIND_THE_SOFA.parse().unwrap();
    let wrong = CheckpointError::WrongOrigin {
        expected: ORIGIN.to_owned(),
        found: "example.com/behind-the-sofa".to_owned(),
    };
    assert_eq!(foreign.sign(&signer()), Err(wrong.clone()));
    let note = signer().sign(BEHIND_THE_SOFA).unwrap();
    assert_eq!(SignedCheckpoint::parse(&note, &log_key()), Err(wrong));
    let stranger = NoteSigner::from_seed(ORIGIN, &[8; 32]).unwrap();
    let note = checkpoint(&Batch::new(&Frontier::empty(), &leaves(1))).note().to_owned();
    let refused = SignedCheckpoint::parse(&note, stranger.verifier_key());
    assert_eq!(refused, Err(CheckpointError::Note(NoteError::NoKnownKey)));
}

#[test]
fn signed_text_that_is_no_checkpoint_is_refused() {
    let note = signer().sign("not a checkpoint\n").unwrap();
    assert_eq!(SignedCheckpoint::parse(&note, &log_key()), Err(CheckpointError::Lines));
}

#[test]
fn cosignatures_are_carried_along() {
    let signed = checkpoint(&Batch::new(&Frontier::empty(), &leaves(3)));
    let witness = NoteSigner::from_seed("witness.example", &[9; 32]).unwrap();
    let line =
        witness.sign(&signed.checkpoint().to_string()).unwrap().split_once("\n\n").unwrap().1.to_owned();
    let cosigned = format!("{}{line}", signed.note());
    let again = SignedCheckpoint::parse(&cosigned, &log_key()).unwrap();
    assert_eq!((again.note(), again.checkpoint()), (cosigned.as_str(), signed.checkpoint()));
}

#[test]
fn the_text_is_as_specified() {
    let (proof, leaf) = small_proof();
    let hashes: String = proof.hashes.iter().flat_map(|hash| [hash.to_string(), "\n".to_owned()]).collect();
    let expected = format!("c2sp.org/tlog-proof@v1\nindex 2\n{hashes}\n{}", proof.checkpoint);
    assert_eq!(proof.to_string(), expected);
    let with_extra = TlogProof { extra: Some(b"hello".to_vec()), ..proof.clone() };
    let expected = expected.replacen("index", "extra aGVsbG8=\nindex", 1);
    assert_eq!(with_extra.to_string(), expected);
    let no_data = TlogProof { extra: Some(vec![]), ..proof.clone() };
    assert_eq!(no_data.to_string(), proof.to_string());
    let parsed = UnverifiedProof::parse(&expected).unwrap();
    assert_eq!(parsed.unverified_parts(), &with_extra);
    let verified = parsed.verify(leaf, &log_key()).unwrap();
    assert_eq!((verified.index(), verified.leaf_hash()), (2, leaf));
    assert_eq!((verified.checkpoint().size(), verified.checkpoint().note()), (5, proof.checkpoint.as_str()));
}

#[test]
fn the_only_leaf_needs_no_hashes() {
    let leaves = leaves(1);
    let text = proof(&Batch::new(&Frontier::empty(), &leaves), 0).to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\nca.example.com/log\n1\n"));
    assert!(UnverifiedProof::parse(&text).unwrap().verify(leaves[0], &log_key()).is_ok());
}

#[test]
fn proofs_have_one_spelling() {
    let good = small_proof().0.to_string();
    assert!(UnverifiedProof::parse(&good).is_ok());
    let hash = format!("{}\n", leaf_hash(b""));
    let bad = [
        String::new(),
        good.replacen("@v1", "@v2", 1),
        good.replacen('\n', "\r\n", 1),
        good.replacen("index 2\n", "", 1),
        good.replacen("index 2", "index 02", 1),
        good.replacen("index 2", "index +2", 1),
        good.replacen("index 2", "index  2", 1),
        good.replacen("index 2", "Index 2", 1),
        good.replacen("index 2", "index 18446744073709551616", 1),
        good.replacen("index", "extra \nindex", 1),
        good.replacen("index", "extra\nindex", 1),
        good.replacen("index", "extra aGVsbG8\nindex", 1),
        good.replacen("index", "extra aGVsbG8=\nextra aGVsbG8=\nindex", 1),
        good.replacen("index 2\n", "index 2\nextra aGVsbG8=\n", 1),
        good.replacen("index 2\n", "index 2\nAAAA\n", 1),
        good.replacen("index 2\n", &format!("index 2\n{}", hash.repeat(65)), 1),
        good.replacen("\n\n", "\n\n\n", 1).replacen("\n\n", "\n", 2),
        good.replacen("\n\n", "\n", 1),
        format!("\n{good}"),
        format!("{good}\n"),
        good.trim_end().to_owned(),
        good.split_once("\n\n").unwrap().0.to_owned(),
        good.split_once("\n\n").unwrap().0.to_owned() + "\n\n",
    ];
    for text in bad {
        assert!(UnverifiedProof::parse(&text).is_err(), "{text:?}");
    }
}

#[test]
fn what_does_not_prove_is_refused() {
    let (good, leaf) = small_proof();
    let verify =
        |proof: &TlogProof, leaf| UnverifiedProof::parse(&proof.to_string())?.verify(leaf, &log_key());
    assert!(verify(&good, leaf).is_ok());
    let refused = verify(&good, leaf_hash(b"another"));
    assert!(matches!(refused, Err(ProofError::Merkle(MerkleError::RootMismatch { size: 5, .. }))));
    let refused = verify(&TlogProof { index: 5, ..good.clone() }, leaf);
    assert_eq!(refused, Err(ProofError::Merkle(MerkleError::IndexOutOfTree { index: 5, size: 5 })));
    let refused = verify(&TlogProof { hashes: vec![], ..good.clone() }, leaf);
    assert_eq!(refused, Err(ProofError::Merkle(MerkleError::ProofLength { expected: 3, found: 0 })));
    let forged = good.checkpoint.replacen("\n5\n", "\n6\n", 1);
    let refused = verify(&TlogProof { checkpoint: forged, ..good }, leaf);
    assert!(matches!(
        refused,
        Err(ProofError::Checkpoint(CheckpointError::Note(NoteError::BadSignature { .. })))
    ));
}

proptest! {
    #[test]
    fn proofs_of_every_batch_verify(before in 0_u64..600, count in 1_usize..40, extra: Option<[u8; 5]>) {
        let all = leaves(before + count as u64);
        let (old, new) = all.split_at(all.len() - count);
        let batch = Batch::new(&old.iter().copied().collect(), new);
        let signed = checkpoint(&batch).note().to_owned();
        for (position, leaf) in new.iter().enumerate() {
            let (index, hashes) = (before + position as u64, batch.proof(position).unwrap());
            let extra = extra.map(Vec::from);
            let proof = TlogProof { extra, index, hashes, checkpoint: signed.clone() };
            let parsed = UnverifiedProof::parse(&proof.to_string()).unwrap();
            prop_assert_eq!(parsed.unverified_parts(), &proof);
            prop_assert_eq!(parsed.verify(*leaf, &log_key()).unwrap().index(), index);
        }
    }

    #[test]
    fn a_changed_proof_fails(at: Index, bit in 0_u8..8) {
        let (good, leaf) = small_proof();
        let mut text = good.to_string().into_bytes();
        let at = at.index(text.len());
        text[at] ^= 1 << bit;
        if let Some(proof) = String::from_utf8(text).ok().and_then(|text| UnverifiedProof::parse(&text).ok()) {
            prop_assert!(proof.verify(leaf, &log_key()).is_err());
        }
    }

    #[test]
    fn what_parses_prints_the_same(head in "(extra [A-D]{0,4}\n)?(index [0-9]{1,3}\n)?([A-D]{43}=\n){0,2}", text in "(?s).*") {
        let note = small_proof().0.checkpoint;
        for text in [format!("c2sp.org/tlog-proof@v1\n{head}\n{note}"), text] {
            if let Ok(proof) = UnverifiedProof::parse(&text) {
                prop_assert_eq!(proof.unverified_parts().to_string(), text);
            }
        }
    }

    #[test]
    fn checkpoints_print_and_parse(size: u64, root: [u8; 32], more in prop::collection::vec("[ -~]{1,9}", 0..3)) {
        let mut text = Checkpoint::new(Origin::new(ORIGIN).unwrap(), size, Hash(root)).to_string();
        for line in &more {
            text.extend([line, "\n"]);
        }
        let parsed: Checkpoint = text.parse().unwrap();
        prop_assert_eq!(parsed.to_string(), text.clone());
        let oracle = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).is_ok();
        prop_assert!(oracle || size > u64::MAX >> 1);
    }

    #[test]
    fn checkpoint_parser_never_panics(text in "(?s).*", lines in "([a-z0-9=+ ]{0,4}\n?){0,6}") {
        for text in [text, lines] {
            if let Ok(checkpoint) = text.parse::<Checkpoint>() {
                prop_assert_eq!(checkpoint.to_string(), text);
            }
        }
    }
}

//! Proofs that can be verified offline: one text with index, Merkle proof and checkpoint (C2SP tlog-proof).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{CheckpointError, SignedCheckpoint, parse_decimal};
use super::hash::{Hash, HashError};
use super::key::VerifierKey;
use super::merkle::{MerkleError, verify_inclusion};
use super::note::{NoteError, UnverifiedNote};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes that an inclusion proof can have: one for each level of the largest tree.
const MAX_HASHES: usize = 64;

/// The parts of a proof as they are written down; by themselves they prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The application's data, which no signature protects, not even after verification. Empty means none.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf, from 0.
    pub index: u64,
    /// The Merkle proof, from the leaf's sibling upwards.
    pub hashes: Vec<Hash>,
    /// The log's checkpoint: a signed note, word for word.
    pub checkpoint: String,
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.is_empty()) {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// A well-formed proof about which nothing else is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedProof {
    parts: TlogProof,
    checkpoint: UnverifiedNote,
}

impl UnverifiedProof {
    /// Reads a proof (C2SP tlog-proof, "Format"); every proof has one spelling.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError::NoCheckpoint)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(ProofError::Header);
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(parse_extra).transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(ProofError::Index)?;
        let hashes = lines.take(MAX_HASHES + 1).map(str::parse).collect::<Result<Vec<Hash>, _>>()?;
        if hashes.len() > MAX_HASHES {
            return Err(ProofError::TooManyHashes);
        }
        let parts = TlogProof { extra, index, hashes, checkpoint: checkpoint.to_owned() };
        Ok(Self { parts, checkpoint: UnverifiedNote::parse(checkpoint)? })
    }

    /// The parts, none of them checked.
    pub fn unverified_parts(&self) -> &TlogProof {
        &self.parts
    }

    /// Verifies that the log that `log_key` names has the leaf: first the log's signature, then the hashes.
    pub fn verify(&self, leaf_hash: Hash, log_key: &VerifierKey) -> Result<VerifiedInclusion, ProofError> {
        let checkpoint = SignedCheckpoint::verify(self.checkpoint.clone(), log_key)?;
        let TlogProof { index, ref hashes, .. } = self.parts;
        verify_inclusion(index, checkpoint.size(), leaf_hash, hashes, checkpoint.root())?;
        Ok(VerifiedInclusion { leaf_hash, index, checkpoint })
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, ProofError> {
    let encoded = line.strip_prefix("extra ").ok_or(ProofError::Extra)?;
    let extra = STANDARD.decode(encoded).map_err(|_| ProofError::Extra)?;
    // Without data the line is left out; two spellings of the same proof help nobody.
    if extra.is_empty() { Err(ProofError::Extra) } else { Ok(extra) }
}

/// The fact that a leaf is in a log. Only [`UnverifiedProof::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedInclusion {
    leaf_hash: Hash,
    index: u64,
    checkpoint: SignedCheckpoint,
}

impl VerifiedInclusion {
    /// The hash of the leaf that is in the log.
    pub fn leaf_hash(&self) -> Hash {
        self.leaf_hash
    }

    /// The index of the leaf, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint whose tree has the leaf.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

/// Reports why a proof cannot be read or does not prove.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The first line is not that of a proof of a known version.
    #[error("the first line is not {HEADER:?}")]
    Header,
    /// The extra line is not the base64 of one byte or more.
    #[error("the proof's extra data is not base64")]
    Extra,
    /// There is no index line with a plain decimal.
    #[error("the proof has no line with a plain decimal index")]
    Index,
    /// A line of the Merkle proof is not a hash.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// There are more hashes than any tree has levels.
    #[error("the proof has more than {MAX_HASHES} hashes")]
    TooManyHashes,
    /// There is no empty line with a checkpoint after it.
    #[error("the proof has no checkpoint")]
    NoCheckpoint,
    /// What should be the checkpoint is not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint is not one that the log signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the leaf to the checkpoint's root.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
}

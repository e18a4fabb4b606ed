//! Checkpoints: a log's signed statement of its size and root (C2SP tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::hash::Hash;
use super::key::{NoteSigner, VerifierKey, check_name};
use super::note::{NoteError, UnverifiedNote, VerifiedNote};

/// The name of a log, such as `ca.example.com/log`; also the name of its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// Checks a name: not empty, no Unicode space, no plus, no control character.
    ///
    /// C2SP tlog-checkpoint only recommends this; we require it, because our logs' keys bear the same name.
    pub fn new(name: impl Into<String>) -> Result<Self, CheckpointError> {
        let name = name.into();
        check_name(&name).map_err(NoteError::from)?;
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(name: &str) -> Result<Self, CheckpointError> {
        Self::new(name)
    }
}

impl TryFrom<String> for Origin {
    type Error = CheckpointError;

    fn try_from(name: String) -> Result<Self, CheckpointError> {
        Self::new(name)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

/// A log's size and root: by itself a claim that nobody has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: Origin,
    /// The number of leaves.
    pub size: u64,
    /// The root of the tree (RFC 6962 §2.1).
    pub root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// States the root of a log's tree of `size` leaves.
    pub fn new(origin: Origin, size: u64, root: Hash) -> Self {
        Self { origin, size, root, extensions: Vec::new() }
    }

    /// The lines after the root: kept, but without meaning to us.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Signs the checkpoint with the log's key, which must have the log's name.
    pub fn sign(&self, signer: &NoteSigner) -> Result<SignedCheckpoint, CheckpointError> {
        // Going through verification costs a few dozen microseconds and catches a signature that a
        // fault has spoilt before it can be stored as the log's word.
        let note = signer.sign(&self.to_string())?;
        SignedCheckpoint::parse(&note, signer.verifier_key())
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let lines: Vec<&str> = lines.collect();
        let [origin, size, root, extensions @ ..] = lines.as_slice() else {
            return Err(CheckpointError::Lines);
        };
        if extensions.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        Ok(Self {
            origin: Origin::new(*origin)?,
            size: parse_decimal(size).ok_or(CheckpointError::Size)?,
            root: root.parse().map_err(|_| CheckpointError::Root)?,
            extensions: extensions.iter().map(|line| (*line).to_owned()).collect(),
        })
    }
}

/// Reads an ASCII decimal in its one spelling: no sign, no leading zeroes.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A checkpoint that the log's key has signed. Only verification and [`Checkpoint::sign`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: VerifiedNote,
}

impl SignedCheckpoint {
    /// Reads a note and verifies that it is a checkpoint signed by the log that `log_key` names.
    pub fn parse(note: &str, log_key: &VerifierKey) -> Result<Self, CheckpointError> {
        Self::verify(UnverifiedNote::parse(note)?, log_key)
    }

    /// Verifies that a note is a checkpoint signed by the log that `log_key` names.
    pub fn verify(note: UnverifiedNote, log_key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = note.verify(std::slice::from_ref(log_key))?;
        let checkpoint: Checkpoint = note.text().parse()?;
        // A key may sign other notes for other purposes; as a log it speaks only for its own name.
        if checkpoint.origin.as_str() != log_key.name() {
            let found = checkpoint.origin.0;
            return Err(CheckpointError::WrongOrigin { expected: log_key.name().to_owned(), found });
        }
        Ok(Self { checkpoint, note })
    }

    /// What the log stated.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.checkpoint.origin
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.checkpoint.root
    }

    /// The note, signatures included, word for word.
    pub fn note(&self) -> &str {
        self.note.as_str()
    }
}

/// Reports why something is not a checkpoint of the log in question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The text is not three or more non-empty lines, each ending in a newline.
    #[error("a checkpoint has at least three non-empty lines: origin, size, root")]
    Lines,
    /// The size is not a decimal without leading zeroes.
    #[error("the checkpoint's size is not a plain decimal number")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("the checkpoint's root is not the base64 of 32 bytes")]
    Root,
    /// The log's name is not one, or the note cannot be read or believed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The key speaks for another log.
    #[error("the checkpoint is of {found:?}, but its key belongs to {expected:?}")]
    WrongOrigin {
        /// The name of the key.
        expected: String,
        /// The log that the checkpoint names.
        found: String,
    },
}

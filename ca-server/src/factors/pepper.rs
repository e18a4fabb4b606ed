//! The pepper: a key outside the database that every password hash is made with (NIST SP 800-63B-4 §3.1.1.2).
//!
//! Whoever has the database alone cannot test a guess (F17). It goes into Argon2 as the secret `K` (RFC 9106 §3.1), and its
//! id into the hash's `keyid`. The file holds `pepper-v1` lines, newest first: what an older pepper made still compares,
//! and is made anew at the next login.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::key_ring::{self, Key, KeyBytes, KeyRing};
use crate::ids;
use crate::secret_file::{self, SecretFileError, content};

const KIND: &str = "pepper-v1";
const ID_LABEL: &str = "countersign/pepper-id/v1";
const HEAD: &str =
    "# The pepper of the password hashes, newest first. Without it nobody can log in: keep a copy.\n";
const EXPECTED: &str = "a pepper file holds lines of `pepper-v1` and 64 hexadecimal digits, newest first";

/// The pepper for new hashes, and those that older hashes were made with.
pub struct Pepper(KeyRing);

impl Pepper {
    /// Takes the key; the bytes must be random.
    pub fn new(key: KeyBytes) -> Self {
        Self(KeyRing::new(Key::new(ID_LABEL, key)))
    }

    /// Reads the file; refuses one that others can read (S3).
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        let text = secret_file::read_text(path)?;
        let malformed = || content(path, EXPECTED);
        let lines = key_ring::read_lines(&text).ok_or_else(malformed)?;
        if lines.iter().any(|line| line.kind != KIND) {
            return Err(malformed());
        }
        let keys = lines.into_iter().map(|line| Key::new(ID_LABEL, line.bytes));
        KeyRing::from_keys(keys).map(Self).ok_or_else(malformed)
    }

    /// Makes a new pepper in a file of its own; fails when there is one.
    pub fn create(path: &Path) -> anyhow::Result<()> {
        let mut text = Zeroizing::new(HEAD.to_owned());
        key_ring::push_line(&mut text, KIND, &Zeroizing::new(ids::random()?));
        Ok(secret_file::create(path, text.as_bytes())?)
    }

    /// Adds a pepper that hashes were made with before this one, so that they still compare.
    #[must_use]
    pub fn with_older(mut self, older: Pepper) -> Self {
        self.0.older.push(older.0.current);
        self.0.older.extend(older.0.older);
        self
    }

    /// Gives the pepper for new hashes.
    pub(super) fn current(&self) -> &Key {
        &self.0.current
    }

    /// Finds a pepper by its id.
    pub(super) fn find(&self, id: &[u8]) -> Option<&Key> {
        self.0.find(id)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({:?})", self.0)
    }
}

//! The file of the sealing keys: one key for tags, which stays, and the keys that seal, newest first.
//!
//! ```text
//! tag-v1 <64 hexadecimal digits>
//! sealing-v1 <64 hexadecimal digits>
//! ```
//!
//! A file of exactly 32 bytes is read too: one key for both.

use std::fs::File;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_ring::{self, KEY_BYTES, Key, KeyBytes, KeyRing};
use crate::ids::{self, NoRandomness};
use crate::secret_file::{self, SecretFileError, content};

const TAG: &str = "tag-v1";
const SEALING: &str = "sealing-v1";
const ID_LABEL: &str = "countersign/sealing-key-id/v1";
const HEAD: &str =
    "# What seals factor secrets in the database, newest first. Without it no factor works: keep a copy.\n";
const EXPECTED: &str = "a sealing key file holds one line of `tag-v1` and lines of `sealing-v1`, newest first, each with 64 \
                        hexadecimal digits; or exactly 32 random bytes";

/// The keys that seal, and the key that tags.
#[derive(Clone)]
pub(crate) struct SealingKeys {
    pub(super) tags: KeyBytes,
    pub(super) ring: KeyRing,
}

impl SealingKeys {
    /// Takes one key for both.
    pub(super) fn of_one(key: KeyBytes) -> Self {
        Self { tags: key.clone(), ring: KeyRing::new(Key::new(ID_LABEL, key)) }
    }

    /// Reads the file; refuses one that others can read (S3).
    pub(crate) fn load(path: &Path) -> Result<Self, SecretFileError> {
        let bytes = secret_file::read(path)?;
        Self::parse(&bytes).ok_or_else(|| content(path, EXPECTED))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes) {
            return Some(Self::of_one(Zeroizing::new(key)));
        }
        let lines = key_ring::read_lines(std::str::from_utf8(bytes).ok()?)?;
        let (mut tags, mut keys) = (Vec::new(), Vec::new());
        for line in lines {
            match line.kind {
                TAG => tags.push(line.bytes),
                SEALING => keys.push(Key::new(ID_LABEL, line.bytes)),
                _ => return None,
            }
        }
        let ring = KeyRing::from_keys(keys)?;
        let [tags] = <[KeyBytes; 1]>::try_from(tags).ok()?;
        Some(Self { tags, ring })
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(HEAD.to_owned());
        key_ring::push_line(&mut text, TAG, &self.tags);
        for key in self.ring.keys() {
            key_ring::push_line(&mut text, SEALING, &key.bytes);
        }
        text
    }

    /// Puts a new key before those there are.
    pub(crate) fn with_new(self) -> Result<Self, NoRandomness> {
        let current = Key::new(ID_LABEL, Zeroizing::new(ids::random()?));
        let older = self.ring.keys().cloned().collect();
        Ok(Self { tags: self.tags, ring: KeyRing { current, older } })
    }

    /// Leaves only the newest key.
    pub(crate) fn without_older(self) -> Self {
        Self { tags: self.tags, ring: KeyRing::new(self.ring.current) }
    }

    /// Tells whether there are keys beside the newest.
    pub(crate) fn has_older(&self) -> bool {
        !self.ring.older.is_empty()
    }

    /// Gives the ids in hexadecimal, the newest first.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.ring.ids()
    }
}

/// Makes a file of new keys; fails when there is one.
pub fn create(path: &Path) -> anyhow::Result<()> {
    let keys = SealingKeys {
        tags: Zeroizing::new(ids::random()?),
        ring: KeyRing::new(Key::new(ID_LABEL, Zeroizing::new(ids::random()?))),
    };
    Ok(secret_file::create(path, keys.to_text().as_bytes())?)
}

/// The file while nobody else may change it; those who read it need no lock, for it changes as a whole.
#[derive(Debug)]
pub(crate) struct LockedFile {
    path: PathBuf,
    _lock: File,
}

impl LockedFile {
    /// Takes the lock of the file's folder, if it is free.
    pub(crate) fn lock(path: &Path) -> Result<Self, SecretFileError> {
        let io = |cause| SecretFileError::Io { path: path.to_owned(), cause };
        // Where a link leads: replacing the link would leave the old keys behind it.
        let path = path.canonicalize().map_err(io)?;
        let lock = File::open(path.parent().unwrap_or(Path::new("/"))).map_err(io)?;
        lock.try_lock().map_err(|error| io(error.into()))?;
        Ok(Self { path, _lock: lock })
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<SealingKeys, SecretFileError> {
        SealingKeys::load(&self.path)
    }

    /// Puts other keys in its place; when this returns they survive a crash.
    pub(crate) fn write(&self, keys: &SealingKeys) -> Result<(), SecretFileError> {
        secret_file::replace(&self.path, keys.to_text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_rotation_keeps_the_tag_key() {
        let old = SealingKeys::of_one(Zeroizing::new([9; KEY_BYTES]));
        let read = SealingKeys::parse(&[9; KEY_BYTES]).unwrap();
        assert_eq!(read.ids(), old.ids());
        let rotated = read.with_new().unwrap();
        let rotated = SealingKeys::parse(rotated.to_text().as_bytes()).unwrap();
        assert!(rotated.has_older());
        assert_eq!(rotated.ids()[1..], old.ids());
        assert_eq!(rotated.tags, old.tags);
        let done = rotated.without_older();
        assert!(!done.has_older());
        assert_eq!(done.tags, old.tags);
        assert_ne!(done.ids(), old.ids());
    }

    #[test]
    fn other_files_are_refused() {
        let text = SealingKeys::of_one(Zeroizing::new([9; KEY_BYTES])).to_text();
        let tag = text.lines().nth(1).unwrap();
        for bad in
            ["", tag, &text.replace(TAG, SEALING), &format!("{}{tag}\n", *text), &text.replace("v1", "v2")]
        {
            assert!(SealingKeys::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(SealingKeys::parse(&[0xff; 33]).is_none());
    }
}

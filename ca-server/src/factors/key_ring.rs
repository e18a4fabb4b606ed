//! Keys of one kind, newest first, as a key file holds them: one line each, `<kind> <64 hexadecimal digits>`.
//!
//! The newest key makes what is new; the older ones are there for what they made. Each is named by the first eight bytes of
//! a labelled SHA-256 of it. Empty lines and lines that begin with `#` say nothing.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// The length of a key in bytes.
pub const KEY_BYTES: usize = 32;

/// The length of a key's id in bytes.
pub(crate) const ID_BYTES: usize = 8;

/// Random bytes that nobody else has.
pub type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// A key with its name.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: [u8; ID_BYTES],
    pub(super) bytes: KeyBytes,
}

impl Key {
    /// Names a key; `label` keeps ids of one kind of key apart from those of another.
    pub(super) fn new(label: &str, bytes: KeyBytes) -> Self {
        let mut named = Zeroizing::new(label.as_bytes().to_vec());
        named.extend_from_slice(&*bytes);
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&digest(&SHA256, &named).as_ref()[..ID_BYTES]);
        Self { id, bytes }
    }
}

/// One key that is used, and those used before it.
#[derive(Clone)]
pub(super) struct KeyRing {
    pub(super) current: Key,
    pub(super) older: Vec<Key>,
}

impl KeyRing {
    /// Takes the only key there is.
    pub(super) fn new(current: Key) -> Self {
        Self { current, older: Vec::new() }
    }

    /// Takes keys, the newest first; `None` without any.
    pub(super) fn from_keys(keys: impl IntoIterator<Item = Key>) -> Option<Self> {
        let mut keys = keys.into_iter();
        Some(Self { current: keys.next()?, older: keys.collect() })
    }

    /// Gives all keys, the newest first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// Finds a key by its id.
    pub(super) fn find(&self, id: &[u8]) -> Option<&Key> {
        self.keys().find(|key| key.id == id)
    }

    /// Gives the ids in hexadecimal, the newest first.
    pub(super) fn ids(&self) -> Vec<String> {
        self.keys().map(|key| hex::encode(key.id)).collect()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// A line of a key file.
pub(super) struct Line<'a> {
    /// What the key is for, with the version of its form.
    pub(super) kind: &'a str,
    pub(super) bytes: KeyBytes,
}

/// Reads the lines of a key file; `None` when one is no line of a key file.
pub(super) fn read_lines(text: &str) -> Option<Vec<Line<'_>>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(read_line).collect()
}

fn read_line(line: &str) -> Option<Line<'_>> {
    let (kind, digits) = line.split_once(' ')?;
    let mut bytes = KeyBytes::default();
    hex::decode_to_slice(digits.trim(), bytes.as_mut_slice()).ok()?;
    Some(Line { kind, bytes })
}

/// Adds a line to the text of a key file.
pub(super) fn push_line(text: &mut Zeroizing<String>, kind: &str, bytes: &KeyBytes) {
    // Written in one go and never reallocated half-way: no copy of a digit stays behind.
    let mut digits = Zeroizing::new([0; 2 * KEY_BYTES]);
    let mut longer = Zeroizing::new(String::with_capacity(text.len() + kind.len() + 2 * KEY_BYTES + 2));
    if hex::encode_to_slice(bytes.as_slice(), digits.as_mut_slice()).is_ok() {
        longer.push_str(text);
        longer.push_str(kind);
        longer.push(' ');
        longer.extend(digits.iter().copied().map(char::from));
        longer.push('\n');
        *text = longer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_no_line_is_refused() {
        let mut text = Zeroizing::new("# newest first\n\n".to_owned());
        for byte in [2, 1] {
            push_line(&mut text, "test-v1", &Zeroizing::new([byte; KEY_BYTES]));
        }
        let lines = read_lines(&text).unwrap();
        let read: Vec<_> = lines.iter().map(|line| (line.kind, line.bytes[0])).collect();
        assert_eq!(read, [("test-v1", 2), ("test-v1", 1)]);
        for bad in ["test-v1", "test-v1 00", &text.replace("02", "0x"), &text.replacen("02", "", 1)] {
            assert!(read_lines(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn i9_keys_do_not_show() {
        let ring = KeyRing::new(Key::new("label", Zeroizing::new([0xab; KEY_BYTES])));
        let shown = format!("{ring:?}");
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    }
}

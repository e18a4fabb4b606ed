//! Which names an object may have.

use super::StoreError;

/// The longest key, in bytes: S3 allows 1,024 with the configured prefix, a file system 255 for one segment.
const LONGEST: usize = 512;
const LONGEST_SEGMENT: usize = 255;

/// Refuses a key outside the grammar of [`ObjectStore`](super::ObjectStore).
///
/// The directory store joins keys to a folder: a `..` let through here would read and write outside of it.
pub(super) fn check(key: &str) -> Result<(), StoreError> {
    if key.len() <= LONGEST && key.split('/').all(is_segment) {
        return Ok(());
    }
    Err(StoreError::Refused {
        key: key.into(),
        cause: "not a key of [a-z0-9._/-] with proper segments".into(),
    })
}

/// Refuses a list prefix that no key could start with: the start of a key, so it may end within a segment.
pub(super) fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    let (folder, rest) = split(prefix);
    if prefix.contains('/') {
        check(folder)?;
    }
    // A segment may begin with dots, so `..` as the unfinished end of a prefix asks for nothing outside.
    if rest.bytes().all(is_letter) { Ok(()) } else { check(rest) }
}

/// Splits a key into its folder (without the slash; empty at the top) and its last segment.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// Tells whether this could be one segment of a key.
pub(super) fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && segment.len() <= LONGEST_SEGMENT && segment.bytes().all(is_letter)
}

fn is_letter(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_log_pass() {
        for key in ["checkpoint", "journal/00000000000000000000", "tile/entries/x001/234.p/17", "a/..b/c-d_e"]
        {
            assert!(check(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn anything_that_could_leave_the_folder_is_refused() {
        let long = "a".repeat(256);
        for key in
            ["", "/", "/etc", "a//b", "a/", "../a", "a/../b", "a/.", "A", "a b", "a\0b", "ä", "a\\b", &long]
        {
            assert!(check(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn prefixes_may_end_anywhere() {
        for prefix in ["", "journal/", "journal/000", "tile/0", "a/.."] {
            assert!(check_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["/", "../", "a/../", "A", "a//"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }
}

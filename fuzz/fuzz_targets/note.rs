//! A signed note is kept word for word.
#![no_main]

use ca_core::log::UnverifiedNote;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = UnverifiedNote::from_bytes(bytes) {
        assert_eq!(note.as_str().as_bytes(), bytes);
        assert!(note.as_str().starts_with(note.unverified_text()));
    }
});

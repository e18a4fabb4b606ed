//! A certificate that parses is written again byte for byte.
#![no_main]

use ca_core::cert::{Content, UnverifiedCertificate};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(content) = Content::from_to_be_signed(bytes) {
        assert_eq!(content.to_be_signed(None), bytes);
    }
    if let Ok(certificate) = UnverifiedCertificate::from_bytes(bytes) {
        let written = certificate.unverified_content().to_be_signed(None);
        assert!(bytes.starts_with(&written));
        let _ = certificate.verify();
    }
});

//! A proof that parses has one spelling.
#![no_main]

use ca_core::log::UnverifiedProof;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(proof) = UnverifiedProof::parse(text) {
        assert_eq!(proof.unverified_parts().to_string(), text);
    }
});

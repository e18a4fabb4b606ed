//! No object passes that the log did not sign; one that it did sign, over any header and body, is read without a panic.
#![no_main]

use ca_core::log::journal::Round;
use ca_core::log::{NoteSigner, Origin};

const ORIGIN: &str = "ca.example.com/log";

libfuzzer_sys::fuzz_target!(|parts: (&str, &str)| {
    let (header, body) = parts;
    let (Ok(origin), Ok(signer)) = (ORIGIN.parse::<Origin>(), NoteSigner::from_seed(ORIGIN, &[1; 32])) else {
        return;
    };
    let key = signer.verifier_key();
    assert!(Round::verify(header.as_bytes(), &origin, key).is_err());
    let header = format!("countersign journal v1\n{ORIGIN}\n{header}\n");
    let Ok(note) = signer.sign(&header) else { return };
    let object = format!("{note}\n{body}").into_bytes();
    if let Ok(round) = Round::verify(&object, &origin, key) {
        assert_eq!(round.sign(&origin, &signer).ok(), Some(object));
        round.entries().for_each(drop);
    }
});

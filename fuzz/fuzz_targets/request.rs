//! A request's text is accepted only in its one form.
#![no_main]

use ca_core::request::CertRequest;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(request) = CertRequest::from_text(text) {
        assert_eq!(request.to_text(), text);
    }
});

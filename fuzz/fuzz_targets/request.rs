//! A request's text is accepted only in its one form, and as one kind of request.
#![no_main]

use ca_core::host_request::HostRequest;
use ca_core::request::CertRequest;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(request) = CertRequest::from_text(text) {
        assert_eq!(request.to_text(), text);
        assert!(HostRequest::from_text(text).is_err());
    }
    if let Ok(request) = HostRequest::from_text(text) {
        assert_eq!(request.to_text(), text);
    }
});

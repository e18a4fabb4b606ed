//! A policy is read without a panic, and keeps its text.
#![no_main]

use ca_core::policy::Policy;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(policy) = text.parse::<Policy>() {
        assert_eq!(policy.text(), text);
    }
});

//! A policy is read without a panic, from the log's text and from its files, and its text reads back as itself.
#![no_main]

use ca_core::policy::cases::Cases;
use ca_core::policy::{Policy, PolicyFiles};

/// A profile for rules to be about.
const PROFILES: &str = "[profiles.dev]\ndescription = \"d\"\nprincipals = [\"{user}\"]\ndefault_ttl = \"1h\"\n\
    max_ttl = \"1h\"\nfactors = [\"totp\"]\nlogin_max_age = \"1h\"\n";

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Cases::read(text);
    let files = |profiles: &str, rules: &str| PolicyFiles {
        profiles: profiles.to_owned(),
        rules: rules.to_owned(),
        cases: None,
    };
    let policies = [text.parse(), Policy::read(&files(text, "")), Policy::read(&files(PROFILES, text))];
    for policy in policies.into_iter().flatten() {
        let again: Policy = policy.text().parse().expect("its own text");
        assert!(again.id() == policy.id() && again.text() == policy.text());
    }
});

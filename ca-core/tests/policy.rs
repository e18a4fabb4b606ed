//! What a policy may say, and what is refused before any decision is made with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use ca_core::policy::{Policy, PolicyError, SourceAddress};
use proptest::prelude::*;
use support::policy_text;

fn error_of(lines: &[&str]) -> String {
    policy_text(lines).parse::<Policy>().unwrap_err().to_string()
}

#[test]
fn the_shipped_policy_parses() {
    let text = include_str!("../../policies/profiles.toml");
    let policy: Policy = text.parse().unwrap();
    let names: Vec<&str> = policy.profiles().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["backup", "dev", "prod-root", "prod-web"]);
    assert_eq!(policy.text(), text);
    assert!(policy.profile(&"prod-root".parse().unwrap()).unwrap().require_reason);
}

#[test]
fn the_identity_is_the_hash_of_the_bytes() {
    let id = |text: &str| text.parse::<Policy>().unwrap().id().to_string();
    assert_eq!(id(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_ne!(id(&policy_text(&[])), id(&(policy_text(&[]) + "\n")));
}

#[test]
fn a_key_that_is_not_known_is_refused_with_its_line() {
    for (line, name) in [
        ("max_tll = \"1h\"", "max_tll"),
        ("verify-required = true", "verify-required"),
        ("no_touch_required = true", "no_touch_required"),
        ("critical_options = {}", "critical_options"),
    ] {
        let error = error_of(&[line]);
        assert!(error.contains("line 9") && error.contains(name), "{error}");
    }
    let error = format!("{}[defaults]\nmax_ttl = \"1h\"\n", policy_text(&[])).parse::<Policy>().unwrap_err();
    assert!(error.to_string().contains("line 9") && error.to_string().contains("defaults"), "{error}");
}

#[test]
fn a_value_that_is_not_known_is_refused_with_its_line() {
    for line in [
        "extensions = [\"no-touch-required\"]",
        "extensions = [\"permit-PTY\"]",
        "extensions = [\"tlog-proof-v1@ca.example.com\"]",
        "factors = [\"password\"]",
        "factors = \"totp\"",
        "key_kinds = [\"dsa\"]",
        "key_kinds = [\"ssh-ed25519\"]",
        "source_address = \"10.0.0.0/8\"",
        "source_address = { networks = [\"10.0.0.0/33\"] }",
        "source_address = { networks = [\"office\"] }",
        "source_address = { networks = [\"10.0.0.0/8\"], any = true }",
        "principals = [\"Root\"]",
        "principals = [\"{users}\"]",
        "principals = [\"root,deploy\"]",
        "principals = [\"*\"]",
        "groups = [\"a b\"]",
        "max_ttl = \"0s\"",
        "max_ttl = \"32d\"",
        "max_ttl = 3600",
        "max_ttl = \"-1h\"",
        "verify_required = \"yes\"",
    ] {
        let error = policy_text(&[line]).parse::<Policy>().unwrap_err();
        assert!(matches!(&error, PolicyError::Syntax(text) if text.contains("line ")), "{line}: {error}");
    }
}

#[test]
fn what_must_be_said_cannot_be_left_out() {
    let text = policy_text(&[]);
    for key in ["description", "groups", "principals", "default_ttl", "max_ttl", "factors", "login_max_age"] {
        let without: String = text.split_inclusive('\n').filter(|l| !l.starts_with(key)).collect();
        let error = without.parse::<Policy>().unwrap_err().to_string();
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn contradictions_are_refused_with_the_rule() {
    let many = format!("principals = [{}]", vec!["\"root\""; 257].join(","));
    for (lines, rule) in [
        (&["groups = []"][..], "at least one group"),
        (&["principals = []"], "1 to 256"),
        (&[many.as_str()], "1 to 256"),
        (&["factors = []"], "at least one factor"),
        (&["default_ttl = \"5h\""], "default_ttl must not be above max_ttl"),
        (&["force_command = \"\""], "one line"),
        (&["force_command = \"a\\nb\""], "one line"),
        (&["force_command = \"a\\u0000b\""], "one line"),
        (&["source_address = { networks = [] }"], "empty list"),
        (&["source_address = { networks = [\"10.0.0.0/8\", \"10.1.2.3/8\"] }"], "zeroes"),
        (&["source_address = { networks = [\"2001:db8::1/32\"] }"], "zeroes"),
        (&["key_kinds = []"], "key_kinds"),
        (&["verify_required = true", "key_kinds = [\"ed25519\", \"rsa\"]"], "sk- kind"),
    ] {
        let error = policy_text(lines).parse::<Policy>().unwrap_err();
        let PolicyError::Profile { profile, rule: found } = &error else { panic!("{error}") };
        assert!(profile.as_str() == "dev" && found.contains(rule), "{lines:?}: {error}");
    }
}

#[test]
fn what_does_not_contradict_is_taken() {
    for lines in [
        &["verify_required = true"][..],
        &["verify_required = true", "key_kinds = [\"ed25519\", \"sk-ed25519\"]"],
        &["source_address = { networks = [\"10.0.0.0/8\", \"192.0.2.1/32\", \"::/0\"] }"],
        &["default_ttl = \"4h\""],
        &["extensions = []"],
    ] {
        assert!(policy_text(lines).parse::<Policy>().is_ok(), "{lines:?}");
    }
    let policy = support::policy(&[]);
    let (_, profile) = policy.profiles().next().unwrap();
    assert_eq!(profile.source_address, SourceAddress::Any);
    assert!(profile.extensions.is_empty() && !profile.verify_required && profile.force_command.is_none());
}

#[test]
fn a_profile_is_defined_once() {
    let twice = policy_text(&[]).repeat(2);
    assert!(matches!(twice.parse::<Policy>(), Err(PolicyError::Syntax(_))));
    let twice = policy_text(&["max_ttl = \"4h\"", "max_ttl = \"8h\""]);
    assert!(matches!(twice.parse::<Policy>(), Err(PolicyError::Syntax(_))));
    let bad_name = policy_text(&[]).replace("profiles.dev", "profiles.Dev");
    assert!(matches!(bad_name.parse::<Policy>(), Err(PolicyError::Syntax(_))));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), key in "[a-z_]{1,12}", value in any::<String>()) {
        let _ = text.parse::<Policy>();
        let _ = policy_text(&[&format!("{key} = {value}")]).parse::<Policy>();
    }
}

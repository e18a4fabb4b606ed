//! What a policy may say, and what is refused before any decision is made with it.

use ca_core::policy::{FactorKind, Policy, PolicyError, PolicyFiles, Problem, SourceAddress};
use proptest::prelude::*;

use crate::support::{ENGINEERS, policy_text, read};

fn parse(profiles: &str) -> Result<Policy, PolicyError> {
    read(profiles, ENGINEERS)
}

fn error_of(lines: &[&str]) -> String {
    problem(&policy_text(lines)).to_string()
}

fn problem(profiles: &str) -> Problem {
    parse(profiles).unwrap_err().problems()[0].clone()
}

/// The shipped policy.
fn shipped() -> PolicyFiles {
    PolicyFiles {
        profiles: include_str!("../../../../policies/profiles.toml").to_owned(),
        rules: include_str!("../../../../policies/rules.cedar").to_owned(),
        cases: None,
    }
}

#[test]
fn the_shipped_policy_parses_without_a_warning() {
    let policy = Policy::read(&shipped()).unwrap();
    let names: Vec<&str> = policy.profiles().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["backup", "dev", "prod-root", "prod-web"]);
    assert_eq!(policy.warnings(), []);
    assert!(policy.profile(&"prod-root".parse().unwrap()).unwrap().require_reason);
}

#[test]
fn the_identity_is_the_hash_of_both_files_and_their_text_reads_back() {
    let policy = |profiles: &str, rules: &str| read(profiles, rules).unwrap();
    let (profiles, rules) = (policy_text(&[]), ENGINEERS);
    let one = policy(&profiles, rules);
    let again: Policy = one.text().parse().unwrap();
    assert!(again.id() == one.id() && again.text() == one.text());
    assert_ne!(one.id(), policy(&(profiles.clone() + "\n"), rules).id());
    assert_ne!(one.id(), policy(&profiles, &format!("{rules} ")).id());
    assert_ne!(policy(&format!("{profiles}# "), "").id(), policy(&profiles, "").id());
    assert_eq!(
        policy("", "").text(),
        "countersign policy v1\nprofiles.toml 0\n\nrules.cedar 0\n\n",
        "the form is fixed: logs hold it"
    );
    let text = one.text();
    for wrong in [
        "",
        &profiles,
        &text.replace(" v1", " v2"),
        &text.replacen("profiles.toml ", "profiles.toml 0", 1),
        &text.replacen("profiles.toml ", "profiles.toml +", 1),
        &format!("{text}\n"),
        text.trim_end(),
    ] {
        assert!(wrong.parse::<Policy>().is_err(), "{wrong}");
    }
}

#[test]
fn who_comes_from_the_old_form_is_told_where_things_are_now() {
    let error = error_of(&["groups = [\"engineers\"]"]);
    assert!(error.contains("line 8") && error.contains("rules.cedar now"), "{error}");
    let error = problem(&format!("officers = [\"o\"]\n{}", policy_text(&[]))).to_string();
    assert!(error.contains("line 1") && error.contains("rules.cedar now"), "{error}");
    let none = PolicyFiles::read(|name| Ok((name == "profiles.toml").then(String::new))).unwrap_err();
    assert!(none.to_string().contains("rules.cedar") && none.to_string().contains("permit"), "{none}");
}

#[test]
fn strength_stands_for_the_kinds_of_factor_that_have_it() {
    let factors = |strength: &str| {
        let line = format!("factor_strength = \"{strength}\"");
        let policy = crate::support::policy(&[&line, "factors = []"]);
        policy.profiles().next().unwrap().1.factors.clone()
    };
    assert_eq!(factors("phishing-resistant"), [FactorKind::Webauthn].into());
    let standard = [FactorKind::Totp, FactorKind::Yubikey, FactorKind::Webauthn];
    assert_eq!(factors("standard"), standard.into());
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
        assert!(error.contains("line 8") && error.contains(name), "{error}");
    }
    let error = problem(&format!("{}[defaults]\nmax_ttl = \"1h\"\n", policy_text(&[])));
    assert!(error.line == Some(8) && error.what.contains("defaults"), "{error}");
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
        "principals = [{ group = \"a b\", account = \"root\" }]",
        "principals = [{ group = \"admins\" }]",
        "factor_strength = \"good\"",
        "ticket_pattern = \"\"",
        "ticket_pattern = \".*\"",
        "ticket_pattern = \"(\"",
        "ticket_pattern = \"(?u)x\"",
        "ticket_pattern = \"[0-9]{1,1000}{1,1000}\"",
        "max_ttl = \"0s\"",
        "max_ttl = \"32d\"",
        "max_ttl = 3600",
        "max_ttl = \"-1h\"",
        "verify_required = \"yes\"",
    ] {
        let error = problem(&policy_text(&[line]));
        assert!(error.line == Some(8) || error.line == Some(7), "{line}: {error}");
    }
}

#[test]
fn what_must_be_said_cannot_be_left_out() {
    let text = policy_text(&[]);
    for key in ["description", "principals", "default_ttl", "max_ttl", "factors", "login_max_age"] {
        let without: String = text.split_inclusive('\n').filter(|l| !l.starts_with(key)).collect();
        let error = problem(&without).to_string();
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn contradictions_are_refused_with_the_rule() {
    let many = format!("principals = [{}]", vec!["\"root\""; 257].join(","));
    for (lines, rule) in [
        (&["principals = []"][..], "1 to 256"),
        (&["factor_strength = \"standard\""], "not both"),
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
        let error = problem(&policy_text(lines));
        assert!(error.line == Some(1) && error.what.contains("profile dev"), "{lines:?}: {error}");
        assert!(error.what.contains(rule), "{lines:?}: {error}");
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
        assert!(parse(&policy_text(lines)).is_ok(), "{lines:?}");
    }
    let policy = crate::support::policy(&[]);
    let (_, profile) = policy.profiles().next().unwrap();
    assert_eq!(profile.source_address, SourceAddress::Any);
    assert!(profile.extensions.is_empty() && !profile.verify_required && profile.force_command.is_none());
}

#[test]
fn a_profile_is_defined_once() {
    assert_eq!(problem(&policy_text(&[]).repeat(2)).line, Some(8));
    assert!(problem(&policy_text(&["max_ttl = \"4h\"", "max_ttl = \"8h\""])).line.is_some());
    assert_eq!(problem(&policy_text(&[]).replace("profiles.dev", "profiles.Dev")).line, Some(1));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), key in "[a-z_]{1,12}", value in any::<String>()) {
        let _ = text.parse::<Policy>();
        let _ = read(&policy_text(&[&format!("{key} = {value}")]), &text);
    }
}

//! The cases of the shipped policy, and that a case fails when it should.

use std::collections::BTreeSet;

use ca_core::policy::cases::Cases;
use ca_core::policy::{Policy, PolicyFiles};

use crate::support::{ENGINEERS, policy_text, read};

const SHIPPED: &str = include_str!("../../../../policies/cases.toml");

fn shipped() -> Policy {
    let files = PolicyFiles {
        profiles: include_str!("../../../../policies/profiles.toml").to_owned(),
        rules: include_str!("../../../../policies/rules.cedar").to_owned(),
        cases: None,
    };
    Policy::read(&files).unwrap()
}

#[test]
fn the_shipped_cases_hold() {
    let outcomes = Cases::read(SHIPPED).unwrap().run(&shipped());
    assert!(outcomes.len() >= 20);
    for outcome in outcomes {
        assert!(outcome.passed, "{outcome:?}");
    }
}

#[test]
fn the_shipped_cases_speak_of_every_profile_and_every_rule_changes_one() {
    let policy = shipped();
    let named: BTreeSet<&str> = SHIPPED.lines().filter_map(|line| line.strip_prefix("profile = ")).collect();
    for (name, _) in policy.profiles() {
        assert!(named.contains(format!("\"{name}\"").as_str()), "{name}");
    }
    let rules = include_str!("../../../../policies/rules.cedar");
    let cases = Cases::read(SHIPPED).unwrap();
    for id in policy.rule_ids() {
        let begin = rules.find(&format!("@id(\"{id}\")")).unwrap();
        let end = begin + rules[begin..].find(";\n").unwrap() + 2;
        let without = format!("{}{}", &rules[..begin], &rules[end..]);
        let changed = read(include_str!("../../../../policies/profiles.toml"), &without).unwrap();
        assert!(cases.check(&changed).is_err(), "no case notices that {id} is gone");
    }
}

#[test]
fn a_case_fails_when_the_verdict_the_reason_or_the_accounts_differ() {
    let policy = read(&policy_text(&[]), ENGINEERS).unwrap();
    let usual = "[[case]]\nname = \"a\"\nprofile = \"dev\"\ngroups = [\"engineers\"]\n";
    let run = |lines: &str| Cases::read(&format!("\n{usual}{lines}")).unwrap().run(&policy).remove(0);
    assert!(run("expect = \"granted\"\ngets = [\"ann\", \"deploy\"]").passed);
    for lines in [
        "expect = \"denied\"",
        "expect = \"granted\"\ngets = [\"ann\"]",
        "expect = \"granted\"\nbecause = \"never said\"",
        "disabled = true\nexpect = \"granted\"",
        "ttl = \"5h\"\nexpect = \"granted\"",
        "factor = \"sms\"\nexpect = \"granted\"",
        "factor = \"sms\"\nexpect = \"denied\"\nbecause = \"no rule\"",
        "action = \"approve\"\nexpect = \"granted\"",
        "at = \"noon\"\nexpect = \"granted\"",
        "action = \"dance\"\nexpect = \"granted\"",
        "accounts = []\nexpect = \"granted\"",
    ] {
        assert!(!run(lines).passed, "{lines}");
    }
    let error = Cases::read(&format!("\n{usual}expect = \"denied\"")).unwrap().check(&policy).unwrap_err();
    let words = "cases.toml line 2: case \"a\": expected denied, came granted: as ann,deploy for 2h";
    assert_eq!(error.to_string(), words);
}

#[test]
fn what_is_no_case_is_refused_with_its_line() {
    for text in
        ["[[case]]\nname = \"a\"\nexpect = \"maybe\"", "[[case]]\nname = \"a\"\nexpects = \"granted\""]
    {
        let error = Cases::read(text).unwrap_err();
        assert_eq!(error.problems()[0].line, Some(3), "{error}");
    }
    assert!(Cases::read("[[cases]]").is_err());
}

#[test]
fn every_kind_of_key_can_be_in_a_case() {
    let policy = read(&policy_text(&[]), ENGINEERS).unwrap();
    for kind in ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa", "sk-ed25519", "sk-ecdsa-p256"] {
        let text = format!(
            "[[case]]\nname = \"k\"\nprofile = \"dev\"\ngroups = [\"engineers\"]\nkey = \"{kind}\"\nexpect = \"granted\""
        );
        Cases::read(&text).unwrap().check(&policy).unwrap();
    }
}

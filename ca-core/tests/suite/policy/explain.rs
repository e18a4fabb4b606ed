//! What explains a denial: the remedies named take it away, and nothing is named that does not.

use std::collections::BTreeSet;

use ca_core::policy::explain::{Explanation, Remedy, explain};
use ca_core::policy::{Decision, Factor, FactorKind, Facts, KeyScope, Policy, decide};
use ca_core::request::CertRequest;
use ca_core::ssh::KeyKind;
use ca_core::time::UnixSeconds;

use crate::support::{ENGINEERS, certifiable, facts, now, policy_text, read, request};

const FORBID: &str = "@id(\"strong\") forbid (principal, action, resource) unless { context.factors.contains(Factor::\"webauthn\") };";
const OFFICE: &str = "@id(\"office\") forbid (principal, action, resource) unless { context.ip.isInRange(ip(\"10.0.0.0/8\")) };";
const HOURS: &str = "@id(\"hours\") forbid (principal, action, resource) when { context.hour == 13 };";
const NEVER: &str = "@id(\"frozen\") forbid (principal, action, resource);";
const FRESH: &str = "@id(\"fresh\") forbid (principal, action, resource) when { context.login_age > 300 };";

fn has(kinds: &[FactorKind]) -> BTreeSet<FactorKind> {
    kinds.iter().copied().collect()
}

fn explained(policy: &Policy, request: &CertRequest, facts: &Facts) -> Explanation {
    explain(policy, request, facts, &has(&[FactorKind::Totp]), now())
}

fn login(facts: &mut Facts, kind: FactorKind) {
    facts.session.factors = vec![Factor { kind, at: now() }];
    facts.session.key = None;
}

/// What is asked, the word of the denial, the remedies by their words, and the first of them carried out by hand.
type Case = (
    &'static [&'static str],
    &'static [&'static str],
    fn(&mut CertRequest, &mut Facts),
    &'static str,
    &'static [&'static str],
    fn(&mut CertRequest, &mut Facts),
);

const FACTOR: &[&str] = &["log in again with webauthn"];
const AGAIN: &[&str] = &["log in again with totp", "log in again with webauthn"];
/// What can be done by asking for something else, or logging in again.
fn of_the_request() -> Vec<Case> {
    vec![
        (
            &["factors = [\"webauthn\"]"],
            &[],
            |_, _| (),
            "factor-missing",
            FACTOR,
            |_, f| {
                login(f, FactorKind::Webauthn);
            },
        ),
        (
            &["login_max_age = \"5m\""],
            &[],
            |_, _| (),
            "login-too-old",
            AGAIN,
            |_, f| {
                login(f, FactorKind::Totp);
            },
        ),
        (
            &[],
            &[],
            |r, _| r.ttl = "5h".parse().ok(),
            "ttl-above-cap",
            &["ask for 4h at most"],
            |r, _| r.ttl = "4h".parse().ok(),
        ),
        (
            &[],
            &[],
            |r, _| r.principals = vec!["root".parse().unwrap(), "deploy".parse().unwrap()].try_into().ok(),
            "principal-not-granted",
            &["ask for no other account than deploy"],
            |r, _| r.principals = vec!["deploy".parse().unwrap()].try_into().ok(),
        ),
        (
            &["require_reason = true"],
            &[],
            |r, _| r.reason = None,
            "reason-missing",
            &["give a reason"],
            |r, _| r.reason = "because".parse().ok(),
        ),
        (
            &["ticket_pattern = \"CHG-[0-9]+\""],
            &[],
            |_, _| (),
            "ticket-missing",
            &["give a reason with a word like CHG-[0-9]+"],
            |r, _| r.reason = "CHG-7".parse().ok(),
        ),
    ]
}

/// What takes another key, account, group, place or policy.
fn of_the_asker() -> Vec<Case> {
    vec![
        (
            &["key_kinds = [\"rsa\"]"],
            &[],
            |_, _| (),
            "key-kind",
            &["ask with a key of type ssh-rsa"],
            |r, _| r.key = certifiable(KeyKind::Rsa),
        ),
        (
            &[],
            &[],
            |_, f| f.key_revoked = true,
            "key-revoked",
            &["ask with a key that was not revoked"],
            |_, f| f.key_revoked = false,
        ),
        (
            &[],
            &[],
            |r, _| r.user = "bob".parse().unwrap(),
            "other-user",
            &["ask as ann, who is logged in"],
            |r, _| r.user = "ann".parse().unwrap(),
        ),
        (
            &[],
            &[],
            |_, f| f.user.enabled = false,
            "user-disabled",
            &["have an officer switch the account ann on"],
            |_, f| f.user.enabled = true,
        ),
        (
            &[],
            &[],
            |_, f| f.user.groups.clear(),
            "not-permitted",
            &["have an officer put you into the group engineers"],
            |_, f| f.user.groups.extend(["engineers".parse().unwrap()]),
        ),
        (
            &["principals = [{ group = \"operators\", account = \"root\" }]"],
            &[],
            |_, _| (),
            "no-principal",
            &["have an officer put you into the group operators"],
            |_, f| f.user.groups.extend(["operators".parse().unwrap()]),
        ),
        (
            &[],
            &[],
            |r, _| r.profile = "prod".parse().unwrap(),
            "no-such-profile",
            &["ask for dev instead"],
            |r, _| r.profile = "dev".parse().unwrap(),
        ),
        (&[], &[FORBID], |_, _| (), "forbidden", FACTOR, |_, f| login(f, FactorKind::Webauthn)),
        (
            &[],
            &[OFFICE],
            |_, _| (),
            "forbidden",
            &["ask from an address in 10.0.0.0/8"],
            |_, f| f.source.ip = "10.7.7.7".parse().unwrap(),
        ),
        (&[], &[FRESH], |_, _| (), "forbidden", AGAIN, |_, f| login(f, FactorKind::Totp)),
        (&[], &[NEVER], |_, _| (), "forbidden", &[], |_, _| ()),
    ]
}

#[test]
fn every_remedy_that_is_named_takes_its_denial_away() {
    let cases = of_the_request().into_iter().chain(of_the_asker());
    for (at, (lines, rules, change, code, remedies, fix)) in cases.enumerate() {
        let policy = read(&policy_text(lines), &format!("{ENGINEERS}{}", rules.join("\n"))).unwrap();
        let (mut request, mut facts) = (request(KeyKind::Ed25519), facts());
        change(&mut request, &mut facts);
        let found = explained(&policy, &request, &facts);
        let [one] = &found.denials[..] else { panic!("case {at}: {found:?}") };
        assert_eq!(one.denial.code(), code, "case {at}");
        let words: Vec<String> = one.remedies.iter().map(ToString::to_string).collect();
        assert_eq!(words, remedies, "case {at}");
        fix(&mut request, &mut facts);
        let after = decide(&policy, &request, &facts, now());
        assert_eq!(matches!(after, Decision::Grant(_)), !remedies.is_empty(), "case {at}: {after:?}");
        assert_eq!(found.together.is_some(), !remedies.is_empty(), "case {at}");
    }
}

#[test]
fn an_api_key_is_told_its_networks_and_that_a_person_could_log_in() {
    let mut facts = facts();
    facts.session.factors[0].kind = FactorKind::ApiKey;
    facts.session.key = Some(KeyScope {
        profiles: ["dev".parse().unwrap()].into(),
        networks: vec!["10.1.0.0/16".parse().unwrap()],
        expires_at: now().plus_secs(60),
    });
    let policy = read(&policy_text(&["factors = [\"api-key\", \"totp\"]"]), ENGINEERS).unwrap();
    let found = explained(&policy, &request(KeyKind::Ed25519), &facts);
    let [one] = &found.denials[..] else { panic!("{found:?}") };
    assert_eq!(one.denial.code(), "api-key-source");
    let words: Vec<String> = one.remedies.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["log in again with totp", "ask from an address in 10.1.0.0/16"]);
}

#[test]
fn the_next_time_at_which_rules_permit_it_is_found() {
    // Thirteen o'clock is when the tests are.
    let hour = now().0 / 3600 % 24;
    let rule = HOURS.replace("13", &hour.to_string());
    let policy = read(&policy_text(&["login_max_age = \"11m\""]), &format!("{ENGINEERS}{rule}")).unwrap();
    let found = explained(&policy, &request(KeyKind::Ed25519), &facts());
    let [one] = &found.denials[..] else { panic!("{found:?}") };
    let next = UnixSeconds((now().0 / 3600 + 1) * 3600);
    assert_eq!(one.remedies, [Remedy::At(next)]);
    let mut later = facts();
    later.session.factors[0].at = next;
    assert!(matches!(decide(&policy, &request(KeyKind::Ed25519), &later, next), Decision::Grant(_)));
}

#[test]
fn each_rule_is_explained_by_itself_and_the_fewest_remedies_serve_all() {
    let rules = format!("{ENGINEERS}{FORBID}{FRESH}{OFFICE}");
    let lines = ["factors = [\"totp\", \"webauthn\"]", "login_max_age = \"5m\"", "require_reason = true"];
    let policy = read(&policy_text(&lines), &rules).unwrap();
    let mut request = request(KeyKind::Ed25519);
    (request.reason, request.ttl) = (None, "9h".parse().ok());
    let found = explained(&policy, &request, &facts());
    let codes: Vec<_> = found.denials.iter().map(|one| one.denial.code()).collect();
    assert_eq!(
        codes,
        ["forbidden", "forbidden", "forbidden", "login-too-old", "ttl-above-cap", "reason-missing"]
    );
    assert!(found.denials.iter().all(|one| !one.remedies.is_empty()), "{found:?}");
    let together = found.together.unwrap();
    // One login with what the account does not have yet serves three denials; one with what it has serves two.
    assert!(together.remedies.contains(&Remedy::LogIn(FactorKind::Webauthn)), "{together:?}");
    assert_eq!(together.remedies.len(), 4, "{together:?}");
    assert!(matches!(together.decision, Decision::Grant(_)), "{together:?}");
}

#[test]
fn what_is_forbidden_without_remedy_has_none_together_either() {
    let policy = read(&policy_text(&[]), &format!("{ENGINEERS}{NEVER}")).unwrap();
    let mut request = request(KeyKind::Ed25519);
    request.ttl = "9h".parse().ok();
    let found = explained(&policy, &request, &facts());
    let remedies: Vec<usize> = found.denials.iter().map(|one| one.remedies.len()).collect();
    assert_eq!(remedies, [0, 1]);
    assert!(found.together.is_none());
}

#[test]
fn a_remedy_may_end_in_waiting_for_people() {
    let lines = ["approvals = { count = 1, groups = [\"leads\"], wait = \"1h\" }", "login_max_age = \"5m\""];
    let policy = read(&policy_text(&lines), ENGINEERS).unwrap();
    let together = explained(&policy, &request(KeyKind::Ed25519), &facts()).together.unwrap();
    assert!(matches!(together.decision, Decision::NeedsApproval(_)), "{together:?}");
    let mut facts = facts();
    login(&mut facts, FactorKind::Totp);
    let found = explained(&policy, &request(KeyKind::Ed25519), &facts);
    assert!(matches!(found.decision, Decision::NeedsApproval(_)) && found.denials.is_empty());
}

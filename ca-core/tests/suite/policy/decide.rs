//! The decision: every rule says no by itself, and what is granted is within both profile and request.

use std::net::IpAddr;

use ca_core::cert::value_text;
use ca_core::issuance::Grant;
use ca_core::policy::{BACKDATE_SECS, Decision, Denial, Factor, FactorKind, Facts, Policy, decide};
use ca_core::request::CertRequest;
use ca_core::ssh::KeyKind;
use ca_core::time::{Ttl, UnixSeconds};
use proptest::prelude::*;

use crate::support::{KINDS, certifiable, facts, now, policy, policy_text, read, request};

fn denials(policy: &Policy, request: &CertRequest, facts: &Facts) -> Vec<Denial> {
    match decide(policy, request, facts, now()) {
        Decision::Grant(_) | Decision::NeedsApproval(_) => Vec::new(),
        Decision::Deny(denials) => {
            assert_eq!(denials.policy, policy.id());
            assert!(!denials.reasons.is_empty() && !denials.to_string().is_empty());
            denials.reasons
        }
    }
}

fn grant(policy: &Policy, request: &CertRequest, facts: &Facts) -> Grant {
    match decide(policy, request, facts, now()) {
        Decision::Grant(grant) => *grant,
        Decision::NeedsApproval(quorum) => panic!("{quorum}"),
        Decision::Deny(denials) => panic!("{denials}"),
    }
}

fn option<'a>(grant: &'a Grant, name: &str) -> Option<&'a str> {
    grant.critical_options.get(name).map(|data| value_text(data).unwrap())
}

type Case = (&'static [&'static str], fn(&mut CertRequest), fn(&mut Facts), fn(&Denial) -> bool);

#[test]
fn every_rule_says_no_by_itself() {
    let cases: [Case; 16] = [
        (&[], |r| r.user = "bob".parse().unwrap(), |_| (), |d| matches!(d, Denial::OtherUser { .. })),
        (&[], |_| (), |f| f.user.enabled = false, |d| matches!(d, Denial::UserDisabled { .. })),
        (
            &[],
            |_| (),
            |f| f.user.reduced_until = Some(now().plus_secs(1)),
            |d| matches!(d, Denial::Recovered { .. }),
        ),
        (&[], |r| r.profile = "prod".parse().unwrap(), |_| (), |d| matches!(d, Denial::NoSuchProfile { .. })),
        (
            &["principals = [{ group = \"operators\", account = \"root\" }]"],
            |_| (),
            |_| (),
            |d| matches!(d, Denial::NoPrincipal { .. }),
        ),
        (&["ticket_pattern = \"CHG-[0-9]+\""], |_| (), |_| (), |d| matches!(d, Denial::TicketMissing { .. })),
        (
            &["ticket_pattern = \"INC-[0-9]+\""],
            |r| r.reason = None,
            |_| (),
            |d| matches!(d, Denial::ReasonMissing { .. }),
        ),
        (
            &["factor_strength = \"phishing-resistant\"", "factors = []"],
            |_| (),
            |_| (),
            |d| matches!(d, Denial::FactorMissing { .. }),
        ),
        (&[], |_| (), |f| f.user.groups.clear(), |d| matches!(d, Denial::NotPermitted { .. })),
        (&["factors = [\"webauthn\"]"], |_| (), |_| (), |d| matches!(d, Denial::FactorMissing { .. })),
        (&[], |_| (), |f| f.session.factors.clear(), |d| matches!(d, Denial::FactorMissing { .. })),
        (&["login_max_age = \"599s\""], |_| (), |_| (), |d| matches!(d, Denial::LoginTooOld { .. })),
        (&[], |r| r.ttl = Ttl::from_secs(4 * 3600 + 1), |_| (), |d| matches!(d, Denial::TtlAboveCap { .. })),
        (
            &[],
            |r| {
                r.principals =
                    Some(vec!["ann".parse().unwrap(), "root".parse().unwrap()].try_into().unwrap());
            },
            |_| (),
            |d| matches!(d, Denial::PrincipalNotGranted { principal, .. } if principal.as_str() == "root"),
        ),
        (&["key_kinds = [\"rsa\"]"], |_| (), |_| (), |d| matches!(d, Denial::KeyKind { .. })),
        (
            &["require_reason = true"],
            |r| r.reason = None,
            |_| (),
            |d| matches!(d, Denial::ReasonMissing { .. }),
        ),
    ];
    for (at, (lines, change_request, change_facts, is_it)) in cases.into_iter().enumerate() {
        let (mut request, mut facts) = (request(KeyKind::Ed25519), facts());
        change_request(&mut request);
        change_facts(&mut facts);
        let found = denials(&policy(lines), &request, &facts);
        assert!(found.len() == 1 && is_it(&found[0]), "case {at}: {found:?}");
    }
    assert_eq!(denials(&policy(&[]), &request(KeyKind::Ed25519), &facts()), []);
}

#[test]
fn every_reason_is_given_and_each_once() {
    let lines = [
        "factors = [\"webauthn\"]",
        "max_ttl = \"1m\"",
        "default_ttl = \"1m\"",
        "verify_required = true",
        "key_kinds = [\"sk-ed25519\"]",
        "require_reason = true",
    ];
    let (mut request, mut facts) = (request(KeyKind::Ed25519), facts());
    request.user = "bob".parse().unwrap();
    request.reason = None;
    request.principals = Some(vec!["root".parse().unwrap()].try_into().unwrap());
    facts.user.enabled = false;
    facts.user.groups.clear();
    let found = denials(&policy(&lines), &request, &facts);
    assert_eq!(found.len(), 8, "{found:?}");
}

#[test]
fn the_edges_of_login_age_and_lifetime_are_inside() {
    let (mut request, facts) = (request(KeyKind::Ed25519), facts());
    request.ttl = Ttl::from_secs(4 * 3600);
    let granted = grant(&policy(&["login_max_age = \"600s\""]), &request, &facts);
    assert_eq!(granted.ttl.secs(), 4 * 3600);
    assert_eq!(granted.valid_before, now().plus_secs(4 * 3600));
    assert_eq!(granted.valid_after, now().minus_secs(BACKDATE_SECS));
}

#[test]
fn a_factor_counts_only_for_the_profiles_that_take_it_and_while_it_is_fresh() {
    let fresh = Factor { kind: FactorKind::Sms, at: now() };
    let mut facts = facts();
    facts.session.factors = vec![fresh, Factor { kind: FactorKind::Totp, at: now().minus_secs(3601) }];
    let found = denials(&policy(&[]), &request(KeyKind::Ed25519), &facts);
    assert!(matches!(found[..], [Denial::LoginTooOld { .. }]), "a fresh SMS does not renew TOTP: {found:?}");
    facts.session.factors.push(Factor { kind: FactorKind::Webauthn, at: now() });
    assert_eq!(denials(&policy(&[]), &request(KeyKind::Ed25519), &facts), []);
}

#[test]
fn a9_a_verify_required_profile_takes_security_keys_and_says_so_in_the_certificate() {
    let policy =
        policy(&["verify_required = true", "extensions = [\"permit-pty\", \"permit-X11-forwarding\"]"]);
    for kind in KINDS {
        let request = request(kind);
        if kind.is_security_key() {
            let granted = grant(&policy, &request, &facts());
            assert_eq!(granted.critical_options.get("verify-required"), Some(&Vec::new()));
            assert!(!granted.extensions.contains_key("no-touch-required"));
        } else {
            assert!(matches!(denials(&policy, &request, &facts())[..], [Denial::KeyKind { .. }]), "{kind:?}");
        }
    }
}

#[test]
fn the_source_is_the_requesters_in_its_plain_form() {
    for (ip, expected) in [
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:0:0::1", "2001:db8::1/128"),
        ("::1", "::1/128"),
    ] {
        let mut facts = facts();
        facts.source.ip = ip.parse().unwrap();
        let granted = grant(&policy(&["source_address = \"requester\""]), &request(KeyKind::Ed25519), &facts);
        assert_eq!(option(&granted, "source-address"), Some(expected));
    }
    let lines = [
        "source_address = { networks = [\"10.0.0.0/8\", \"2001:db8::/32\"] }",
        "force_command = \"/bin/date -u\"",
    ];
    let granted = grant(&policy(&lines), &request(KeyKind::Ed25519), &facts());
    assert_eq!(option(&granted, "source-address"), Some("10.0.0.0/8,2001:db8::/32"));
    assert_eq!(option(&granted, "force-command"), Some("/bin/date -u"));
    assert!(grant(&policy(&[]), &request(KeyKind::Ed25519), &facts()).critical_options.is_empty());
}

#[test]
fn the_user_template_is_the_session_s_user() {
    let granted = grant(&policy(&[]), &request(KeyKind::Ed25519), &facts());
    assert_eq!(granted.principals.to_string(), "ann,deploy");
    assert_eq!(granted.key_id.as_str(), format!("ann@example.com/{}", request(KeyKind::Ed25519).id));
    assert_eq!(granted.key, request(KeyKind::Ed25519).key);
}

const MAPPED: &str = "{ group = \"operators\", account = \"dba\" }";

/// Any of these rules, some of which permit, forbid, or cannot be evaluated.
const RULES: [&str; 5] = [
    "@id(\"a\") permit (principal in Group::\"engineers\", action == Action::\"request\", resource == Profile::\"dev\");",
    "@id(\"b\") permit (principal in Group::\"operators\", action, resource);",
    "@id(\"c\") forbid (principal, action, resource) when { context.login_age > 3000 };",
    "@id(\"d\") forbid (principal in Group::\"others\", action, resource) when { context.login_age * 9223372036854775807 > 0 };",
    "@id(\"e\") permit (principal, action, resource) when { context.login_age * 9223372036854775807 > 0 };",
];

fn cases() -> impl Strategy<Value = (Vec<String>, Vec<&'static str>, CertRequest, Facts, u64)> {
    let subset = |names: &'static [&'static str]| prop::sample::subsequence(names, 1..=names.len());
    let quoted = |names: Vec<&str>| names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
    let lines = (
        subset(&[
            "\"{user}\"",
            "\"deploy\"",
            "\"root\"",
            "\"bob\"",
            MAPPED,
            "{ group = \"others\", account = \"{user}\" }",
        ]),
        any::<bool>(),
        (1..5_u64, 0..8_u64),
        prop::sample::subsequence(vec!["permit-pty", "permit-user-rc", "permit-X11-forwarding"], 0..=3),
        prop::sample::select(vec!["\"any\"", "\"requester\"", "{ networks = [\"10.0.0.0/8\"] }"]),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            move |(principals, ticket, (default, more), extensions, source, (verify, force, reason))| {
                let mut lines = vec![
                    format!("principals = [{}]", principals.join(",")),
                    format!("default_ttl = \"{default}h\""),
                    format!("max_ttl = \"{}h\"", default + more),
                    format!("extensions = [{}]", quoted(extensions)),
                    format!("source_address = {source}"),
                    format!("verify_required = {verify}"),
                    format!("require_reason = {reason}"),
                ];
                lines.extend(force.then(|| "force_command = \"/bin/true\"".to_owned()));
                lines.extend(ticket.then(|| "ticket_pattern = \"INC-[0-9]+\"".to_owned()));
                lines
            },
        );
    let requests = (
        prop::sample::select(&KINDS[..]),
        prop::option::of(1..50_000_u64),
        prop::option::of(subset(&["ann", "bob", "deploy", "root"])),
        any::<bool>(),
    )
        .prop_map(|(kind, ttl, principals, reason)| {
            let mut request = request(kind);
            request.ttl = ttl.and_then(Ttl::from_secs);
            request.principals = principals
                .map(|p| p.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap());
            request.reason = request.reason.filter(|_| reason);
            request
        });
    let groups = prop::sample::subsequence(vec!["engineers", "others", "operators"], 0..=3);
    let facts = (any::<bool>(), any::<u128>(), 0..5000_u64, groups).prop_map(|(enabled, ip, age, groups)| {
        let mut facts = facts();
        facts.user.groups = groups.iter().map(|group| group.parse().unwrap()).collect();
        facts.user.enabled = enabled || age % 2 == 0;
        facts.source.ip = IpAddr::V6(ip.into());
        facts.session.factors[0].at = now().minus_secs(age);
        facts
    });
    let rules = prop::sample::subsequence(RULES.to_vec(), 1..=RULES.len());
    (lines, rules, requests, facts, 0..5_u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_grant_is_within_profile_and_request((lines, rules, request, facts, later) in cases()) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let policy = read(&policy_text(&lines), &rules.join("\n")).unwrap();
        let profile = policy.profile(&request.profile).unwrap();
        let at = UnixSeconds(now().0 + later);
        let decision = decide(&policy, &request, &facts, at);
        prop_assert_eq!(&decision, &decide(&policy, &request.clone(), &facts.clone(), at), "deterministic");
        let Decision::Grant(granted) = decision else { return Ok(()) };

        prop_assert!(facts.user.enabled && request.user == facts.user.name);
        let in_group = |name: &str| facts.user.groups.iter().any(|group| group.as_str() == name);
        let age = at.0 - facts.session.factors[0].at.0;
        let applies = |id: &str| rules.iter().any(|rule| rule.starts_with(&format!("@id(\"{id}\")")));
        let permitted = (applies("a") && in_group("engineers"))
            || (applies("b") && in_group("operators"))
            || (applies("e") && age == 1);
        prop_assert!(permitted, "a rule permits it");
        prop_assert!(!(applies("c") && age > 3000), "no rule forbids it");
        prop_assert!(!(applies("d") && in_group("others") && age > 0), "no rule that may forbid it failed");
        prop_assert!(at.0 - facts.session.factors[0].at.0 <= profile.login_max_age.secs());
        for principal in granted.principals.iter() {
            prop_assert!(profile.principals.iter().any(|p| p.resolve(&facts.user).as_ref() == Some(principal)));
            prop_assert!(principal.as_str() != "dba" || in_group("operators"));
            prop_assert!(request.principals.iter().all(|asked| asked.iter().any(|p| p == principal)));
        }
        prop_assert_eq!(granted.ttl, request.ttl.unwrap_or(profile.default_ttl));
        prop_assert!(granted.ttl <= profile.max_ttl);
        prop_assert_eq!(granted.valid_before.0 - at.0, granted.ttl.secs());
        prop_assert_eq!(at.0 - granted.valid_after.0, BACKDATE_SECS);
        prop_assert_eq!(&granted.key, &request.key);
        prop_assert!(!profile.needs_reason() || request.reason.is_some());

        let names: Vec<&str> = profile.extensions.iter().map(|e| e.name()).collect();
        prop_assert!(granted.extensions.iter().all(|(n, v)| v.is_empty() && names.contains(&n.as_str())));
        prop_assert_eq!(granted.extensions.len(), names.len());
        let wanted = [
            ("force-command", profile.force_command.is_some()),
            ("source-address", lines.iter().any(|l| l.starts_with("source_address") && !l.contains("any"))),
            ("verify-required", profile.verify_required),
        ];
        for (name, there) in wanted {
            prop_assert_eq!(granted.critical_options.contains_key(name), there, "{}", name);
        }
        prop_assert_eq!(granted.critical_options.len(), wanted.iter().filter(|w| w.1).count());
        prop_assert!(!profile.verify_required || request.key.key().kind().is_security_key());
        if lines.iter().any(|l| l.contains("requester")) {
            let address = option(&granted, "source-address").unwrap();
            let network: ipnet::IpNet = address.parse().unwrap();
            prop_assert_eq!(network.addr(), facts.source.ip.to_canonical());
            prop_assert_eq!(network.prefix_len(), network.max_prefix_len());
        }
        prop_assert_eq!(certifiable(request.key.key().kind()), granted.key);
    }
}

#[test]
fn a_recovered_account_gets_what_says_so_until_its_time_is_over() {
    let mut facts = facts();
    facts.user.reduced_until = Some(now().plus_secs(1));
    grant(&policy(&["after_recovery = true"]), &request(KeyKind::Ed25519), &facts);
    facts.user.reduced_until = Some(now());
    grant(&policy(&[]), &request(KeyKind::Ed25519), &facts);
    // Logs of before there were recoveries say nothing of it, and read the same.
    facts.user.reduced_until = None;
    assert!(!serde_json::to_string(&facts).unwrap().contains("reduced"));
}

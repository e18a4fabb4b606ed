//! The rules: what is refused when they are read, and what they say, above all when something goes wrong.

use ca_core::policy::{Action, Decision, Denial, Factor, FactorKind, Facts, KeyScope, Verdict, decide};
use ca_core::ssh::KeyKind;
use ca_core::time::UnixSeconds;

use crate::support::{ENGINEERS, facts, now, policy_text, read, request, ruled};

fn verdict(rules: &str, facts: &Facts, at: UnixSeconds) -> Verdict {
    ruled(rules).ask(Action::Request, Some(&"dev".parse().unwrap()), facts, at)
}

fn permitted(rules: &str, facts: &Facts, at: UnixSeconds) -> bool {
    verdict(rules, facts, at).is_permitted()
}

fn error_of(rules: &str) -> String {
    read(&policy_text(&[]), rules).unwrap_err().to_string()
}

#[test]
fn a_wrong_rule_is_refused_with_its_line_and_a_hint() {
    for (rules, line, words) in [
        ("\n\npermit (principal, action, resource);", 3, "Write @id("),
        ("@id(\"A b\")\npermit (principal, action, resource);", 1, "no name for a rule"),
        (
            "@id(\"a\") permit (principal, action, resource);\n\n@id(\"a\") forbid (principal, action, resource);",
            3,
            "two rules",
        ),
        ("@id(\"a\")\npermit (principal, action, resource == Profile::\"deb\");", 2, "Did you mean \"dev\"?"),
        ("@id(\"a\")\npermit (principal, action, resource == Profile::\"production\");", 2, "There are dev"),
        (
            "@id(\"a\") permit (principal, action,\nresource) when { resource == Profile::\"x\" };",
            2,
            "no profile \"x\"",
        ),
        ("@id(\"a\")\npermit (principal, action == Action::\"reqest\", resource);", 2, "reqest"),
        ("@id(\"a\")\npermit (principal in Group::\"Web Admins\",\naction, resource);", 2, "group name"),
        ("@id(\"a\")\npermit (principal == User::\"Ann\", action, resource);", 2, "user name"),
        ("@id(\"a\") permit (principal, action, resource)\nwhen { context.huor > 3 };", 2, "huor"),
        (
            "@id(\"a\") permit (principal, action, resource)\nwhen { context.weekday == Weekday::\"caturday\" };",
            2,
            "caturday",
        ),
        (
            "@id(\"a\") permit (principal, action, resource)\nwhen { context.factors.contains(Factor::\"password\") };",
            2,
            "password",
        ),
        (
            "@id(\"a\") permit (principal, action, resource)\nwhen { context.ip.isInRange(ip(\"10.0.0.0/33\")) };",
            2,
            "ip",
        ),
        ("@id(\"a\") permit (principal, action, resource)\nwhen { context.hour > \"3\" };", 2, "type"),
        ("@id(\"a\") permit (principal == ?principal, action, resource);", 1, "template"),
        ("@id(\"a\") permit (principal, action, resource)\nwhen {;", 2, "unexpected"),
        ("@id(\"a\") permit (principal is Robot, action, resource);", 1, "Robot"),
    ] {
        let error = error_of(rules);
        assert!(error.starts_with(&format!("rules.cedar line {line}: ")), "{rules}\n{error}");
        assert!(error.to_lowercase().contains(&words.to_lowercase()), "{rules}\n{error}");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let error = error_of(
        "@id(\"a\") permit (principal, action, resource == Profile::\"x\");\n\
         @id(\"b\") permit (principal, action, resource) when { context.wrong };",
    );
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn what_can_never_match_and_what_nobody_can_have_is_a_warning() {
    let warnings =
        |rules: &str| ruled(rules).warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(warnings(ENGINEERS), "");
    assert!(warnings("").contains("no rule permits anybody to request dev"));
    let never = format!("{ENGINEERS}@id(\"never\")\npermit (principal, action, resource) when {{ false }};");
    assert!(warnings(&never).contains("line 2"), "{}", warnings(&never));
}

#[test]
fn nothing_is_permitted_unless_a_rule_says_so() {
    for action in Action::ALL {
        for on in [None, Some("dev".parse().unwrap()), Some("none".parse().unwrap())] {
            assert!(!ruled("").permits(action, on.as_ref(), &facts(), now()), "{action}");
        }
    }
    let everything = ruled("@id(\"all\") permit (principal, action, resource);");
    for action in Action::ALL {
        let (dev, none) = ("dev".parse().unwrap(), "none".parse().unwrap());
        let about_profile = action.is_about_a_profile();
        assert_eq!(everything.permits(action, Some(&dev), &facts(), now()), about_profile, "{action}");
        assert_eq!(everything.permits(action, None, &facts(), now()), !about_profile, "{action}");
        assert!(!everything.permits(action, Some(&none), &facts(), now()), "{action}");
        let mut off = facts();
        off.user.enabled = false;
        assert!(!everything.permits(action, about_profile.then_some(&dev), &off, now()), "{action}");
        // Who was recovered not long ago asks for themselves, and decides nothing about others.
        let mut recovered = facts();
        recovered.user.reduced_until = Some(now().plus_secs(1));
        let permitted = everything.permits(action, about_profile.then_some(&dev), &recovered, now());
        assert_eq!(permitted, action == Action::Request, "{action}");
    }
}

#[test]
fn forbid_wins_wherever_its_scope_puts_it() {
    for scope in [
        "principal, action, resource",
        "principal == User::\"ann\", action, resource",
        "principal in Group::\"others\", action, resource",
        "principal is User in Group::\"others\", action == Action::\"request\", resource",
        "principal, action in [Action::\"request\", Action::\"approve\"], resource is Profile",
        "principal, action == Action::\"request\", resource == Profile::\"dev\"",
    ] {
        let rules = format!("{ENGINEERS}@id(\"no\") forbid ({scope});");
        let Verdict::Forbidden { by } = verdict(&rules, &facts(), now()) else { panic!("{scope}") };
        assert_eq!(by.iter().map(ToString::to_string).collect::<Vec<_>>(), ["no"]);
    }
    for scope in [
        "principal == User::\"bob\", action, resource",
        "principal in Group::\"operators\", action, resource",
        "principal, action == Action::\"approve\", resource",
        "principal, action in [Action::\"approve\"], resource",
        "principal, action, resource is Authority",
    ] {
        assert!(permitted(&format!("{ENGINEERS}@id(\"no\") forbid ({scope});"), &facts(), now()), "{scope}");
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_never_lets_in() {
    let overflow = "context.login_age * 9223372036854775807 > 0";
    let missing = "User::\"bob\".email == principal.email";
    for condition in [overflow, missing] {
        let permit = format!("@id(\"broken\") permit (principal, action, resource) when {{ {condition} }};");
        assert_eq!(verdict(&permit, &facts(), now()), Verdict::NotPermitted, "{condition}");
        let forbid = format!(
            "{ENGINEERS}@id(\"broken\") forbid (principal, action, resource) when {{ {condition} }};"
        );
        let Verdict::Failed { rules } = verdict(&forbid, &facts(), now()) else { panic!("{condition}") };
        assert_eq!(rules.iter().map(ToString::to_string).collect::<Vec<_>>(), ["broken"]);
        let unless = format!(
            "{ENGINEERS}@id(\"broken\") forbid (principal, action, resource) unless {{ {condition} }};"
        );
        assert!(!permitted(&unless, &facts(), now()), "{condition}");
        // Another rule permits by itself: a permit that fails takes nothing from it.
        assert!(permitted(&format!("{ENGINEERS}{permit}"), &facts(), now()), "{condition}");
    }
    assert!(!permitted(ENGINEERS, &facts(), UnixSeconds(u64::MAX)), "a time beyond the calendar");
}

#[test]
fn a_denial_names_the_rule() {
    let rules = format!("{ENGINEERS}@id(\"not-on-mondays\") forbid (principal, action, resource);");
    let Decision::Deny(denials) = decide(&ruled(&rules), &request(KeyKind::Ed25519), &facts(), now()) else {
        panic!("granted")
    };
    assert!(matches!(denials.reasons[..], [Denial::Forbidden { .. }]));
    assert_eq!(denials.to_string(), "rule not-on-mondays forbids dev");
}

#[test]
fn rules_see_where_when_and_how() {
    let when = |condition: &str, facts: &Facts, at: u64| {
        let rule = format!("@id(\"r\") permit (principal, action, resource) when {{ {condition} }};");
        permitted(&rule, facts, UnixSeconds(at))
    };
    // Thursday, 1 January 1970; Saturday, 28 February 2026, 23:59:59.
    let (thursday, saturday) = (0, 1_772_323_199);
    let facts = facts();
    for (condition, at, expected) in [
        ("context.weekday == Weekday::\"thursday\" && context.hour == 0", thursday, true),
        ("context.weekday == Weekday::\"saturday\" && context.hour == 23", saturday, true),
        ("context.weekday in [Weekday::\"saturday\", Weekday::\"sunday\"]", saturday, true),
        ("context.weekday in [Weekday::\"saturday\", Weekday::\"sunday\"]", saturday + 86_401, false),
        ("context.now < datetime(\"2026-03-01T00:00:00Z\")", saturday, true),
        ("context.now < datetime(\"2026-03-01T00:00:00Z\")", saturday + 1, false),
        ("context.ip.isInRange(ip(\"192.0.2.0/24\")) && context.ip.isIpv4()", saturday, true),
        ("context.ip.isLoopback()", saturday, false),
        ("context.factors.contains(Factor::\"totp\") && !context.api_key", saturday, true),
        ("context.factors.contains(Factor::\"webauthn\")", saturday, false),
        ("principal.name == \"ann\" && principal.email like \"*@example.com\"", saturday, true),
        ("resource is Profile && resource.kind == Kind::\"user\"", saturday, true),
        ("principal in Group::\"others\"", saturday, true),
        ("context has ip && context[\"hour\"] == 23", saturday, true),
        ("context has \"i\\u{70}\" && context[\"ho\\u{75}r\"] == 23", saturday, true),
    ] {
        assert_eq!(when(condition, &facts, at), expected, "{condition} at {at}");
    }
    let mut mapped = facts.clone();
    mapped.source.ip = "::ffff:192.0.2.7".parse().unwrap();
    assert!(when("context.ip == ip(\"192.0.2.7\")", &mapped, saturday));
    let mut robot = facts.clone();
    let expires_at = UnixSeconds(u64::MAX);
    robot.session.key = Some(KeyScope { profiles: [].into(), networks: Vec::new(), expires_at });
    assert!(when("context.api_key", &robot, saturday));
}

#[test]
fn the_age_of_a_login_is_that_of_its_oldest_factor() {
    let age = |factors: &[(FactorKind, u64)], secs: u64| {
        let mut facts = facts();
        let at = |age: u64| now().minus_secs(age);
        facts.session.factors =
            factors.iter().map(|(kind, age)| Factor { kind: *kind, at: at(*age) }).collect();
        let rule = format!(
            "@id(\"r\") permit (principal, action, resource) when {{ context.login_age <= {secs} }};"
        );
        permitted(&rule, &facts, now())
    };
    assert!(age(&[(FactorKind::Totp, 600)], 600) && !age(&[(FactorKind::Totp, 601)], 600));
    assert!(!age(&[(FactorKind::Webauthn, 601), (FactorKind::Sms, 5)], 600), "a fresh one renews no other");
    assert!(!age(&[], i64::MAX as u64 - 1), "without a factor there is no login");
}

//! Certificates for hosts: what is asked for, who gets it, and that nothing of it can pass for a person's (H4).

use ca_core::cert::CertKind;
use ca_core::host_request::{CheckedHostRequest, HostRequest, NAMESPACE};
use ca_core::issuance::{Cas, HostCa, HostGrant, Precert, UserCa};
use ca_core::names::{HostName, KeyId, RequestId, Serial};
use ca_core::policy::{
    BACKDATE_SECS, Denial, Factor, FactorKind, Facts, HostDenial, KeyScope, Policy, decide_host,
};
use ca_core::ssh::KeyKind;
use ca_core::time::Ttl;
use proptest::prelude::*;

use crate::support::keys::{key, prove_as};
use crate::support::{KINDS, NOW, ORIGIN, certifiable, now, policy_text};

/// A policy of one host profile, `db`, with these lines instead of or besides the usual ones.
fn policy(lines: &[&str]) -> Policy {
    policy_of(lines).unwrap()
}

fn policy_of(lines: &[&str]) -> Result<Policy, String> {
    let usual = [
        "description = \"test\"",
        "names = [\"*.db.example.com\", \"db.example.com\", \"10.1.0.0/16\"]",
        "default_ttl = \"168h\"",
        "max_ttl = \"336h\"",
        "factors = [\"totp\"]",
        "login_max_age = \"1h\"",
    ];
    let key = |line: &str| line.split(' ').next().map(str::to_owned);
    let kept = usual.iter().filter(|line| !lines.iter().any(|l| key(l) == key(line)));
    let all: Vec<&str> = kept.chain(lines).copied().collect();
    read_profiles(&format!("[host_profiles.db]\n{}\n", all.join("\n")))
}

fn read_profiles(profiles: &str) -> Result<Policy, String> {
    let rules = "@id(\"officers\") \
        permit (principal in Group::\"officers\", action == Action::\"certify-host\", resource); \
        @id(\"enrollers\") \
        permit (principal in Group::\"host-enrollers\", action == Action::\"certify-host\", resource);";
    crate::support::read(profiles, rules).map_err(|error| error.to_string())
}

fn request() -> HostRequest {
    HostRequest {
        authority: ORIGIN.parse().unwrap(),
        id: RequestId::from_parts(NOW, 7),
        user: "ann".parse().unwrap(),
        profile: "db".parse().unwrap(),
        ttl: None,
        names: "db1.db.example.com,10.1.2.3".parse().unwrap(),
        key: certifiable(KeyKind::Ed25519),
        reason: None,
    }
}

fn facts() -> Facts {
    let mut facts = crate::support::facts();
    facts.user.groups = ["officers".parse().unwrap()].into();
    facts
}

/// Signs as the key in the request should.
fn proof(request: &HostRequest) -> String {
    prove_as(key(request.key.key().kind()), NAMESPACE, &request.to_text())
}

fn checked(request: &HostRequest) -> CheckedHostRequest {
    CheckedHostRequest::verify(request.clone(), Some(proof(request))).unwrap()
}

fn grant(policy: &Policy, request: &HostRequest, facts: &Facts) -> HostGrant {
    decide_host(policy, &checked(request), facts, now()).unwrap_or_else(|denials| panic!("{denials}"))
}

fn denials(policy: &Policy, request: &HostRequest, facts: &Facts) -> Vec<Denial> {
    let unsigned = CheckedHostRequest::verify(request.clone(), None).unwrap();
    decide_host(policy, &unsigned, facts, now()).map_or_else(|denials| denials.reasons, |_| Vec::new())
}

fn ca(kind: KeyKind) -> HostCa {
    HostCa::new(key(kind).public().clone())
}

#[test]
fn what_is_granted_is_what_was_asked_for() {
    let grant = grant(&policy(&[]), &request(), &facts());
    assert_eq!(grant.names, request().names);
    assert_eq!(grant.key, request().key);
    assert_eq!(grant.key_id.as_str(), format!("host/db1.db.example.com/{}", request().id));
    assert_eq!(grant.valid_after, now().minus_secs(BACKDATE_SECS));
    assert_eq!(grant.valid_before, now().plus_secs(168 * 3600));
}

type Case = (&'static [&'static str], fn(&mut HostRequest), fn(&mut Facts), fn(&Denial) -> bool);

#[test]
fn every_rule_says_no_by_itself() {
    let cases: [Case; 13] = [
        (&[], |r| r.user = "bob".parse().unwrap(), |_| (), |d| matches!(d, Denial::OtherUser { .. })),
        (
            &[],
            |r| r.profile = "web".parse().unwrap(),
            |_| (),
            |d| matches!(d, Denial::Host(HostDenial::NoSuchProfile { .. })),
        ),
        (&[], |_| (), |f| f.user.groups.clear(), |d| matches!(d, Denial::NotPermitted { .. })),
        (&["factors = [\"webauthn\"]"], |_| (), |_| (), |d| matches!(d, Denial::FactorMissing { .. })),
        (&["login_max_age = \"599s\""], |_| (), |_| (), |d| matches!(d, Denial::LoginTooOld { .. })),
        (
            &[],
            |r| r.ttl = Ttl::from_secs(336 * 3600 + 1),
            |_| (),
            |d| matches!(d, Denial::TtlAboveCap { .. }),
        ),
        (&["key_kinds = [\"rsa\"]"], |_| (), |_| (), |d| matches!(d, Denial::KeyKind { .. })),
        (&[], |r| r.key = certifiable(KeyKind::SkEd25519), |_| (), |d| matches!(d, Denial::KeyKind { .. })),
        (&["require_reason = true"], |_| (), |_| (), |d| matches!(d, Denial::ReasonMissing { .. })),
        (
            &["require_possession = true"],
            |_| (),
            |_| (),
            |d| matches!(d, Denial::Host(HostDenial::PossessionMissing { .. })),
        ),
        (
            &[],
            |r| r.names = "db1.db.example.com,web1.example.com".parse().unwrap(),
            |_| (),
            |d| matches!(d, Denial::Host(HostDenial::NameNotGranted { name, .. }) if name.to_string() == "web1.example.com"),
        ),
        (
            &["wildcards = true"],
            |r| r.names = "*.example.com".parse().unwrap(),
            |_| (),
            |d| matches!(d, Denial::Host(HostDenial::NameNotGranted { .. })),
        ),
        (
            &[],
            |r| r.names = "*.db.example.com".parse().unwrap(),
            |_| (),
            |d| matches!(d, Denial::Host(HostDenial::Wildcard { .. })),
        ),
    ];
    for (at, (lines, change_request, change_facts, is_it)) in cases.into_iter().enumerate() {
        let (mut request, mut facts) = (request(), facts());
        change_request(&mut request);
        change_facts(&mut facts);
        let found = denials(&policy(lines), &request, &facts);
        assert!(found.len() == 1 && is_it(&found[0]), "case {at}: {found:?}");
    }
    assert_eq!(denials(&policy(&[]), &request(), &facts()), []);
    let mut disabled = facts();
    disabled.user.enabled = false;
    assert!(
        denials(&policy(&[]), &request(), &disabled).iter().any(|d| matches!(d, Denial::UserDisabled { .. }))
    );
}

#[test]
fn a_wildcard_is_granted_where_the_profile_says_so() {
    let mut request = request();
    request.names = "*.db.example.com".parse().unwrap();
    let grant = grant(&policy(&["wildcards = true"]), &request, &facts());
    assert_eq!(grant.names.to_string(), "*.db.example.com");
}

#[test]
fn f18_a_program_has_hosts_certified_within_the_scope_of_its_key() {
    let mut facts = facts();
    facts.user.groups = ["host-enrollers".parse().unwrap()].into();
    facts.session.factors = vec![Factor { kind: FactorKind::ApiKey, at: now() }];
    facts.session.key = Some(KeyScope {
        profiles: ["db".parse().unwrap()].into(),
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        expires_at: now().plus_secs(60),
    });
    let policy = policy(&["factors = [\"totp\", \"api-key\"]"]);
    assert_eq!(denials(&policy, &request(), &facts), []);
    let mut elsewhere = request();
    elsewhere.names = "web1.example.com".parse().unwrap();
    assert!(matches!(
        denials(&policy, &elsewhere, &facts)[..],
        [Denial::Host(HostDenial::NameNotGranted { .. })]
    ));
    facts.session.key.as_mut().unwrap().profiles = ["dev".parse().unwrap()].into();
    assert!(matches!(denials(&policy, &request(), &facts)[..], [Denial::KeyProfile { .. }]));
}

#[test]
fn a_signature_that_does_not_hold_is_not_the_same_as_none() {
    for kind in KINDS {
        let request = HostRequest { key: certifiable(kind), ..request() };
        assert!(
            CheckedHostRequest::verify(request.clone(), Some(proof(&request))).unwrap().is_proven(),
            "{kind:?}"
        );
        let other = HostRequest { ttl: Ttl::from_secs(1), ..request.clone() };
        assert!(CheckedHostRequest::verify(request.clone(), Some(proof(&other))).is_err(), "{kind:?}");
        let as_user = prove_as(key(kind), ca_core::request::NAMESPACE, &request.to_text());
        assert!(CheckedHostRequest::verify(request, Some(as_user)).is_err(), "{kind:?}");
    }
}

#[test]
fn a_profile_that_contradicts_itself_is_refused() {
    for (line, why) in [
        ("names = []", "names"),
        ("names = [\"*\"]", "host name"),
        ("names = [\"a.*.b\"]", "host name"),
        ("factors = []", "factors"),
        ("max_ttl = \"1h\"", "default_ttl"),
        ("max_ttl = \"745h\"", "745h"),
        ("key_kinds = [\"sk-ed25519\"]", "sk-"),
        ("key_kinds = []", "key_kinds"),
        ("groups = [\"officers\"]", "groups"),
        ("wildcard = true", "wildcard"),
    ] {
        let error = policy_of(&[line]).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
    let host = "[host_profiles.dev]\ndescription = \"test\"\nnames = [\"a.example.com\"]\ndefault_ttl = \"1h\"\n\
        max_ttl = \"1h\"\nfactors = [\"totp\"]\nlogin_max_age = \"1h\"\n";
    let both = policy_text(&[]) + host;
    assert!(read_profiles(&both).unwrap_err().contains("same name"));
}

#[test]
fn h4_one_key_is_not_the_ca_of_users_and_hosts() {
    let users = || UserCa::new(key(KeyKind::Ed25519).public().clone());
    assert!(Cas::new(users(), ca(KeyKind::Ed25519)).is_err());
    let cas = Cas::new(users(), ca(KeyKind::EcdsaP256)).unwrap();
    assert_eq!(cas.users().key(), key(KeyKind::Ed25519).public());
    assert_eq!(cas.hosts().key(), key(KeyKind::EcdsaP256).public());
    let more = || UserCa::new(key(KeyKind::EcdsaP384).public().clone());
    assert!(cas.clone().with_more(vec![more(), UserCa::new(cas.hosts().key().clone())]).is_err());
    let cas = cas.with_more(vec![more()]).unwrap();
    assert_eq!(cas.user(None), Some(&users()));
    assert_eq!(cas.user(Some(more().key().fingerprint())), Some(&more()));
    assert_eq!(cas.user(Some(cas.hosts().key().fingerprint())), None);
}

#[test]
fn h4_i4_only_what_a_host_could_have_been_granted_is_read_back() {
    let serial = Serial::at_index(5).unwrap();
    let grant = grant(&policy(&[]), &request(), &facts());
    let good = Precert::prepare_host(&grant, serial, &[7; 32], &ca(KeyKind::EcdsaP256));
    assert_eq!(Precert::from_bytes(good.bytes()).unwrap(), good);
    assert_eq!(good.content().kind, CertKind::Host);
    let changes: [fn(&mut ca_core::cert::Content); 9] = [
        |c| c.kind = CertKind::User,
        |c| c.principals.clear(),
        |c| c.principals.reverse(),
        |c| c.principals = vec!["*".to_owned()],
        |c| c.principals = vec!["a.x,b.x".to_owned()],
        |c| c.principals = vec!["web?.x".to_owned()],
        |c| c.principals = vec!["_dev".to_owned()],
        |c| drop(c.extensions.insert("permit-pty".to_owned(), Vec::new())),
        |c| drop(c.critical_options.insert("force-command".to_owned(), Vec::new())),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut content = good.content().clone();
        change(&mut content);
        assert!(Precert::from_bytes(&content.to_be_signed(None)).is_err(), "change {at}");
    }
}

fn host_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,8}(\\.[a-z][a-z0-9]{0,5}){0,3}",
        "\\*\\.[a-z]{1,4}\\.[a-z]{1,4}",
        "10\\.[0-9]\\.[0-9]\\.[0-9]",
        ".{0,12}"
    ]
}

proptest! {
    #[test]
    fn a_request_has_one_text(names in prop::collection::vec(host_name(), 1..5), ttl in prop::option::of(1u64..2_678_400)) {
        let names: Vec<HostName> = names.iter().filter_map(|name| name.parse().ok()).collect();
        prop_assume!(!names.is_empty());
        let request = HostRequest { names: names.try_into().unwrap(), ttl: ttl.and_then(Ttl::from_secs), ..request() };
        prop_assert_eq!(HostRequest::from_text(&request.to_text()).unwrap(), request.clone());
        prop_assert!(ca_core::request::CertRequest::from_text(&request.to_text()).is_err());
        let key_id = KeyId::of_host(&request.names, request.id);
        // No person's: before the first slash of theirs there is an address.
        prop_assert!(!key_id.as_str().split('/').next().unwrap().contains('@'));
    }

    #[test]
    fn what_can_be_named_means_nothing_else(text in host_name()) {
        if let Ok(name) = text.parse::<HostName>() {
            prop_assert_eq!(name.to_string(), text.clone());
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c);
            prop_assert!(text.strip_prefix("*.").unwrap_or(&text).chars().all(plain));
        }
    }
}

/// Tells by the text alone whether a pattern takes a name, the way a person would.
fn plainly_takes(pattern: &str, name: &str, wildcards: bool) -> bool {
    match (pattern.strip_prefix("*."), name.strip_prefix("*.")) {
        (Some(_), Some(_)) => wildcards && pattern == name,
        (Some(parent), None) => {
            name.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == parent)
        }
        (None, Some(_)) => false,
        (None, None) => pattern == name,
    }
}

proptest! {
    #[test]
    fn no_name_is_granted_that_no_pattern_takes(
        patterns in prop::collection::btree_set("(\\*\\.)?[ab](\\.[ab]){0,2}", 1..4),
        names in prop::collection::vec("(\\*\\.)?[ab](\\.[ab]){0,3}", 1..4),
        wildcards: bool,
    ) {
        let list = patterns.iter().map(|pattern| format!("{pattern:?}")).collect::<Vec<_>>().join(", ");
        let policy = policy(&[&format!("names = [{list}]"), &format!("wildcards = {wildcards}")]);
        let asked: Vec<HostName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let request = HostRequest { names: asked.try_into().unwrap(), ..request() };
        let taken = |name: &String| patterns.iter().any(|pattern| plainly_takes(pattern, name, wildcards));
        match decide_host(&policy, &checked(&request), &facts(), now()) {
            Ok(grant) => {
                prop_assert!(names.iter().all(taken), "{names:?} under {patterns:?}");
                prop_assert_eq!(grant.names, request.names);
            }
            Err(_) => prop_assert!(!names.iter().all(taken), "{names:?} under {patterns:?}"),
        }
    }
}

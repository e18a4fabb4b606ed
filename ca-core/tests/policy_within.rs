//! Whatever the policy, the facts and the request: what is issued is within profile, request and approvals in every field.
//!
//! What must hold is worked out here from what was generated, and never read back from the policy that decides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::cell::Cell;
use std::collections::BTreeSet;

use ca_core::approval::{Approval, ApprovalError, RequestHash, Subject, Verdict};
use ca_core::cert::value_text;
use ca_core::issuance::Grant;
use ca_core::names::{ApprovalId, Principals};
use ca_core::policy::{
    Approver, BACKDATE_SECS, Decision, Factor, FactorKind, Facts, KeyScope, Session, User, Waited, decide,
};
use ca_core::request::CertRequest;
use ca_core::ssh::KeyKind;
use ca_core::time::Ttl;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;
use support::{KINDS, NOW, ORIGIN, facts, now, read, request};

const CASES: u32 = 1024;

const RULES: [(&str, &str); 6] = [
    ("engineers", "permit (principal in Group::\"engineers\", action == Action::\"request\", resource);"),
    ("banned", "forbid (principal in Group::\"banned\", action, resource);"),
    (
        "fresh",
        "forbid (principal, action == Action::\"request\", resource) when { context.login_age > 2000 };",
    ),
    ("leads", "permit (principal in Group::\"leads\", action == Action::\"approve\", resource);"),
    ("officers", "permit (principal in Group::\"officers\", action == Action::\"approve\", resource);"),
    (
        "no-sms",
        "forbid (principal, action == Action::\"approve\", resource) when { context.factors.contains(Factor::\"sms\") };",
    ),
];

/// A profile as it was generated; its accounts are for everybody, or for a group.
#[derive(Clone, Debug)]
struct Shape {
    accounts: Vec<(Option<&'static str>, &'static str)>,
    ttl: (u64, u64),
    factors: Vec<FactorKind>,
    max_age: u64,
    extensions: Vec<&'static str>,
    source: &'static str,
    force: bool,
    verify: bool,
    kinds: Option<Vec<KeyKind>>,
    reason: bool,
    ticket: bool,
    approvals: Option<(u8, Vec<&'static str>)>,
}

fn quoted<T: ToString>(items: &[T]) -> String {
    items.iter().map(|item| format!("\"{}\"", item.to_string())).collect::<Vec<_>>().join(", ")
}

impl Shape {
    fn to_toml(&self) -> String {
        let account = |(group, account): &(Option<&str>, &str)| match group {
            None => format!("\"{account}\""),
            Some(group) => format!("{{ group = \"{group}\", account = \"{account}\" }}"),
        };
        let accounts: Vec<String> = self.accounts.iter().map(account).collect();
        let mut lines = vec![
            "[profiles.dev]\ndescription = \"any\"".to_owned(),
            format!("principals = [{}]", accounts.join(", ")),
            format!("default_ttl = \"{}s\"\nmax_ttl = \"{}s\"", self.ttl.0, self.ttl.1),
            format!("factors = [{}]", quoted(&self.factors)),
            format!("login_max_age = \"{}s\"", self.max_age),
            format!("extensions = [{}]", quoted(&self.extensions)),
            format!("source_address = {}", self.source),
            format!("verify_required = {}\nrequire_reason = {}", self.verify, self.reason),
        ];
        let kind = |kind: &KeyKind| serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned();
        lines.extend(self.force.then(|| "force_command = \"/bin/date -u\"".to_owned()));
        lines.extend(self.ticket.then(|| "ticket_pattern = \"INC-[0-9]+\"".to_owned()));
        lines.extend(
            self.kinds.as_ref().map(|kinds| {
                format!("key_kinds = [{}]", quoted(&kinds.iter().map(kind).collect::<Vec<_>>()))
            }),
        );
        lines.extend(self.approvals.as_ref().map(|(count, groups)| {
            format!("approvals = {{ count = {count}, groups = [{}], wait = \"2h\" }}", quoted(groups))
        }));
        lines.join("\n")
    }

    /// Gives the accounts that a user has by it.
    fn accounts(&self, user: &User) -> Vec<String> {
        let mine = |group: &Option<&str>| group.is_none_or(|group| is_in(user, group));
        let accounts = self.accounts.iter().filter(|(group, _)| mine(group));
        accounts.map(|(_, account)| account.replace("{user}", user.name.as_str())).collect()
    }
}

fn is_in(user: &User, group: &str) -> bool {
    user.groups.iter().any(|own| own.as_str() == group)
}

/// All that one decision is made of.
#[derive(Clone, Debug)]
struct Case {
    shape: Shape,
    rules: Vec<&'static str>,
    request: CertRequest,
    facts: Facts,
}

impl Case {
    fn ruled(&self, name: &str) -> bool {
        self.rules.contains(&name)
    }

    /// Tells whether somebody has the right to approve, and is none of the requester's own accounts.
    fn counts(&self, approver: &Approver) -> bool {
        let (user, (_, groups)) = (&approver.user, self.shape.approvals.as_ref().unwrap());
        let permitted =
            ["leads", "officers"].into_iter().any(|group| self.ruled(group) && is_in(user, group));
        let forbidden = (self.ruled("banned") && is_in(user, "banned"))
            || (self.ruled("no-sms") && approver.session.factors[0].kind == FactorKind::Sms);
        permitted
            && !forbidden
            && user.enabled
            && approver.session.key.is_none()
            && groups.iter().any(|group| is_in(user, group))
            && person(user) != person(&self.facts.user)
    }

    /// Counts the people whose approvals count.
    fn people(&self) -> usize {
        let given = self.facts.waited.iter().flat_map(|waited| &waited.approvals);
        given
            .filter(|approver| self.counts(approver))
            .map(|one| person(&one.user))
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Tells whether everything holds that is asked for, approvals included.
    fn is_to_be_granted(&self) -> bool {
        let Self { shape, request, facts, .. } = self;
        let (user, kind) = (&facts.user, request.key.key().kind());
        let asked = facts.waited.as_ref().map_or(now(), |waited| waited.since);
        let shown = |f: &Factor| shape.factors.contains(&f.kind) && f.at.0 + shape.max_age >= asked.0;
        let oldest = facts.session.factors.iter().map(|factor| factor.at.0).min().unwrap();
        let reason = request.reason.as_ref().map(ToString::to_string);
        let mine = shape.accounts(user);
        user.enabled
            && request.user == user.name
            && !facts.key_revoked
            && self.ruled("engineers")
            && is_in(user, "engineers")
            && !(self.ruled("banned") && is_in(user, "banned"))
            && !(self.ruled("fresh") && now().0 - oldest > 2000)
            && facts.session.key.as_ref().is_none_or(|key| key.expires_at > now())
            && facts.session.factors.iter().any(shown)
            && request.ttl.is_none_or(|ttl| ttl.secs() <= shape.ttl.1)
            && shape.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && (kind.is_security_key() || !shape.verify)
            && (reason.is_some() || !(shape.reason || shape.ticket))
            && (!shape.ticket || reason.is_some_and(|reason| reason.contains("INC-")))
            && !mine.is_empty()
            && request
                .principals
                .iter()
                .flat_map(Principals::iter)
                .all(|p| mine.iter().any(|m| m == p.as_str()))
            && shape.approvals.as_ref().is_none_or(|(count, _)| self.people() >= usize::from(*count))
    }
}

/// Gives who stands behind an account; the generated ones of one person have one name in common.
fn person(user: &User) -> &'static str {
    match user.name.as_str() {
        "ann" | "ann2" | "ann3" => "ann",
        "bo" | "bo2" => "bo",
        "chen" => "chen",
        other => panic!("{other}"),
    }
}

fn user(name: &str, groups: &[&str], enabled: bool) -> User {
    let (email, person) = match name {
        "ann3" => ("ann+root@example.com".to_owned(), None),
        "ann2" | "bo2" => (format!("{name}@example.com"), Some(name[..name.len() - 1].parse().unwrap())),
        name => (format!("{name}@example.com"), None),
    };
    User {
        name: name.parse().unwrap(),
        email: email.parse().unwrap(),
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
        enabled,
        person,
    }
}

/// Mostly yes.
fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.95)
}

fn shapes() -> impl Strategy<Value = Shape> {
    let accounts = [(None, "{user}"), (None, "deploy"), (Some("operators"), "root"), (Some("banned"), "bob")];
    let kinds = prop::option::weighted(0.2, subsequence(KINDS.to_vec(), 4..=7));
    let flags = (any::<bool>(), prop::bool::weighted(0.1), any::<bool>(), prop::bool::weighted(0.3));
    let approvals = (1..3_u8, subsequence(vec!["leads", "officers"], 1..=2));
    let factors = vec![FactorKind::Totp, FactorKind::Sms, FactorKind::Webauthn, FactorKind::ApiKey];
    let sources = vec!["\"any\"", "\"requester\"", "{ networks = [\"10.0.0.0/8\", \"2001:db8::/32\"] }"];
    (
        subsequence(accounts.to_vec(), 1..=4),
        (60..7200_u64, 0..7200_u64),
        subsequence(factors, 3..=4),
        600..4000_u64,
        subsequence(vec!["permit-pty", "permit-user-rc", "permit-X11-forwarding"], 0..=3),
        select(sources),
        flags,
        kinds,
        prop::option::of(approvals),
    )
        .prop_map(|(accounts, ttl, factors, max_age, extensions, source, flags, kinds, approvals)| {
            let (force, verify, reason, ticket) = flags;
            // A profile that no key can have is none.
            let kinds = kinds.filter(|kinds| !verify || kinds.iter().any(|kind| kind.is_security_key()));
            let ttl = (ttl.0, ttl.0 + ttl.1);
            Shape {
                accounts,
                ttl,
                factors,
                max_age,
                extensions,
                source,
                force,
                verify,
                kinds,
                reason,
                ticket,
                approvals,
            }
        })
}

fn requests() -> impl Strategy<Value = CertRequest> {
    let names = subsequence(vec!["ann", "bob", "deploy", "root"], 1..=2);
    let reasons = prop_oneof![6 => Just(Some("INC-42: look")), 1 => Just(Some("just so")), 1 => Just(None)];
    (
        select(&KINDS[..]),
        prop::option::weighted(0.7, prop_oneof![3 => 1..600_u64, 1 => 1..15_000_u64]),
        prop::option::weighted(0.2, names),
        reasons,
        mostly(),
    )
        .prop_map(|(kind, ttl, names, reason, own)| {
            let names = names.map(|names| names.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>());
            CertRequest {
                ttl: ttl.and_then(Ttl::from_secs),
                principals: names.map(|names| names.try_into().unwrap()),
                reason: reason.map(|reason| reason.parse().unwrap()),
                user: if own { "ann" } else { "bob" }.parse().unwrap(),
                ..request(kind)
            }
        })
}

fn sessions() -> impl Strategy<Value = Session> {
    let kinds = prop_oneof![
        6 => Just(FactorKind::Totp),
        2 => Just(FactorKind::Webauthn),
        1 => Just(FactorKind::Sms),
        1 => Just(FactorKind::ApiKey),
    ];
    (kinds, prop_oneof![8 => 0..600_u64, 1 => 600..5000_u64], mostly()).prop_map(|(kind, age, valid)| {
        let key = (kind == FactorKind::ApiKey).then(|| KeyScope {
            profiles: ["dev".parse().unwrap()].into(),
            networks: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
            expires_at: if valid { now().plus_secs(1) } else { now() },
        });
        Session { id: "s".to_owned(), factors: vec![Factor { kind, at: now().minus_secs(age) }], key }
    })
}

fn approvers() -> impl Strategy<Value = Approver> {
    let names = vec!["bo", "bo", "chen", "chen", "chen", "bo2", "ann", "ann2", "ann3"];
    let groups = subsequence(vec!["leads", "officers", "banned", "engineers", "operators"], 1..=3);
    (select(names), groups, mostly(), sessions()).prop_map(|(name, groups, enabled, session)| Approver {
        user: user(name, &groups, enabled),
        session,
        source: facts().source,
        at: now(),
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let waited = (0..1800_u64, prop::collection::vec(approvers(), 0..9));
    let waited = prop::option::weighted(0.8, waited);
    let groups = (mostly(), any::<bool>(), prop::bool::weighted(0.1));
    let rules = (mostly(), subsequence(vec!["banned", "fresh", "leads", "officers", "no-sms"], 3..=5));
    let ip = any::<u128>().prop_map(|ip| std::net::IpAddr::V6(ip.into()));
    let facts = (groups, mostly(), prop::bool::weighted(0.03), sessions(), waited, ip).prop_map(
        |((engineer, operator, banned), enabled, key_revoked, session, waited, ip)| {
            let groups = [("engineers", engineer), ("operators", operator), ("banned", banned)];
            let groups: Vec<_> =
                groups.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
            let waited = waited.map(|(secs, approvals)| Waited { since: now().minus_secs(secs), approvals });
            let mut facts = Facts {
                key_revoked,
                waited,
                ..Facts::new(user("ann", &groups, enabled), session, facts().source)
            };
            facts.source.ip = ip;
            facts
        },
    );
    (shapes(), rules, requests(), facts).prop_map(|(shape, (engineers, mut rules), request, facts)| {
        rules.extend(engineers.then_some("engineers"));
        Case { shape, rules, request, facts }
    })
}

/// Holds a grant against everything that bounds it.
fn check(Case { shape, request, facts, .. }: &Case, granted: &Grant) -> Result<(), TestCaseError> {
    let mine: BTreeSet<String> = shape.accounts(&facts.user).into_iter().collect();
    let got: BTreeSet<String> = granted.principals.iter().map(ToString::to_string).collect();
    prop_assert!(!got.is_empty() && got.iter().all(|account| mine.contains(account)), "{:?}", got);
    match &request.principals {
        Some(asked) => prop_assert_eq!(&granted.principals, asked),
        None => prop_assert_eq!(got, mine),
    }
    let ttl = request.ttl.map_or(shape.ttl.0, Ttl::secs);
    prop_assert_eq!(granted.valid_before.0 - now().0, ttl);
    prop_assert!(ttl <= shape.ttl.1);
    prop_assert_eq!(granted.valid_after, now().minus_secs(BACKDATE_SECS));
    prop_assert_eq!(&granted.key, &request.key);
    prop_assert_eq!(granted.key_id.as_str(), format!("ann@example.com/{}", request.id));
    let names: BTreeSet<&str> = granted.extensions.keys().map(String::as_str).collect();
    prop_assert_eq!(names, shape.extensions.iter().copied().collect::<BTreeSet<_>>());
    prop_assert!(granted.extensions.values().all(Vec::is_empty));

    let option =
        |name: &str| granted.critical_options.get(name).map(|data| value_text(data).unwrap_or_default());
    let from = match shape.source {
        "\"any\"" => None,
        "\"requester\"" => Some(ipnet::IpNet::from(facts.source.ip.to_canonical()).to_string()),
        _ => Some("10.0.0.0/8,2001:db8::/32".to_owned()),
    };
    prop_assert_eq!(option("source-address"), from.as_deref());
    prop_assert_eq!(option("force-command"), shape.force.then_some("/bin/date -u"));
    prop_assert_eq!(granted.critical_options.contains_key("verify-required"), shape.verify);
    let expected = usize::from(from.is_some()) + usize::from(shape.force) + usize::from(shape.verify);
    prop_assert_eq!(granted.critical_options.len(), expected);
    Ok(())
}

/// Checks that what an officer signs about a request is about no other (A2).
fn check_covers(request: &CertRequest, other: &CertRequest, policy: &str) -> Result<(), TestCaseError> {
    let subject = |request: &CertRequest| Subject {
        authority: ORIGIN.parse().unwrap(),
        request: request.id,
        request_hash: RequestHash::of(&request.to_text()),
        policy: policy.to_owned().try_into().unwrap(),
        expires_at: now(),
    };
    let Subject { authority, request: id, request_hash, policy, expires_at } = subject(request);
    let approval = Approval {
        authority,
        id: ApprovalId::from_parts(NOW, 1),
        request: id,
        request_hash,
        policy,
        approver: "bo".parse().unwrap(),
        verdict: Verdict::Approve,
        expires_at,
        note: None,
    };
    let about: Result<(), ApprovalError> = approval.check_about(&subject(other));
    prop_assert_eq!(about.is_ok(), request == other, "{:?}", about);
    Ok(())
}

#[test]
fn i5_what_is_granted_is_within_profile_request_and_approvals() {
    let (granted, approved, waiting) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
    let ran = runner.run(&(cases(), requests()), |(case, other)| {
        let rules: Vec<String> = RULES
            .iter()
            .filter(|(name, _)| case.ruled(name))
            .map(|(name, rule)| format!("@id(\"{name}\") {rule}"))
            .collect();
        let policy = read(&case.shape.to_toml(), &rules.join("\n")).unwrap();
        let decision = decide(&policy, &case.request, &case.facts, now());
        prop_assert_eq!(matches!(decision, Decision::Grant(_)), case.is_to_be_granted(), "{:?}", decision);
        match decision {
            Decision::Grant(grant) => {
                granted.set(granted.get() + 1);
                approved.set(approved.get() + u32::from(case.shape.approvals.is_some()));
                check(&case, &grant)?;
            }
            Decision::NeedsApproval(quorum) => {
                waiting.set(waiting.get() + 1);
                prop_assert_eq!(quorum.have.len(), case.people());
            }
            Decision::Deny(_) => {}
        }
        let policy = policy.id().to_string();
        check_covers(&case.request, &case.request, &policy)?;
        check_covers(&case.request, &other, &policy)
    });
    ran.unwrap();
    let (granted, approved, waiting) = (granted.get(), approved.get(), waiting.get());
    let enough = granted >= CASES / 8 && approved >= CASES / 128 && waiting >= CASES / 50;
    assert!(enough, "of {CASES}: {granted} granted, {approved} of them approved, {waiting} waiting");
    eprintln!("of {CASES}: {granted} granted, {approved} of them approved, {waiting} waiting");
}

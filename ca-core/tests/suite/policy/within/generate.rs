//! Any policy, facts and request, chosen so that a good share is granted.

use ca_core::policy::{Approver, Factor, FactorKind, Facts, KeyScope, Session, User, Waited};
use ca_core::request::CertRequest;
use ca_core::time::Ttl;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::case::{Case, Shape};
use crate::support::{KINDS, facts, now, request};

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
        reduced_until: None,
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

pub(crate) fn requests() -> impl Strategy<Value = CertRequest> {
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

pub(crate) fn cases() -> impl Strategy<Value = Case> {
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
            let waited = waited.map(|(secs, approvals)| Waited {
                since: now().minus_secs(secs),
                approvals,
                voucher: None,
            });
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

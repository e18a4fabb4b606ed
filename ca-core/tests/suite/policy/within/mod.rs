//! Whatever the policy, the facts and the request: what is issued is within profile, request and approvals in every field.
//!
//! What must hold is worked out here from what was generated, and never read back from the policy that decides.

mod case;
mod generate;

use std::cell::Cell;
use std::collections::BTreeSet;

use ca_core::approval::{Approval, ApprovalError, RequestHash, Subject, Verdict};
use ca_core::cert::value_text;
use ca_core::issuance::Grant;
use ca_core::names::ApprovalId;
use ca_core::policy::{BACKDATE_SECS, Decision, decide};
use ca_core::request::CertRequest;
use ca_core::time::Ttl;
use case::Case;
use generate::{cases, requests};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{NOW, ORIGIN, now, read};

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

/// Holds a grant against everything that bounds it.
fn check(Case { shape, request, facts, .. }: &Case, granted: &Grant) -> Result<(), TestCaseError> {
    let mine: BTreeSet<String> = shape.accounts(&facts.user).into_iter().collect();
    let got: BTreeSet<String> = granted.principals.iter().map(ToString::to_string).collect();
    prop_assert!(!got.is_empty() && got.iter().all(|account| mine.contains(account)), "{:?}", got);
    if let Some(asked) = &request.principals {
        prop_assert_eq!(&granted.principals, asked);
    } else {
        prop_assert_eq!(got, mine);
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

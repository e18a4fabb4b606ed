//! I5: approvals are counted by people, and only by those who have the right now.

use ca_core::policy::{Approver, Decision, Facts, KeyScope, Policy, Session, User, Waited, decide};
use ca_core::ssh::KeyKind;
use ca_core::time::UnixSeconds;

use crate::support::{ENGINEERS, facts, now, policy_text, read, request};

const LEADS: &str = "@id(\"leads\") \
    permit (principal in Group::\"leads\", action == Action::\"approve\", resource);\n";
const OFFICERS: &str = "@id(\"officers\") \
    permit (principal in Group::\"security-officers\", action == Action::\"approve\", resource);\n";

const TWO: &str = r#"approvals = { count = 2, groups = ["leads", "security-officers"], wait = "1h" }"#;

fn policy(approvals: &str) -> Policy {
    read(&policy_text(&[approvals]), &format!("{ENGINEERS}{LEADS}{OFFICERS}")).unwrap()
}

fn officer(name: &str) -> Approver {
    let Facts { session, source, .. } = facts();
    let user = User {
        name: name.parse().unwrap(),
        email: format!("{name}@example.com").parse().unwrap(),
        groups: ["leads".parse().unwrap()].into(),
        enabled: true,
        person: None,
        reduced_until: None,
    };
    Approver { user, session, source, at: now() }
}

fn approved(approvals: Vec<Approver>) -> Facts {
    Facts { waited: Some(Waited { since: now(), approvals, voucher: None }), ..facts() }
}

/// Gives whose approvals count, or `None` when they are enough.
fn missing(policy: &Policy, facts: &Facts) -> Option<Vec<String>> {
    match decide(policy, &request(KeyKind::Ed25519), facts, now()) {
        Decision::Grant(_) => None,
        Decision::NeedsApproval(quorum) => {
            assert_eq!(quorum.needed, 2);
            Some(quorum.have.iter().map(ToString::to_string).collect())
        }
        Decision::Deny(denials) => panic!("{denials}"),
    }
}

#[test]
fn i5_as_many_people_as_asked_for_grant() {
    let policy = policy(TWO);
    assert_eq!(missing(&policy, &facts()), Some(vec![]));
    assert_eq!(missing(&policy, &approved(vec![officer("bo")])), Some(vec!["bo".to_owned()]));
    assert_eq!(missing(&policy, &approved(vec![officer("bo"), officer("chen")])), None);
}

#[test]
fn i5_a1_a_person_counts_once_and_never_for_themselves() {
    let policy = policy(TWO);
    let but = |change: fn(&mut User)| {
        let mut second = officer("chen");
        change(&mut second.user);
        missing(&policy, &approved(vec![officer("bo"), second]))
    };
    let only_bo = Some(vec!["bo".to_owned()]);
    assert_eq!(but(|_| ()), None);
    let same: [fn(&mut User); 6] = [
        |user| user.name = "bo".parse().unwrap(),
        |user| user.person = Some("bo".parse().unwrap()),
        |user| user.email = "bo+admin@example.com".parse().unwrap(),
        // The requester, under another name.
        |user| user.name = "ann".parse().unwrap(),
        |user| user.person = Some("ann".parse().unwrap()),
        |user| user.email = "ann+2@example.com".parse().unwrap(),
    ];
    for (at, change) in same.into_iter().enumerate() {
        assert_eq!(but(change), only_bo, "case {at}");
    }
    // Two accounts of a third person are one approver.
    let mut third = officer("dee");
    third.user.person = Some("chen".parse().unwrap());
    let mut fourth = officer("eve");
    fourth.user.person = Some("chen".parse().unwrap());
    assert_eq!(missing(&policy, &approved(vec![third, fourth])), Some(vec!["dee".to_owned()]));
}

#[test]
fn a4_who_lost_the_right_does_not_count() {
    let policy = policy(TWO);
    let lost: [fn(&mut Approver); 4] = [
        |officer| officer.user.enabled = false,
        |officer| officer.user.groups.clear(),
        |officer| officer.user.groups = ["others".parse().unwrap()].into(),
        |officer| {
            let scope = KeyScope { profiles: [].into(), networks: vec![], expires_at: UnixSeconds(u64::MAX) };
            officer.session.key = Some(scope);
        },
    ];
    for (at, change) in lost.into_iter().enumerate() {
        let mut first = officer("bo");
        change(&mut first);
        let have = missing(&policy, &approved(vec![first, officer("chen")]));
        assert_eq!(have, Some(vec!["chen".to_owned()]), "case {at}");
    }
    // In the group that the profile names, but not of those whom the rules permit to approve.
    let other = read(&policy_text(&[TWO]), &format!("{ENGINEERS}{OFFICERS}")).unwrap();
    assert_eq!(missing(&other, &approved(vec![officer("bo"), officer("chen")])), Some(vec![]));
}

#[test]
fn a_denial_comes_before_any_wait() {
    let policy = policy(TWO);
    let mut off = approved(vec![officer("bo"), officer("chen")]);
    off.user.enabled = false;
    assert!(matches!(decide(&policy, &request(KeyKind::Ed25519), &off, now()), Decision::Deny(_)));
}

#[test]
fn a_login_is_as_old_as_it_was_when_it_was_asked() {
    let policy = policy(TWO);
    let later = now().plus_secs(3600);
    let decision = |facts: &Facts| decide(&policy, &request(KeyKind::Ed25519), facts, later);
    assert!(matches!(decision(&approved(vec![officer("bo"), officer("chen")])), Decision::Grant(_)));
    assert!(matches!(decision(&facts()), Decision::Deny(_)), "who did not wait has an old login");
}

#[test]
fn approvals_that_cannot_be_are_refused_with_the_policy() {
    for (wrong, rule) in [
        (r#"approvals = { count = 0, groups = ["leads"], wait = "1h" }"#, "count"),
        (r#"approvals = { count = 9, groups = ["leads"], wait = "1h" }"#, "count"),
        (r#"approvals = { count = 1, groups = [], wait = "1h" }"#, "groups"),
        (r#"approvals = { count = 1, groups = ["leads"], wait = "169h" }"#, "wait"),
        (r#"approvals = { count = 1, groups = ["leads"] }"#, "wait"),
        (r#"approvals = { count = 1, groups = ["leads"], wait = "1h", who = "me" }"#, "who"),
    ] {
        let error = read(&policy_text(&[wrong]), ENGINEERS).unwrap_err().to_string();
        assert!(error.contains(rule), "{wrong}: {error}");
    }
}

#[test]
fn facts_without_a_wait_are_written_as_before() {
    let text = serde_json::to_string(&facts()).unwrap();
    assert!(!text.contains("waited") && !text.contains("person"), "{text}");
    let session = Session { id: "s".to_owned(), ..facts().session };
    let waited = Facts { session, ..approved(vec![officer("bo")]) };
    let back: Facts = serde_json::from_str(&serde_json::to_string(&waited).unwrap()).unwrap();
    assert_eq!(back, waited);
}

//! I5: what an officer signs about a recovery is for exactly one recovery of one account, by exactly one officer's key.

use ca_core::approval::{ApprovalError, NAMESPACE as APPROVAL, Verdict};
use ca_core::names::{ApprovalId, RecoveryId};
use ca_core::recovery::{NAMESPACE, ProvenVote, Vote};
use ca_core::ssh::{HashedMessage, KeyKind};
use ca_core::time::UnixMillis;

use crate::support::keys::key;
use crate::support::{KINDS, NOW, ORIGIN};

fn vote() -> Vote {
    Vote {
        authority: ORIGIN.parse().unwrap(),
        id: ApprovalId::from_parts(NOW, 3),
        recovery: RecoveryId::from_parts(NOW, 4),
        user: "ann".parse().unwrap(),
        officer: "bo".parse().unwrap(),
        verdict: Verdict::Approve,
        reason: "met in person".parse().unwrap(),
    }
}

fn sign(kind: KeyKind, namespace: &'static str, text: &str) -> String {
    let message = HashedMessage::new(namespace, text.as_bytes());
    message.armour(key(kind).public(), &key(kind).sign(&message.to_be_signed()))
}

#[test]
fn what_is_signed_is_one_readable_text() {
    let text = vote().to_text();
    assert_eq!(Vote::from_text(&text).unwrap(), vote());
    assert!(text.starts_with("countersign recovery v1\n"));
    let lines: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(lines.join(" "), "countersign authority id recovery user officer verdict reason");
    let good = text.as_str();
    let crooked = [
        good.replace("recovery v1", "approval v1"),
        good.replace('\n', "\r\n"),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("{good}note x\n"),
        good.replace("user ann", "user Ann"),
        good.replace("verdict approve", "verdict yes"),
        good.replace("reason met in person", "reason "),
    ];
    for text in crooked {
        assert!(Vote::from_text(&text).is_err(), "{text:?}");
    }
}

type Case = (fn(&mut Vote), ApprovalError);

#[test]
fn a_vote_is_for_one_recovery_of_one_account_in_one_name() {
    let check = |vote: &Vote| {
        vote.check_about(
            &ORIGIN.parse().unwrap(),
            (RecoveryId::from_parts(NOW, 4), &"ann".parse().unwrap()),
            &"bo".parse().unwrap(),
        )
    };
    assert_eq!(check(&vote()), Ok(()));
    let others: [Case; 4] = [
        (|v| v.authority = "other.example.com/log".parse().unwrap(), ApprovalError::OtherAuthority),
        (|v| v.recovery = RecoveryId::from_parts(NOW, 5), ApprovalError::OtherRecovery),
        (|v| v.user = "eve".parse().unwrap(), ApprovalError::OtherRecovery),
        (|v| v.officer = "chen".parse().unwrap(), ApprovalError::OtherApprover),
    ];
    for (change, expected) in others {
        let mut other = vote();
        change(&mut other);
        assert_eq!(check(&other), Err(expected));
    }
    assert_eq!(vote().check_fresh(NOW), Ok(()));
    for late in [NOW.0 + 120_001, NOW.0 - 120_001] {
        assert_eq!(vote().check_fresh(UnixMillis(late)), Err(ApprovalError::Stale));
    }
}

#[test]
fn a_vote_is_signed_by_a_registered_key_for_nothing_else() {
    for kind in KINDS {
        let keys = [key(kind).public().clone()];
        let good = sign(kind, NAMESPACE, &vote().to_text());
        assert_eq!(ProvenVote::verify(vote(), good.clone(), &keys).unwrap().vote(), &vote());
        assert_eq!(ProvenVote::verify(vote(), good.clone(), &[]), Err(ApprovalError::NoSuchKey));
        let other = Vote { user: "eve".parse().unwrap(), ..vote() };
        assert!(ProvenVote::verify(other, good, &keys).is_err(), "{kind}: for another account");
        let approval = sign(kind, APPROVAL, &vote().to_text());
        assert!(ProvenVote::verify(vote(), approval, &keys).is_err(), "{kind}: as an approval");
    }
}

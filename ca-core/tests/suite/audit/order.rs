//! Entries and rounds that do not fit the ones before them.

use ca_core::audit::{Finding, Flaw};
use ca_core::log::Frontier;
use ca_core::log::event::What;
use ca_core::log::journal::object_key;
use ca_core::time::UnixMillis;

use super::support::{PROFILES, TestLog, login, policy};
use super::{audit, flaws};

#[test]
fn time_does_not_go_back() {
    let mut log = TestLog::new();
    let before = UnixMillis(log.time.0 - 2000);
    log.time = UnixMillis(before.0 - 1);
    log.round(&[login()]);
    assert_eq!(flaws(&log), [Flaw::TimeWentBack { before, time: UnixMillis(before.0 - 1) }]);
}

#[test]
fn a_log_is_created_once_and_first() {
    let mut log = TestLog::new();
    log.round(&[log.created()]);
    assert_eq!(flaws(&log), [Flaw::Creation]);
    let mut headless = TestLog::empty();
    headless.round(&[headless.adopted()]);
    assert_eq!(flaws(&headless), [Flaw::Creation]);
    let mut renamed = TestLog::empty();
    let (ca, host_ca) = (Vec::new(), Vec::new());
    renamed.round(&[What::LogCreated { origin: "other.example.com/log".parse().unwrap(), ca, host_ca }]);
    assert_eq!(flaws(&renamed), [Flaw::OtherOrigin { found: "other.example.com/log".to_owned() }]);
}

#[test]
fn a_policy_is_its_text() {
    for text in [policy(&PROFILES.replace("2h", "3h")).text().to_owned(), "nonsense".to_owned()] {
        let mut log = TestLog::empty();
        log.round(&[log.created()]);
        log.round(&[What::PolicyAdopted { policy: log.policy.id(), text }]);
        assert!(matches!(&flaws(&log)[..], [Flaw::PolicyText { .. }]));
    }
}

#[test]
fn nothing_hides_in_a_line() {
    let mut log = TestLog::new();
    let line = log.event(&login()).to_line().unwrap();
    for (from, to) in [
        (",\"type\"", ", \"type\""),
        (",\"type\"", ",\"note\":\"hidden\",\"type\""),
        ("2026-01-02", "2026-01-03"),
        ("BQUFBQUFBQUFBQUFBQUFBQ==", "BQ=="),
    ] {
        let mut log = TestLog::new();
        assert!(line.contains(from), "{line}");
        log.round_of_lines(vec![line.replacen(from, to, 1)]);
        assert_eq!(flaws(&log), [Flaw::NotCanonical], "{to}");
    }
    log.round_of_lines(vec![line]);
    assert_eq!(audit(&log), []);
}

#[test]
fn only_a_certificate_can_be_taken_back() {
    let mut log = TestLog::busy();
    let failed = |index| What::SigningFailed { index, cause: "broken".to_owned() };
    log.round(&[failed(log.size() - 1)]);
    assert_eq!(audit(&log), []);
    log.round(&[failed(0)]);
    assert_eq!(flaws(&log), [Flaw::TakesBackNothing { index: 0 }]);
}

#[test]
fn i2_a_round_continues_the_tree_before_it() {
    let mut log = TestLog::new();
    let hashes: Vec<_> = log.frontier.hashes().iter().map(|_| ca_core::log::Hash([7; 32])).collect();
    log.frontier = Frontier::from_parts(log.size(), hashes).unwrap();
    let first = log.size();
    log.round(&[login()]);
    assert_eq!(audit(&log), [Finding::object(object_key(first), Flaw::Frontier)]);
}

#[test]
fn what_a_lost_round_said_is_not_missed() {
    let mut log = TestLog::busy();
    // The round with the account, and that with the login.
    log.objects.remove(&object_key(2));
    log.objects.remove(&object_key(3));
    let mut auditor = ca_core::audit::Auditor::new(log.origin.clone());
    for first in [0, 4, 5, 6] {
        let bytes = &log.objects[&object_key(first)];
        let opened = ca_core::audit::Opened::read(bytes, first, &log.origin, log.key()).unwrap();
        let (findings, cases) = auditor.round(&opened, None);
        assert_eq!(findings, []);
        assert!(cases.iter().all(|case| case.replay(&opened).is_empty()));
        auditor.lost();
    }
}

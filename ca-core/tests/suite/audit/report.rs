//! Entries read without knowing their types, and the report made of them.

use ca_core::audit::report::{Dormancy, Period, Protection, Report, Reporter};
use ca_core::audit::{ObjectName, Opened, Statement};
use ca_core::time::UnixMillis;

use super::support::{START, TestLog};

fn statements(log: &TestLog) -> Vec<Statement> {
    let mut all = Vec::new();
    for (name, bytes) in &log.objects {
        let Ok(ObjectName::Journal(first)) = name.parse() else { continue };
        all.extend(Statement::read_round(bytes, first, &log.origin, log.key()).unwrap().1);
    }
    all
}

/// Makes an entry some days after the log began.
fn later(days: u64, kind: &str, fields: &str) -> Statement {
    let time = UnixMillis((START + days * 86_400) * 1000);
    let line = format!("{{\"time\":{},\"type\":\"{kind}\",{fields}}}", time.0);
    let fields = serde_json::from_str(&line).unwrap();
    Statement { index: 1000 + days, time, kind: kind.to_owned(), line, fields }
}

fn report(statements: &[Statement], days: u64) -> Report {
    let until = UnixMillis((START + days * 86_400) * 1000 + 999);
    let mut reporter = Reporter::new(Period { since: UnixMillis(START * 1000), until });
    for statement in statements {
        reporter.take(statement);
    }
    reporter.finish()
}

#[test]
fn a_statement_makes_the_same_leaf_as_the_event() {
    let log = TestLog::busy();
    for (name, bytes) in &log.objects {
        let Ok(ObjectName::Journal(first)) = name.parse() else { continue };
        let (round, statements) = Statement::read_round(bytes, first, &log.origin, log.key()).unwrap();
        let opened = Opened::read(bytes, first, &log.origin, log.key()).unwrap();
        let leaves: Vec<_> =
            statements.iter().map(|statement| statement.leaf().unwrap().to_bytes()).collect();
        assert_eq!(leaves, opened.leaves());
        assert_eq!(round.lines().len(), statements.len());
        assert!(Statement::read_round(bytes, first + 1, &log.origin, log.key()).is_err());
    }
}

#[test]
fn a_report_says_who_had_what_and_why() {
    let log = TestLog::busy();
    let report = report(&statements(&log), 1);
    let [access] = &report.access[..] else { panic!("{:?}", report.access) };
    assert_eq!((access.user.as_str(), access.profile.as_str()), ("alice", "dev"));
    assert_eq!((access.certificates, access.total_secs, access.longest_secs), (2, 3600, 1800));
    assert_eq!(Vec::from_iter(&access.principals), ["alice", "deploy"]);
    assert_eq!(Vec::from_iter(&access.reasons), ["INC-42"]);
    let [denied] = &report.denied[..] else { panic!("{:?}", report.denied) };
    assert_eq!((denied.profile.as_str(), denied.count), ("dev", 1));
    assert!(denied.reasons.contains("dev lasts at most 2h, not 3h"));
    let [account] = &report.accounts[..] else { panic!("{:?}", report.accounts) };
    assert_eq!((account.enabled, account.protection), (true, Protection::Codes));
    let [action] = &report.actions[..] else { panic!("{:?}", report.actions) };
    assert_eq!((action.by.as_str(), action.kind.as_str(), action.count), ("console", "user-added", 1));
}

#[test]
fn accounts_are_dormant_after_thirty_and_ninety_days_as_of_the_end() {
    let mut all = statements(&TestLog::busy());
    let dormancy = |all: &[Statement], days| report(all, days).accounts[0].dormant;
    assert_eq!(dormancy(&all, 29), Dormancy::None);
    assert_eq!(dormancy(&all, 31), Dormancy::Days30);
    assert_eq!(dormancy(&all, 91), Dormancy::Days90);
    all.push(later(80, "login-succeeded", "\"user\":\"alice\""));
    assert_eq!(dormancy(&all, 91), Dormancy::None);
    assert_eq!(dormancy(&all, 79), Dormancy::Days30, "what comes after the end is not known yet");
    all.push(later(85, "account-frozen", "\"user\":\"alice\""));
    let report = report(&all, 200);
    assert_eq!((report.accounts[0].enabled, report.accounts[0].dormant), (false, Dormancy::None));
}

#[test]
fn factors_are_counted_by_kind_from_the_events_of_accounts() {
    let mut all = statements(&TestLog::busy());
    let protection = |all: &[Statement]| report(all, 9).accounts[0].protection;
    let change =
        |kind: &str, factor: &str| later(2, kind, &format!("\"user\":\"alice\",\"kind\":\"{factor}\""));
    all.push(change("factor-added", "sms"));
    all.push(change("factor-removed", "totp"));
    assert_eq!(protection(&all), Protection::SmsOnly);
    all.push(change("factor-added", "webauthn"));
    assert_eq!(protection(&all), Protection::PhishingResistant);
    all.push(later(3, "user-reset", "\"user\":\"alice\",\"factors\":[\"totp\"],\"by\":\"console\""));
    assert_eq!(protection(&all), Protection::Codes);
    assert_eq!(report(&all, 9).accounts[0].factors.get("totp"), Some(&1));
}

#[test]
fn kinds_of_event_that_nobody_knows_are_counted() {
    let mut all = statements(&TestLog::busy());
    all.push(later(1, "break-glass-used", "\"user\":\"alice\",\"profile\":\"root\",\"reason\":\"INC-7\""));
    all.push(later(2, "break-glass-reviewed", "\"user\":\"alice\",\"by\":\"officer olga\""));
    all.push(later(3, "approval-given", "\"user\":\"alice\",\"approver\":\"olga\""));
    let nested =
        "\"user\":\"alice\",\"approvals\":[{\"approver\":{\"name\":\"bo\",\"email\":\"bo@example.com\"}}]";
    all.push(later(3, "request-approved", nested));
    for account in 0..20_000 {
        all.push(later(4, "login-failed", &format!("\"account\":\"unknown:{account}\",\"count\":2")));
    }
    let report = report(&all, 9);
    assert_eq!(report.break_glass.counts.values().copied().collect::<Vec<_>>(), [1, 1]);
    let [used] = &report.break_glass.uses[..] else { panic!("{:?}", report.break_glass) };
    assert_eq!((used.user.as_str(), used.reason.as_str()), ("alice", "INC-7"));
    let by: Vec<_> = report.actions.iter().map(|action| (action.by.as_str(), action.kind.as_str())).collect();
    assert!(
        by.contains(&("officer olga", "break-glass-reviewed")) && by.contains(&("olga", "approval-given"))
    );
    assert_eq!(report.failed_logins.iter().map(|failed| failed.count).sum::<u64>(), 40_000);
    assert!(report.failed_logins.len() <= 10_001, "guessing names fills the memory");
}

//! Revocations and the KRLs made of them.

use ca_core::audit::Flaw;
use ca_core::krl::{self, KrlVersion, Revocations};
use ca_core::log::event::{CertificateIntent, KrlPublished, RevocationTarget, Revoked, What};
use ca_core::log::hash::sha256;
use ca_core::names::Serial;
use ca_core::policy::KeyScope;
use ca_core::revocation::{Trace, matters_until};
use ca_core::time::{UnixMillis, UnixSeconds};

use super::support::{PROFILES, RULES, TestLog, facts, login, ruled, user_added};
use super::{audit, flaws};

/// A log whose engineers may revoke, with a certificate at entry 4 and an empty KRL.
fn start() -> TestLog {
    let mut log = TestLog::empty();
    log.policy = ruled(PROFILES, &RULES.replace("Group::\"officers\"", "Group::\"engineers\""));
    log.round(&[log.created(), log.adopted()]);
    log.round(&[user_added()]);
    log.round(&[login()]);
    let certificate = log.certificate(|_| {});
    log.round(&[certificate]);
    log.round(&[published(&log, 1, &[], |_| {})]);
    log
}

fn revoked(log: &TestLog, target: RevocationTarget) -> What {
    What::Revoked(Box::new(Revoked {
        target,
        reason: "lost laptop".parse().unwrap(),
        facts: facts(),
        policy: log.policy.id(),
        decided_at: log.now(),
    }))
}

/// A KRL with these serials, each of a certificate that is valid for half an hour from its entry on.
fn published(
    log: &TestLog,
    version: u64,
    serials: &[(u64, UnixSeconds)],
    spoil: impl FnOnce(&mut KrlPublished),
) -> What {
    let mut revocations = Revocations::default();
    for (serial, valid_before) in serials {
        let serial = Serial::at_index(*serial).unwrap();
        revocations.revoke_serial(&log.ca, serial, Some(matters_until(*valid_before)));
    }
    with(log, version, &revocations, spoil)
}

fn with(
    log: &TestLog,
    version: u64,
    revocations: &Revocations,
    spoil: impl FnOnce(&mut KrlPublished),
) -> What {
    let version = KrlVersion(version);
    let mut published = KrlPublished {
        version,
        sha256: hex::encode(sha256(&krl::write(revocations, version, log.now(), ""))),
        covers: log.size(),
        generated: log.now(),
        certificates: revocations.serial_count(),
        keys: revocations.fingerprint_count(),
    };
    spoil(&mut published);
    What::KrlPublished(Box::new(published))
}

fn user() -> RevocationTarget {
    RevocationTarget::User("alice".parse().unwrap())
}

/// When the certificate at entry 4 expires.
fn expiry() -> UnixSeconds {
    UnixSeconds(super::support::START + 3 * 2 + 1800)
}

fn key(log: &mut TestLog) -> ca_core::ssh::Fingerprint {
    log.request().key.key().fingerprint()
}

#[test]
fn a_krl_follows_from_the_log() {
    let mut log = start();
    log.round(&[revoked(&log, user())]);
    log.round(&[published(&log, 2, &[(4, expiry())], |_| {})]);
    assert_eq!(audit(&log), []);
    // Once the certificate is over, it is left out; not before.
    log.time = UnixMillis((matters_until(expiry()).0 - 1) * 1000);
    log.round(&[published(&log, 3, &[(4, expiry())], |_| {})]);
    log.time = UnixMillis(matters_until(expiry()).0 * 1000);
    log.round(&[published(&log, 4, &[], |_| {})]);
    assert_eq!(audit(&log), []);
}

#[test]
fn a_krl_that_says_something_else_is_found() {
    type Spoil = fn(&mut KrlPublished);
    let wrong = |what| Flaw::Krl { version: KrlVersion(2), what };
    let cases: [(Spoil, Flaw); 5] = [
        (|krl| krl.sha256 = "00".repeat(32), Flaw::OtherKrl { version: KrlVersion(2), covers: 7 }),
        (|krl| krl.certificates = 0, Flaw::OtherKrl { version: KrlVersion(2), covers: 7 }),
        (|krl| krl.covers = 6, Flaw::OtherKrl { version: KrlVersion(2), covers: 6 }),
        (|krl| krl.covers = 99, wrong("says that it covers entries after it")),
        (|krl| krl.generated = UnixSeconds(5), wrong("is dated before the one before")),
    ];
    for (spoil, flaw) in cases {
        let mut log = start();
        log.round(&[revoked(&log, user())]);
        log.round(&[published(&log, 2, &[(4, expiry())], spoil)]);
        assert!(flaws(&log).contains(&flaw), "{flaw:?}: {:?}", audit(&log));
    }
    let mut log = start();
    log.round(&[published(&log, 1, &[], |_| {})]);
    let what = "does not have a higher version than the one before";
    assert_eq!(flaws(&log), [Flaw::Krl { version: KrlVersion(1), what }]);
}

#[test]
fn a_krl_that_never_comes_is_found() {
    let mut log = start();
    let entry = log.size();
    log.round(&[revoked(&log, user())]);
    log.time = UnixMillis(log.time.0 + 700_000);
    let certificate = log.certificate(|_| {});
    log.round(&[certificate]);
    assert_eq!(flaws(&log), [Flaw::NotInKrl { entry }]);
    // So is one that passes over it.
    let mut log = start();
    log.round(&[revoked(&log, user())]);
    log.time = UnixMillis(log.time.0 + 700_000);
    log.round(&[published(&log, 2, &[], |krl| krl.covers = entry)]);
    assert_eq!(flaws(&log), [Flaw::NotInKrl { entry }]);
}

#[test]
fn what_comes_after_on_an_older_login_or_while_switched_off_is_revoked_as_well() {
    let off = What::UserEnabled { user: "alice".parse().unwrap(), enabled: false, by: "console".to_owned() };
    let mut log = start();
    for event in [revoked(&log, user()), off] {
        let mut log = start();
        log.round(&[event]);
        let serial = log.size();
        let certificate = log.certificate(|_| {});
        let What::Certificate(intent) = &certificate else { unreachable!() };
        let second = (serial, intent.valid_before);
        log.round(std::slice::from_ref(&certificate));
        log.round(&[published(&log, 2, &[(4, expiry()), second], |_| {})]);
        assert_eq!(audit(&log), []);
    }
    // A login after the revocation is another matter.
    log.round(&[revoked(&log, user())]);
    let later = UnixSeconds(log.now().0);
    log.round(&[login()]);
    let request = log.request();
    let mut facts = facts();
    facts.session.factors[0].at = later;
    let intent: CertificateIntent = log.intent(&request, facts);
    log.round(&[What::Certificate(Box::new(intent))]);
    log.round(&[published(&log, 2, &[(4, expiry())], |_| {})]);
    assert_eq!(audit(&log), []);
}

#[test]
fn a_revoked_key_is_certified_no_more() {
    let mut log = start();
    let (key, by) = (key(&mut log), log.size());
    log.round(&[revoked(&log, RevocationTarget::Key(key))]);
    let mut revocations = Revocations::default();
    revocations.revoke_key(key, None);
    log.round(&[with(&log, 2, &revocations, |_| {})]);
    let at_once = log.certificate(|_| {});
    log.round(&[at_once]);
    assert_eq!(audit(&log), [], "a node may not have heard of it");
    let reasons = vec!["the key ".to_owned() + &key.to_string() + " was revoked"];
    let denied = log.denial(|denied| {
        denied.facts.key_revoked = true;
        denied.reasons = [reasons.clone(), denied.reasons.clone()].concat();
    });
    log.round(std::slice::from_ref(&denied));
    assert_eq!(audit(&log), []);
    log.time = UnixMillis(log.time.0 + 61_000);
    let later = log.certificate(|_| {});
    log.round(&[later]);
    assert_eq!(flaws(&log), [Flaw::KeyRevoked { key, by }]);

    let mut log = start();
    let denied = log.denial(|denied| {
        denied.facts.key_revoked = true;
        denied.reasons = [reasons, denied.reasons.clone()].concat();
    });
    log.round(&[denied]);
    assert_eq!(flaws(&log), [Flaw::KeyNotRevoked { key }]);
}

#[test]
fn a_trace_is_the_same_from_the_line_and_from_the_event() {
    let mut log = start();
    let user = || "alice".parse().unwrap();
    let events = [
        log.certificate(|_| {}),
        log.certificate(|intent| {
            let scope = KeyScope { profiles: [].into(), networks: vec![], expires_at: UnixSeconds(1) };
            intent.facts.session.key = Some(scope);
        }),
        revoked(&log, RevocationTarget::Serial(Serial::at_index(4).unwrap())),
        published(&log, 2, &[], |_| {}),
        What::UserEnabled { user: user(), enabled: true, by: "console".to_owned() },
        What::AccountFrozen { user: user(), source: facts().source },
        login(),
        log.denial(|_| {}),
    ];
    for (index, what) in events.iter().enumerate() {
        let trace = Trace::from_line(&log.event(what).to_line().unwrap()).unwrap();
        assert_eq!(trace, Trace::of(what));
        assert_eq!(trace.is_some(), index < 6, "{what:?}");
    }
}

#[test]
fn nobody_revokes_whom_the_policy_does_not_permit_it() {
    let mut log = TestLog::new();
    log.round(&[revoked(&log, user())]);
    assert_eq!(flaws(&log), [Flaw::RevokedWithoutRight { user: "alice".parse().unwrap() }]);
}

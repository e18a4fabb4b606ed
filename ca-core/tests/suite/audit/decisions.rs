//! Certificates and denials that do not follow from what they rest on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::audit::Flaw;
use ca_core::issuance::Precert;
use ca_core::log::event::{CertificateIntent, RequestDenied, What};
use ca_core::request::CertRequest;
use ca_core::time::{UnixMillis, UnixSeconds};

use super::support::{PROFILES, START, TestLog, facts, login, policy, user_added};
use super::{audit, flaws};

/// Writes a log whose last entry is a certificate that `spoil` has changed, and audits it.
fn spoilt(spoil: impl FnOnce(&mut CertificateIntent)) -> Vec<Flaw> {
    let mut log = TestLog::new();
    let certificate = log.certificate(spoil);
    log.round(&[certificate]);
    flaws(&log)
}

/// The same for a denial.
fn spoilt_denial(spoil: impl FnOnce(&mut RequestDenied)) -> Vec<Flaw> {
    let mut log = TestLog::new();
    let denial = log.denial(spoil);
    log.round(&[denial]);
    flaws(&log)
}

/// The same for a certificate whose request `change` has changed before it was signed and decided.
fn requested(change: impl FnOnce(&mut CertRequest)) -> Vec<Flaw> {
    let mut log = TestLog::new();
    let mut request = log.request();
    change(&mut request);
    let intent = log.intent(&request, facts());
    log.round(&[What::Certificate(Box::new(intent))]);
    flaws(&log)
}

/// Changes what a precert says.
fn forge(intent: &mut CertificateIntent, forge: impl FnOnce(&mut ca_core::cert::Content)) {
    let precert = Precert::from_bytes(&STANDARD.decode(&intent.precert).unwrap()).unwrap();
    let mut content = precert.content().clone();
    forge(&mut content);
    intent.precert = STANDARD.encode(content.to_be_signed(None));
}

#[test]
fn i6_a_precert_that_says_more_than_was_granted_is_found() {
    type Forge = fn(&mut ca_core::cert::Content);
    let forges: [Forge; 6] = [
        |content| content.principals.push("root".to_owned()),
        |content| content.valid_before = UnixSeconds(u64::MAX),
        |content| content.key_id = "bo@example.com/1".to_owned(),
        |content| content.serial += 1,
        |content| content.critical_options.clear(),
        |content| drop(content.extensions.insert("permit-X11-forwarding".to_owned(), Vec::new())),
    ];
    for change in forges {
        assert_eq!(spoilt(|intent| forge(intent, change)), [Flaw::OtherPrecert]);
    }
}

#[test]
fn i6_a_precert_that_is_none_is_found() {
    assert!(matches!(&spoilt(|intent| intent.precert = STANDARD.encode(b"x"))[..], [Flaw::Precert(_)]));
    let everybody = spoilt(|intent| forge(intent, |content| content.principals.clear()));
    assert!(matches!(&everybody[..], [Flaw::Precert(_)]), "{everybody:?}");
    let short_nonce = spoilt(|intent| forge(intent, |content| content.nonce.truncate(16)));
    assert!(matches!(&short_nonce[..], [Flaw::Precert(_)]), "{short_nonce:?}");
}

#[test]
fn i6_fields_that_do_not_follow_from_the_evidence_are_found() {
    type Spoil = fn(&mut CertificateIntent);
    let spoils: [(&str, Spoil); 10] = [
        ("profile", |intent| intent.profile = "prod".parse().unwrap()),
        ("principals", |intent| intent.principals = vec!["root".to_owned()]),
        ("ttl", |intent| intent.ttl = "1s".parse().unwrap()),
        ("reason", |intent| intent.reason = None),
        ("approvers", |intent| intent.approvers = vec!["bo".parse().unwrap()]),
        ("key", |intent| intent.key = "SHA256:x".to_owned()),
        ("key_id", |intent| intent.key_id = "bo@example.com/1".to_owned()),
        ("serial", |intent| intent.serial = 1),
        ("valid_after", |intent| intent.valid_after = UnixSeconds(0)),
        ("valid_before", |intent| intent.valid_before = UnixSeconds(u64::MAX)),
    ];
    for (name, spoil) in spoils {
        assert_eq!(spoilt(spoil), [Flaw::Field(name)], "{name}");
    }
}

#[test]
fn i6_a_request_that_its_key_did_not_sign_is_found() {
    let other = spoilt(|intent| intent.request = intent.request.replace("INC-42", "INC-43"));
    assert!(matches!(&other[..], [Flaw::Possession(_)]), "{other:?}");
    let unreadable = spoilt(|intent| intent.request.push(' '));
    assert!(matches!(&unreadable[..], [Flaw::Request(_)]), "{unreadable:?}");
}

#[test]
fn a12_a_request_for_another_authority_or_time_is_found() {
    let elsewhere = requested(|request| request.authority = "other.example.com/log".parse().unwrap());
    assert!(matches!(&elsewhere[..], [Flaw::Request(_)]), "{elsewhere:?}");
    // The fourth round is six seconds after the start; a second is judged as a whole.
    let made_at = |millis: u64| requested(|request| request.id = request_id(START * 1000 + millis));
    let (decided, allowed) = (6_000, 120_000);
    for fresh in [decided, decided + allowed, decided + allowed + 999] {
        assert_eq!(made_at(fresh), [], "{fresh}");
    }
    let late = made_at(decided + allowed + 1000);
    assert!(matches!(&late[..], [Flaw::Request(_)]), "{late:?}");
}

fn request_id(millis: u64) -> ca_core::names::RequestId {
    ca_core::names::RequestId::from_parts(UnixMillis(millis), 77)
}

#[test]
fn i6_a_decision_by_other_facts_is_found() {
    let no_account = spoilt(|intent| intent.facts.user.groups.extend(["operators".parse().unwrap()]));
    assert!(matches!(&no_account[..], [Flaw::NoAccount { .. }]), "{no_account:?}");
    let no_login = spoilt(|intent| "session-2".clone_into(&mut intent.facts.session.id));
    assert!(matches!(&no_login[..], [Flaw::NoLogin { .. }]), "{no_login:?}");
    let too_old = spoilt(|intent| intent.facts.session.factors[0].at = UnixSeconds(START - 100_000));
    assert!(matches!(&too_old[..], [Flaw::Denied { .. }]), "{too_old:?}");
}

#[test]
fn i6_a_disabled_account_gets_nothing() {
    let mut log = TestLog::new();
    let disable =
        |enabled| What::UserEnabled { user: "alice".parse().unwrap(), enabled, by: "officer".to_owned() };
    log.round(&[disable(false)]);
    let in_flight = log.certificate(|_| {});
    log.round(&[in_flight]);
    assert_eq!(audit(&log), [], "another node may not have heard of it yet");
    log.time = UnixMillis(log.time.0 + 60_000);
    let after = log.certificate(|_| {});
    log.round(&[after]);
    assert!(matches!(&flaws(&log)[..], [Flaw::AccountDisabled { by: 4, .. }]));
}

#[test]
fn i6_only_a_policy_in_force_decides() {
    let unknown = spoilt(|intent| intent.policy = "00".repeat(32).try_into().unwrap());
    assert!(matches!(&unknown[..], [Flaw::PolicyUnknown { .. }]), "{unknown:?}");

    let mut log = TestLog::new();
    let lax = log.policy.clone();
    log.policy = super::support::policy(&super::support::PROFILES.replace("2h", "1h"));
    log.round(&[log.adopted()]);
    log.time = UnixMillis(log.time.0 + 60_000);
    log.policy = lax;
    let by_old_policy = log.certificate(|_| {});
    log.round(&[by_old_policy]);
    assert!(matches!(&flaws(&log)[..], [Flaw::PolicyReplaced { replaced: 4, .. }]));
}

#[test]
fn i6_another_ca_is_found() {
    let other = spoilt(|intent| "SHA256:x".clone_into(&mut intent.ca));
    assert!(matches!(&other[..], [Flaw::UnknownCa { .. }, Flaw::Field("ca")]), "{other:?}");
    let mut log = TestLog::new();
    let holder = log.request().key.key().clone();
    let forged = log.certificate(|intent| forge(intent, |content| content.ca = holder));
    log.round(&[forged]);
    assert_eq!(flaws(&log), [Flaw::Field("ca")]);
}

#[test]
fn i6_a_certificate_by_another_ca_than_the_profile_chooses_is_found() {
    for honest in [true, false] {
        let mut log = TestLog::empty();
        let ca = if honest { &log.ca } else { &log.host_ca }.fingerprint();
        log.policy = policy(&PROFILES.replacen("[\"totp\"]", &format!("[\"totp\"]\nca = \"{ca}\""), 1));
        log.round(&[log.created(), log.adopted()]);
        log.round(&[user_added(), login()]);
        let certificate = log.certificate(|_| ());
        log.round(&[certificate]);
        let expected = if honest { vec![] } else { vec![Flaw::Field("ca")] };
        assert_eq!(flaws(&log), expected);
    }
}

#[test]
fn i8_a_request_id_used_twice_is_found() {
    let mut log = TestLog::new();
    let request = log.request();
    for _ in 0..2 {
        let intent = log.intent(&request, facts());
        log.round(&[What::Certificate(Box::new(intent))]);
    }
    assert_eq!(flaws(&log), [Flaw::RequestIdTwice { id: request.id, first: 4 }]);
}

#[test]
fn a_decision_long_before_its_entry_is_found() {
    let mut log = TestLog::new();
    let early = log.certificate(|_| {});
    log.time = UnixMillis(log.time.0 + 601_000);
    log.round(&[early]);
    assert!(matches!(&flaws(&log)[..], [Flaw::Lag { .. }]));
    let later = spoilt_denial(|denied| denied.decided_at = denied.decided_at.plus_secs(61));
    assert!(matches!(&later[..], [Flaw::Lag { .. }]), "{later:?}");
}

#[test]
fn i6_a_denial_must_be_what_the_policy_says() {
    assert_eq!(spoilt_denial(|_| {}), []);
    let other = spoilt_denial(|denied| denied.reasons = vec!["no".to_owned()]);
    assert!(matches!(&other[..], [Flaw::OtherReasons { .. }]), "{other:?}");
    let mut log = TestLog::new();
    let request = log.request();
    let text = request.to_text();
    let signature = log.prove(&text);
    let denial = log.denial(|denied| (denied.request, denied.signature) = (text, signature));
    log.round(&[denial]);
    assert_eq!(flaws(&log), [Flaw::Granted { profile: "dev".parse().unwrap() }]);
}

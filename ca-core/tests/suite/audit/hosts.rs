//! Certificates for hosts that do not follow from what they rest on, or are by the wrong CA (H4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::audit::Flaw;
use ca_core::host_request::{CheckedHostRequest, HostRequest, NAMESPACE};
use ca_core::issuance::{HostCa, Precert};
use ca_core::log::event::{HostCertificateIntent, HostRequestDenied, What};
use ca_core::names::{RequestId, Serial};
use ca_core::policy::{Facts, decide_host};
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;

use super::support::{TestLog, added, facts};
use super::{audit, flaws};

fn officer() -> Facts {
    let mut facts = facts();
    facts.user.groups = ["officers".parse().unwrap()].into();
    facts
}

/// A log whose user is an officer.
fn log() -> TestLog {
    let mut log = TestLog::empty();
    log.round(&[log.created(), log.adopted()]);
    log.round(&[added(officer().user), super::support::login()]);
    log
}

fn request(log: &mut TestLog) -> HostRequest {
    let request = log.request();
    HostRequest {
        authority: request.authority,
        id: request.id,
        user: request.user,
        profile: "db".parse().unwrap(),
        ttl: None,
        names: "db1.example.com".parse().unwrap(),
        key: request.key,
        reason: None,
    }
}

fn intent(log: &TestLog, request: &HostRequest, ca: &PublicKey) -> HostCertificateIntent {
    let signature = Some(log.prove_as(NAMESPACE, &request.to_text()));
    let checked = CheckedHostRequest::verify(request.clone(), signature.clone()).unwrap();
    let grant = decide_host(&log.policy, &checked, &officer(), log.now()).unwrap();
    let serial = Serial::at_index(log.size()).unwrap();
    let precert = Precert::prepare_host(&grant, serial, &[9; 32], &HostCa::new(ca.clone()));
    HostCertificateIntent {
        request: request.to_text(),
        signature,
        facts: officer(),
        policy: log.policy.id(),
        decided_at: log.now(),
        precert: STANDARD.encode(precert.bytes()),
        request_id: request.id,
        profile: request.profile.clone(),
        names: grant.names,
        ttl: grant.ttl,
        reason: None,
        key: request.key.key().fingerprint().to_string(),
        key_id: grant.key_id.as_str().to_owned(),
        serial: serial.get(),
        ca: ca.fingerprint().to_string(),
        valid_after: grant.valid_after,
        valid_before: grant.valid_before,
    }
}

/// Writes a log whose last entry is a host's certificate that `spoil` has changed, and audits it.
fn spoilt(spoil: impl FnOnce(&mut HostCertificateIntent)) -> Vec<Flaw> {
    let mut log = log();
    let (request, ca) = (request(&mut log), log.host_ca.clone());
    let mut intent = intent(&log, &request, &ca);
    spoil(&mut intent);
    log.round(&[What::HostCertificate(Box::new(intent))]);
    flaws(&log)
}

fn denial(log: &mut TestLog) -> HostRequestDenied {
    let request = HostRequest { names: "web1.example.org".parse().unwrap(), ..request(log) };
    HostRequestDenied {
        request: request.to_text(),
        signature: None,
        facts: officer(),
        policy: log.policy.id(),
        decided_at: log.now(),
        reasons: vec![
            "db is not for a host called web1.example.org".to_owned(),
            "db needs a request signed by the host's own key".to_owned(),
        ],
    }
}

#[test]
fn i6_an_honest_log_with_hosts_is_clean() {
    assert_eq!(spoilt(|_| {}), []);
    let mut log = log();
    let denied = denial(&mut log);
    log.round(&[What::HostRequestDenied(Box::new(denied))]);
    assert_eq!(audit(&log), []);
}

#[test]
fn i6_a_host_certificate_that_says_more_than_was_granted_is_found() {
    type Forge = fn(&mut ca_core::cert::Content);
    let forges: [Forge; 4] = [
        |content| content.principals.push("db2.example.com".to_owned()),
        |content| content.valid_before = UnixSeconds(u64::MAX),
        |content| content.key_id = "alice@example.com/1".to_owned(),
        |content| content.serial += 1,
    ];
    let audited = |forge: &dyn Fn(&mut ca_core::cert::Content)| {
        spoilt(|intent| {
            let precert = Precert::from_bytes(&STANDARD.decode(&intent.precert).unwrap()).unwrap();
            let mut content = precert.content().clone();
            forge(&mut content);
            intent.precert = STANDARD.encode(content.to_be_signed(None));
        })
    };
    for forge in forges {
        assert_eq!(audited(&forge), [Flaw::OtherPrecert]);
    }
    let as_user = audited(&|content| content.kind = ca_core::cert::CertKind::User);
    assert!(matches!(as_user[..], [Flaw::Precert(_) | Flaw::OtherPrecert]), "{as_user:?}");
}

#[test]
fn i6_what_a_host_certificate_rests_on_is_replayed() {
    type Spoil = fn(&mut HostCertificateIntent);
    let spoils: [(&str, Spoil); 7] = [
        ("names", |intent| intent.names = "db2.example.com".parse().unwrap()),
        ("ttl", |intent| intent.ttl = "1s".parse().unwrap()),
        ("reason", |intent| intent.reason = Some("x".parse().unwrap())),
        ("key", |intent| intent.key.push('x')),
        ("key_id", |intent| intent.key_id.push('x')),
        ("request_id", |intent| intent.request_id = RequestId::from_parts(intent.request_id.time(), 99)),
        ("valid_before", |intent| intent.valid_before = UnixSeconds(u64::MAX)),
    ];
    for (name, spoil) in spoils {
        assert_eq!(spoilt(spoil), [Flaw::Field(name)]);
    }
    let other_names = spoilt(|intent| intent.request = intent.request.replace("db1", "db2"));
    assert!(matches!(other_names[..], [Flaw::Possession(_)]), "{other_names:?}");
    let beyond = spoilt(|intent| {
        intent.signature = None;
        intent.request = intent.request.replace("db1.example.com", "db1.example.org");
    });
    assert!(matches!(beyond[..], [Flaw::Denied { .. }]), "{beyond:?}");
    let unproven = spoilt(|intent| intent.signature = None);
    assert!(matches!(unproven[..], [Flaw::Denied { .. }]), "the profile demands possession: {unproven:?}");
}

#[test]
fn i6_a_denial_of_a_host_is_replayed() {
    let mut log = log();
    let mut denied = denial(&mut log);
    denied.reasons = vec!["no".to_owned()];
    log.round(&[What::HostRequestDenied(Box::new(denied))]);
    assert!(matches!(flaws(&log)[..], [Flaw::OtherReasons { .. }]));
}

#[test]
fn h4_a_host_certificate_by_the_ca_for_users_is_found_and_the_other_way_round() {
    let mut log = log();
    let (request, users) = (request(&mut log), log.ca.clone());
    let by_users = intent(&log, &request, &users);
    log.round(&[What::HostCertificate(Box::new(by_users))]);
    assert_eq!(flaws(&log), [Flaw::OtherRole { ca: users.fingerprint().to_string() }]);

    let mut log = TestLog::new();
    let hosts = log.host_ca.clone();
    log.ca = hosts.clone();
    let by_hosts = log.certificate(|_| {});
    log.round(&[by_hosts]);
    assert_eq!(flaws(&log), [Flaw::OtherRole { ca: hosts.fingerprint().to_string() }]);
}

#[test]
fn h4_one_ca_in_both_roles_is_found() {
    let mut log = TestLog::empty();
    log.host_ca = log.ca.clone();
    log.round(&[log.created()]);
    let both = Flaw::OtherRole { ca: log.ca.fingerprint().to_string() };
    assert_eq!(flaws(&log), [both]);
}

#[test]
fn a_log_from_before_hosts_takes_a_ca_for_them_later_and_not_before() {
    let mut log = TestLog::empty();
    let What::LogCreated { origin, ca, .. } = log.created() else { panic!("not created") };
    log.round(&[What::LogCreated { origin, ca, host_ca: Vec::new() }, log.adopted()]);
    log.round(&[added(officer().user), super::support::login()]);
    let (early, hosts) = (request(&mut log), log.host_ca.clone());
    let early = intent(&log, &early, &hosts);
    log.round(&[What::HostCertificate(Box::new(early))]);
    let fingerprint = hosts.fingerprint().to_string();
    assert_eq!(flaws(&log), [Flaw::UnknownCa { ca: fingerprint.clone() }]);
    log.round(&[What::HostCaAdded { ca: fingerprint, by: "console".to_owned() }]);
    let late = request(&mut log);
    let late = intent(&log, &late, &hosts);
    log.round(&[What::HostCertificate(Box::new(late))]);
    assert_eq!(audit(&log).len(), 1, "only the early one");
}

#[test]
fn i8_one_request_id_is_one_certificate_of_either_kind() {
    let mut log = log();
    let (request, hosts) = (request(&mut log), log.host_ca.clone());
    let first = intent(&log, &request, &hosts);
    log.round(&[What::HostCertificate(Box::new(first))]);
    let again = intent(&log, &request, &hosts);
    log.round(&[What::HostCertificate(Box::new(again))]);
    assert!(matches!(flaws(&log)[..], [Flaw::RequestIdTwice { .. }]));
}

//! The event's line, which is a format: what is written for each type, and what is not read.

use crate::support::ledger::{grant, intent};
use crate::support::{NOW, facts, now, policy};
use ca_core::issuance::{Precert, UserCa};
use ca_core::log::event::{Event, HostCertificateIntent, Mark, RequestDenied, What};
use ca_core::log::hash::sha256;
use ca_core::log::leaf::{EntryType, Leaf};
use ca_core::names::{RequestId, Serial};
use ca_core::policy::{FactorKind, Purpose};
use ca_core::ssh::{KeyKind, PublicKey};

fn line(what: What) -> String {
    Event::new(what, [1; 16], NOW, "node-1").to_line().unwrap()
}

/// What every line of these tests begins with.
const HEAD: &str =
    r#"{"salt":"AQEBAQEBAQEBAQEBAQEBAQ==","time":1790000000000,"at":"2026-09-21T14:13:20Z","node":"node-1","#;

/// The facts of these tests, as they stand in an event.
const FACTS: &str = r#"{"user":{"name":"ann","email":"ann@example.com","groups":["engineers","others"],"enabled":true},"session":{"id":"s1","factors":[{"kind":"totp","at":1789999400}]},"source":{"ip":"192.0.2.7","user_agent":"ca/0.1"}}"#;

fn denied() -> RequestDenied {
    RequestDenied {
        request: "a\nb\n".to_owned(),
        signature: "sig".to_owned(),
        facts: facts(),
        policy: policy(&[]).id(),
        decided_at: now(),
        reasons: vec!["no".to_owned()],
    }
}

fn created(host_ca: &[&str]) -> What {
    let origin = "ca.example.com/log".parse().unwrap();
    let host_ca = host_ca.iter().map(ToString::to_string).collect();
    What::LogCreated { origin, ca: vec!["SHA256:x".to_owned()], host_ca }
}

fn log_events() -> Vec<(What, String)> {
    vec![
        (created(&[]), r#""type":"log-created","origin":"ca.example.com/log","ca":["SHA256:x"]}"#.to_owned()),
        (
            created(&["SHA256:y"]),
            r#""type":"log-created","origin":"ca.example.com/log","ca":["SHA256:x"],"host_ca":["SHA256:y"]}"#
                .to_owned(),
        ),
        (
            What::UserCaAdded { ca: "SHA256:z".to_owned(), by: "console".to_owned() },
            r#""type":"user-ca-added","ca":"SHA256:z","by":"console"}"#.to_owned(),
        ),
        (
            What::HostCaAdded { ca: "SHA256:y".to_owned(), by: "console".to_owned() },
            r#""type":"host-ca-added","ca":"SHA256:y","by":"console"}"#.to_owned(),
        ),
    ]
}

fn plain_events() -> Vec<(What, String)> {
    let ann = || "ann".parse().unwrap();
    let id = policy(&[]).id();
    vec![
        (
            What::PolicyAdopted { policy: id, text: "a = 1\n".to_owned() },
            format!(r#""type":"policy-adopted","policy":"{id}","text":"a = 1\n"}}"#),
        ),
        (
            What::UserAdded {
                user: ann(),
                email: "ann@example.com".parse().unwrap(),
                groups: vec!["engineers".parse().unwrap()],
                person: None,
                factors: vec![FactorKind::Totp, FactorKind::Webauthn],
                by: "operator".to_owned(),
            },
            r#""type":"user-added","user":"ann","email":"ann@example.com","groups":["engineers"],"factors":["totp","webauthn"],"by":"operator"}"#.to_owned(),
        ),
        (
            What::UserEnabled { user: ann(), enabled: false, by: "operator".to_owned() },
            r#""type":"user-enabled","user":"ann","enabled":false,"by":"operator"}"#.to_owned(),
        ),
        (
            What::UserReset { user: ann(), factors: vec![FactorKind::Totp], by: "operator".to_owned() },
            r#""type":"user-reset","user":"ann","factors":["totp"],"by":"operator"}"#.to_owned(),
        ),
        (
            What::SealingKeyRotated { keys: vec!["0a".to_owned(), "0b".to_owned()], by: "operator".to_owned() },
            r#""type":"sealing-key-rotated","keys":["0a","0b"],"by":"operator"}"#.to_owned(),
        ),
        (
            What::UserUnlocked { user: ann(), by: "operator".to_owned() },
            r#""type":"user-unlocked","user":"ann","by":"operator"}"#.to_owned(),
        ),
        (
            What::LoginSucceeded {
                user: ann(),
                email: "ann@example.com".parse().unwrap(),
                session: "s1".to_owned(),
                purpose: Purpose::Access,
                factors: vec![FactorKind::Sms, FactorKind::Yubikey, FactorKind::Recovery],
                source: facts().source,
            },
            r#""type":"login-succeeded","user":"ann","email":"ann@example.com","session":"s1","purpose":"access","factors":["sms","yubikey","recovery"],"source":{"ip":"192.0.2.7","user_agent":"ca/0.1"}}"#.to_owned(),
        ),
        (
            What::FactorAdded {
                user: ann(),
                kind: FactorKind::Totp,
                factor: "01J".to_owned(),
                label: "work phone".parse().unwrap(),
                session: "s1".to_owned(),
                source: facts().source,
            },
            r#""type":"factor-added","user":"ann","kind":"totp","factor":"01J","label":"work phone","session":"s1","source":{"ip":"192.0.2.7","user_agent":"ca/0.1"}}"#.to_owned(),
        ),
        (
            What::PasswordChanged { user: ann(), session: "s1".to_owned(), source: facts().source },
            r#""type":"password-changed","user":"ann","session":"s1","source":{"ip":"192.0.2.7","user_agent":"ca/0.1"}}"#.to_owned(),
        ),
        (
            What::LoginFailed {
                account: "ann".to_owned(),
                source: "2001:db8::1".parse().unwrap(),
                reason: "totp".to_owned(),
                count: 3,
                window_secs: 60,
            },
            r#""type":"login-failed","account":"ann","source":"2001:db8::1","reason":"totp","count":3,"window_secs":60}"#.to_owned(),
        ),
        (
            What::FactorDisabled { user: ann(), factor: "totp".to_owned(), failures: 100 },
            r#""type":"factor-disabled","user":"ann","factor":"totp","failures":100}"#.to_owned(),
        ),
        (
            What::RequestDenied(Box::new(denied())),
            format!(
                r#""type":"request-denied","request":"a\nb\n","signature":"sig","facts":{FACTS},"policy":"{id}","decided_at":1790000000,"reasons":["no"]}}"#
            ),
        ),
        (
            What::KrlPublished(Box::new(ca_core::log::event::KrlPublished {
                version: ca_core::krl::KrlVersion(7),
                sha256: "00ff".to_owned(),
                covers: 5,
                generated: ca_core::time::UnixSeconds(1_790_000_000),
                certificates: 2,
                keys: 1,
            })),
            r#""type":"krl-published","version":7,"sha256":"00ff","covers":5,"generated":1790000000,"certificates":2,"keys":1}"#.to_owned(),
        ),
        (
            What::SigningFailed { index: 9, cause: "no".to_owned() },
            r#""type":"signing-failed","index":9,"cause":"no"}"#.to_owned(),
        ),
    ]
}

#[test]
fn the_line_of_every_type_stays_as_it_is() {
    for (what, expected) in log_events().into_iter().chain(plain_events()) {
        let line = line(what.clone());
        assert_eq!(line, format!("{HEAD}{expected}"));
        let read = Event::from_line(&line).unwrap();
        assert_eq!((&read.what, read.precert().unwrap()), (&what, None));
        assert_eq!(read.to_line().unwrap(), line);
        let leaf = Leaf::new(EntryType::Event, NOW, None, sha256(line.as_bytes()));
        assert_eq!(read.leaf(&line).unwrap(), leaf);
    }
}

#[test]
fn the_line_of_a_certificate_stays_as_it_is() {
    // A key that is always the same: the RFC 8032 test vector's public half.
    let fixed = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    let fixed: PublicKey = fixed.parse().unwrap();
    let mut grant = grant(KeyKind::Ed25519);
    grant.key = fixed.clone().try_into().unwrap();
    let precert =
        Precert::prepare(&grant, Serial::at_index(7).unwrap(), &[7; 32], &UserCa::new(fixed.clone()));
    let mut intent = intent(KeyKind::Ed25519, &precert);
    (intent.request, intent.signature) = ("r\n".to_owned(), "s".to_owned());
    intent.precert = "cHJlY2VydA==".to_owned();
    let id = policy(&[]).id();
    let request_id = intent.request_id;
    let what = What::Certificate(Box::new(intent));
    let line = line(what.clone());
    let expected = format!(
        r#"{HEAD}"type":"certificate","request":"r\n","signature":"s","facts":{FACTS},"policy":"{id}","decided_at":1790000000,"precert":"cHJlY2VydA==","request_id":"{request_id}","profile":"dev","principals":["ann","deploy"],"ttl":"1h","reason":"INC-42: look at the logs","approvers":[],"key":"{0}","key_id":"ann@example.com/{request_id}","serial":7,"ca":"{0}","valid_after":1789999970,"valid_before":1790003600}}"#,
        fixed.fingerprint()
    );
    assert_eq!(line, expected);
    let read = Event::from_line(&line).unwrap();
    assert_eq!((&read.what, read.precert().unwrap()), (&what, Some(b"precert".to_vec())));
    let leaf = Leaf::new(EntryType::Certificate, NOW, Some(b"precert"), sha256(line.as_bytes()));
    assert_eq!(read.leaf(&line).unwrap(), leaf);
}

#[test]
fn the_leaf_is_92_bytes_in_the_documented_order() {
    let bytes = Leaf::new(EntryType::Certificate, NOW, Some(b"precert"), [9; 32]).to_bytes();
    let parts =
        [b"countersign/leaf/v1", &[2][..], &NOW.0.to_be_bytes(), &sha256(b"precert"), &[9; 32]].concat();
    assert_eq!((bytes.to_vec(), bytes.len()), (parts, 92));
    let bytes = Leaf::new(EntryType::Event, NOW, None, [9; 32]).to_bytes();
    assert_eq!((bytes[19], &bytes[28..60]), (1, &sha256(b"")[..]));
}

#[test]
fn what_is_no_event_is_an_error_that_says_why() {
    let good = line(What::SigningFailed { index: 9, cause: "no".to_owned() });
    for (bad, why) in [
        (good.replace("signing-failed", "coffee-made"), "unknown variant `coffee-made`"),
        (good.replace(r#""type":"signing-failed","#, ""), "missing field `type`"),
        (good.replace(r#""index":9,"#, ""), "missing field `index`"),
        (good.replace(r#""index":9"#, r#""index":-9"#), "invalid value"),
        (good.replace(r#""index":9"#, r#""index":9,"index":9"#), "duplicate field"),
        (good.replace(r#""time":"#, r#""time":1,"time":"#), "duplicate field"),
        (good.replace(r#""salt""#, r#""pepper""#), "missing field `salt`"),
        (good.clone() + "x", "trailing characters"),
        (good[..good.len() - 1].to_owned(), "EOF"),
        (String::new(), "EOF"),
        ("[]".to_owned(), "not an event"),
    ] {
        let error = Event::from_line(&bad).unwrap_err().to_string();
        assert!(error.contains(why), "{bad}: {error}");
    }
    let user = line(What::UserEnabled { user: "ann".parse().unwrap(), enabled: true, by: "x".to_owned() });
    let error = Event::from_line(&user.replace("\"ann\"", "\"Ann\"")).unwrap_err().to_string();
    assert!(error.contains("^[a-z0-9_]"), "names are checked: {error}");
}

#[test]
fn i9_a7_whatever_is_said_stays_on_its_line() {
    for text in ["a\nb", "a\r\nb", "\u{2028}", "\0", "\u{1b}[31m", "\"}", "\u{85}", "é"] {
        let what = What::LoginFailed {
            account: text.to_owned(),
            source: "::1".parse().unwrap(),
            reason: text.to_owned(),
            count: 1,
            window_secs: 0,
        };
        let line = line(what.clone());
        assert!(!line.bytes().any(|b| b < 0x20), "{line:?}");
        assert_eq!(Event::from_line(&line).unwrap().what, what);
    }
}

#[test]
fn the_line_of_a_hosts_certificate_stays_as_it_is() {
    let request_id = RequestId::from_parts(NOW, 7);
    let id = policy(&[]).id();
    let what = What::HostCertificate(Box::new(HostCertificateIntent {
        request: "r\n".to_owned(),
        signature: None,
        facts: facts(),
        policy: id,
        decided_at: now(),
        precert: "cHJlY2VydA==".to_owned(),
        request_id,
        profile: "db".parse().unwrap(),
        names: "*.db.x,db1.x".parse().unwrap(),
        ttl: "168h".parse().unwrap(),
        reason: None,
        key: "SHA256:k".to_owned(),
        key_id: format!("host/db1.x/{request_id}"),
        serial: 7,
        ca: "SHA256:y".to_owned(),
        valid_after: now(),
        valid_before: now(),
    }));
    let line = line(what.clone());
    let expected = format!(
        r#"{HEAD}"type":"host-certificate","request":"r\n","signature":null,"facts":{FACTS},"policy":"{id}","decided_at":1790000000,"precert":"cHJlY2VydA==","request_id":"{request_id}","profile":"db","names":["db1.x","*.db.x"],"ttl":"168h","reason":null,"key":"SHA256:k","key_id":"host/db1.x/{request_id}","serial":7,"ca":"SHA256:y","valid_after":1790000000,"valid_before":1790000000}}"#
    );
    assert_eq!(line, expected);
    assert_eq!(Mark::from_line(&line).unwrap().request_id, Some(request_id));
    let read = Event::from_line(&line).unwrap();
    assert_eq!((&read.what, read.precert().unwrap()), (&what, Some(b"precert".to_vec())));
    let leaf = Leaf::new(EntryType::Certificate, NOW, Some(b"precert"), sha256(line.as_bytes()));
    assert_eq!(read.leaf(&line).unwrap(), leaf);
}

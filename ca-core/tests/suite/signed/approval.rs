//! I5: an approval is for exactly one request, by exactly one officer's key.

use ca_core::approval::{
    Approval, ApprovalError, KEY_NAMESPACE, NAMESPACE, ProvenApproval, ProvenSigningKey, RequestHash,
    SigningKey, Subject, Verdict,
};
use ca_core::names::{ApprovalId, RequestId};
use ca_core::request::CertRequest;
use ca_core::ssh::{HashedMessage, KeyKind, PublicKey};
use ca_core::time::{UnixMillis, UnixSeconds};

use crate::support::keys::key;
use crate::support::{KINDS, NOW, ORIGIN, certifiable, policy, request};

fn subject(request: &CertRequest) -> Subject {
    Subject {
        authority: request.authority.clone(),
        request: request.id,
        request_hash: RequestHash::of(&request.to_text()),
        policy: policy(&[]).id(),
        expires_at: UnixSeconds(1_790_003_600),
    }
}

fn approval() -> Approval {
    let Subject { authority, request, request_hash, policy, expires_at } =
        subject(&request(KeyKind::Ed25519));
    Approval {
        authority,
        id: ApprovalId::from_parts(NOW, 3),
        request_hash,
        request,
        policy,
        approver: "bo".parse().unwrap(),
        verdict: Verdict::Approve,
        expires_at,
        note: Some("ok, watched".parse().unwrap()),
    }
}

fn sign(kind: KeyKind, namespace: &'static str, text: &str) -> String {
    let message = HashedMessage::new(namespace, text.as_bytes());
    message.armour(key(kind).public(), &key(kind).sign(&message.to_be_signed()))
}

fn public(kind: KeyKind) -> PublicKey {
    key(kind).public().clone()
}

#[test]
fn what_is_signed_is_one_readable_text() {
    let text = approval().to_text();
    assert_eq!(Approval::from_text(&text).unwrap(), approval());
    let lines: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let names = "countersign authority id request-sha256 request policy approver verdict expires note";
    assert_eq!(lines.join(" "), names);
    let quiet = Approval { note: None, verdict: Verdict::Deny, ..approval() };
    assert_eq!(Approval::from_text(&quiet.to_text()).unwrap(), quiet);
}

#[test]
fn only_the_canonical_form_is_read() {
    let text = approval().to_text();
    let wrong = [
        text.replace("approve\n", "Approve\n"),
        text.replace("expires ", "expires 0"),
        text.replace("expires ", "expires +"),
        text.replace("request-sha256 ", "request-sha256 AA"),
        text.to_uppercase(),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!("{text}more x\n"),
        text.replace('\n', "\r\n"),
        text.replace("approver bo", "approver  bo"),
        text.replace("v1", "v2"),
        text.lines().rev().collect::<Vec<_>>().join("\n"),
    ];
    for wrong in wrong {
        assert!(Approval::from_text(&wrong).is_err(), "{wrong}");
    }
    let hash = RequestHash::of("x").to_string();
    assert!(Approval::from_text(&text.replace(&approval().request_hash.to_string(), &hash)).is_ok());
    let shouted = approval().request_hash.to_string().to_uppercase();
    let other = text.replace(&approval().request_hash.to_string(), &shouted);
    assert_eq!(Approval::from_text(&other), Err(ApprovalError::NotCanonical));
}

#[test]
fn i5_keys_of_every_kind_approve_and_nobody_elses() {
    for kind in KINDS {
        let signature = sign(kind, NAMESPACE, &approval().to_text());
        let other = if kind == KeyKind::Ed25519 { KeyKind::Rsa } else { KeyKind::Ed25519 };
        let proven =
            ProvenApproval::verify(approval(), signature.clone(), &[public(other), public(kind)]).unwrap();
        assert_eq!((proven.approval(), proven.text()), (&approval(), approval().to_text().as_str()));
        let unknown = ProvenApproval::verify(approval(), signature.clone(), &[public(other)]);
        assert_eq!(unknown, Err(ApprovalError::NoSuchKey));
        assert_eq!(ProvenApproval::verify(approval(), signature.clone(), &[]), Err(ApprovalError::NoSuchKey));
        let more = Approval { note: None, ..approval() };
        assert!(ProvenApproval::verify(more, signature, &[public(kind)]).is_err(), "{kind:?}: another text");
        // No signature that the key makes for other ends is an approval (A12).
        for namespace in ["file", ca_core::request::NAMESPACE, KEY_NAMESPACE] {
            let signature = sign(kind, namespace, &approval().to_text());
            assert!(ProvenApproval::verify(approval(), signature, &[public(kind)]).is_err());
        }
    }
}

#[test]
fn a2_every_field_of_a_request_altered_after_approval_is_refused() {
    let alter: [fn(&mut CertRequest); 8] = [
        |r| r.authority = "other.example.com/log".parse().unwrap(),
        |r| r.id = RequestId::from_parts(NOW, 8),
        |r| r.user = "bob".parse().unwrap(),
        |r| r.profile = "prod".parse().unwrap(),
        |r| r.ttl = Some("2h".parse().unwrap()),
        |r| r.principals = Some(vec!["root".parse().unwrap()].try_into().unwrap()),
        |r| r.key = certifiable(KeyKind::Rsa),
        |r| r.reason = Some("INC-43".parse().unwrap()),
    ];
    assert_eq!(approval().check_about(&subject(&request(KeyKind::Ed25519))), Ok(()));
    for (at, alter) in alter.into_iter().enumerate() {
        let mut altered = request(KeyKind::Ed25519);
        alter(&mut altered);
        assert!(approval().check_about(&subject(&altered)).is_err(), "case {at}");
    }
    let subject = subject(&request(KeyKind::Ed25519));
    let policy = policy(&["max_ttl = \"5h\""]).id();
    let other_policy = Subject { policy, ..subject.clone() };
    assert_eq!(approval().check_about(&other_policy), Err(ApprovalError::OtherPolicy));
    let later = Subject { expires_at: subject.expires_at.plus_secs(1), ..subject };
    assert_eq!(approval().check_about(&later), Err(ApprovalError::OtherExpiry));
}

#[test]
fn a3_an_approval_is_of_now_and_in_ones_own_name() {
    let at = |secs: i64| UnixMillis(NOW.0.saturating_add_signed(secs * 1000));
    assert_eq!(approval().check_fresh(at(119)), Ok(()));
    for secs in [121, -121, 86_400] {
        assert_eq!(approval().check_fresh(at(secs)), Err(ApprovalError::Stale), "{secs}");
    }
    assert_eq!(approval().check_by(&"bo".parse().unwrap()), Ok(()));
    assert_eq!(approval().check_by(&"chen".parse().unwrap()), Err(ApprovalError::OtherApprover));
}

#[test]
fn a_key_is_registered_by_who_holds_it() {
    for kind in KINDS {
        let new = SigningKey {
            authority: ORIGIN.parse().unwrap(),
            id: ApprovalId::from_parts(NOW, 1),
            user: "bo".parse().unwrap(),
            key: certifiable(kind),
        };
        let text = new.to_text();
        assert_eq!(SigningKey::from_text(&text).unwrap(), new);
        assert!(SigningKey::from_text(&format!("{text}x")).is_err());
        let signature = sign(kind, KEY_NAMESPACE, &text);
        assert_eq!(ProvenSigningKey::verify(new.clone(), &signature).unwrap().key(), &certifiable(kind));
        assert!(ProvenSigningKey::verify(new.clone(), &sign(kind, NAMESPACE, &text)).is_err());
        let (origin, bo) = (new.authority.clone(), new.user.clone());
        assert_eq!(new.check(&origin, &bo, NOW), Ok(()));
        assert_eq!(new.check(&origin, &"chen".parse().unwrap(), NOW), Err(ApprovalError::OtherApprover));
        assert_eq!(new.check(&origin, &bo, UnixMillis(0)), Err(ApprovalError::Stale));
        assert_eq!(
            new.check(&"x.example/log".parse().unwrap(), &bo, NOW),
            Err(ApprovalError::OtherAuthority)
        );
        let stolen = SigningKey { user: "chen".parse().unwrap(), ..new };
        assert!(ProvenSigningKey::verify(stolen, &signature).is_err(), "the name is signed");
    }
}

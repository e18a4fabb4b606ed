//! I5 in the log: an approval counts in an audit only if an officer's own key signed it, for that request, in time.

use aws_lc_rs::signature::Ed25519KeyPair;
use ca_core::approval::{Approval, NAMESPACE, RequestHash, Verdict};
use ca_core::audit::Flaw;
use ca_core::log::event::{
    CertificateIntent, Closing, OfficerVerdict, RequestClosed, RequestPending, SignedApproval,
    SigningKeyChange, What,
};
use ca_core::names::ApprovalId;
use ca_core::policy::{Approver, Facts, Session, User, Waited};
use ca_core::request::CertRequest;
use ca_core::ssh::{HashedMessage, Signature};
use ca_core::time::{UnixMillis, UnixSeconds};

use super::support::{PROFILES, TestLog, added, facts, logged_in, login, policy, public_key, user_added};
use super::{audit, flaws};

/// What a dishonest server does to the story of a request that two officers approve. Each is nothing by default.
#[derive(Clone, Copy)]
struct Lies {
    pending: fn(&mut RequestPending),
    /// Before chen signs.
    approval: fn(&mut Approval),
    /// After chen has signed.
    said: fn(&mut OfficerVerdict),
    /// What the log says between the approvals and the certificate.
    between: fn(&mut Story),
    certificate: fn(&mut CertificateIntent),
}

const HONEST: Lies =
    Lies { pending: |_| (), approval: |_| (), said: |_| (), between: |_| (), certificate: |_| () };

struct Story {
    log: TestLog,
    pending: RequestPending,
    given: Vec<OfficerVerdict>,
}

pub(super) fn key_of(name: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[name.as_bytes()[0]; 32]).unwrap()
}

pub(super) fn officer(name: &str) -> Facts {
    let Facts { session, source, .. } = facts();
    let user = User {
        name: name.parse().unwrap(),
        email: format!("{name}@example.com").parse().unwrap(),
        groups: ["officers".parse().unwrap()].into(),
        enabled: true,
        person: None,
        reduced_until: None,
    };
    Facts::new(user, Session { id: format!("session-{name}"), ..session }, source)
}

pub(super) fn key_change(name: &str) -> Box<SigningKeyChange> {
    let Facts { user, session, source, .. } = officer(name);
    let key = public_key(&key_of(name)).to_string();
    Box::new(SigningKeyChange {
        user: user.name,
        key,
        label: "key".parse().unwrap(),
        session: session.id,
        source,
    })
}

impl Story {
    /// Begins a log with alice, who asks, and officers who have keys; `chen`'s is added last.
    fn begin(lies: Lies) -> Self {
        let mut log = TestLog::empty();
        let approvals = "approvals = { count = 2, groups = [\"officers\"], wait = \"1h\" }\n\n[host_profiles";
        log.policy = policy(&PROFILES.replace("\n[host_profiles", approvals));
        log.round(&[log.created(), log.adopted()]);
        log.round(&[user_added(), login()]);
        for name in ["bo", "chen"] {
            log.round(&[added(officer(name).user), logged_in(officer(name))]);
            log.round(&[What::SigningKeyAdded(key_change(name))]);
        }
        let request = log.request();
        let mut pending = pending(&log, &request);
        (lies.pending)(&mut pending);
        log.round(&[What::RequestPending(Box::new(pending.clone()))]);
        Self { log, pending, given: Vec::new() }
    }

    fn approval(&self, name: &str) -> Approval {
        Approval {
            authority: self.log.origin.clone(),
            id: ApprovalId::from_parts(self.log.time, 1),
            request_hash: RequestHash::of(&self.pending.request),
            request: self.pending.pending_id,
            policy: self.log.policy.id(),
            approver: name.parse().unwrap(),
            verdict: Verdict::Approve,
            expires_at: self.pending.expires_at,
            note: None,
        }
    }

    fn sign(&self, name: &str, approval: &Approval) -> OfficerVerdict {
        let (text, pair) = (approval.to_text(), key_of(name));
        let message = HashedMessage::new(NAMESPACE, text.as_bytes());
        let signature = Signature::new("ssh-ed25519", pair.sign(&message.to_be_signed()).as_ref());
        let signature = message.armour(&public_key(&pair), &signature);
        let Facts { user, session, source, .. } = officer(name);
        let approver = Approver { user, session, source, at: self.log.now() };
        let pending_id = self.pending.pending_id;
        OfficerVerdict { pending_id, signed: SignedApproval { text, signature }, approver }
    }

    fn approve(&mut self, said: OfficerVerdict) {
        self.log.round(&[What::RequestApproved(Box::new(said.clone()))]);
        self.given.push(said);
    }

    fn facts(&self) -> Facts {
        let approvals = self.given.iter().map(|said| said.approver.clone()).collect();
        Facts { waited: Some(Waited { since: self.pending.decided_at, approvals, voucher: None }), ..facts() }
    }

    fn certificate(&self) -> CertificateIntent {
        let request = CertRequest::from_text(&self.pending.request).unwrap();
        let mut intent = self.log.intent(&request, self.facts());
        intent.approvals = self.given.iter().map(|said| said.signed.clone()).collect();
        intent.approvers = self.given.iter().map(|said| said.approver.user.name.clone()).collect();
        intent
    }
}

pub(super) fn pending(log: &TestLog, request: &CertRequest) -> RequestPending {
    let text = request.to_text();
    RequestPending {
        signature: log.prove(&text),
        request: text,
        facts: facts(),
        policy: log.policy.id(),
        decided_at: log.now(),
        pending_id: request.id,
        needed: 2,
        expires_at: log.now().plus_secs(3600),
    }
}

/// Tells the whole story with these lies in it.
fn told(lies: Lies) -> TestLog {
    let mut story = Story::begin(lies);
    let bo = story.sign("bo", &story.approval("bo"));
    story.approve(bo);
    let mut approval = story.approval("chen");
    (lies.approval)(&mut approval);
    let mut chen = story.sign("chen", &approval);
    (lies.said)(&mut chen);
    story.approve(chen);
    (lies.between)(&mut story);
    let mut intent = story.certificate();
    (lies.certificate)(&mut intent);
    story.log.round(&[What::Certificate(Box::new(intent))]);
    story.log
}

fn found(lies: Lies) -> Vec<Flaw> {
    audit(&told(lies)).into_iter().map(|finding| finding.flaw).collect()
}

pub(super) fn user(name: &str) -> ca_core::names::UserName {
    name.parse().unwrap()
}

#[test]
fn i5_what_officers_approved_is_clean() {
    assert_eq!(audit(&told(HONEST)), []);
}

#[test]
fn i5_an_approval_that_the_officer_did_not_sign_is_found() {
    let unrecorded = || Flaw::ApprovalUnrecorded { user: user("chen") };
    let forged =
        Lies { said: |said| said.signed.text = said.signed.text.replace("note ", "note x"), ..HONEST };
    assert!(matches!(&found(forged)[..], [Flaw::Approval(_), last] if *last == unrecorded()));
    // What chen signed is said to be bo's.
    let mut story = Story::begin(HONEST);
    let mut said = story.sign("chen", &story.approval("chen"));
    said.approver = story.sign("bo", &story.approval("bo")).approver;
    story.approve(said);
    assert!(matches!(&flaws(&story.log)[..], [Flaw::Approval(_)]));
    // Bo's key signs in chen's name.
    let mut story = Story::begin(HONEST);
    let approval = story.approval("chen");
    let mut said = story.sign("bo", &approval);
    said.approver = story.sign("chen", &approval).approver;
    story.approve(said);
    assert_eq!(flaws(&story.log), [Flaw::NoSigningKey { user: user("chen") }]);
}

#[test]
fn i5_a2_a3_an_approval_of_something_else_is_found() {
    let others: [fn(&mut Approval); 6] = [
        |approval| approval.request_hash = RequestHash::of("another"),
        |approval| approval.request = ca_core::names::RequestId::from_parts(UnixMillis(1), 1),
        |approval| approval.policy = policy(PROFILES).id(),
        |approval| approval.expires_at = approval.expires_at.plus_secs(1),
        |approval| approval.authority = "other.example/log".parse().unwrap(),
        |approval| approval.verdict = Verdict::Deny,
    ];
    for (at, approval) in others.into_iter().enumerate() {
        let found = found(Lies { approval, ..HONEST });
        let [flaw, Flaw::ApprovalUnrecorded { .. }] = &found[..] else { panic!("case {at}: {found:?}") };
        assert!(matches!(flaw, Flaw::Approval(_) | Flaw::Field("text")), "case {at}: {flaw}");
    }
}

#[test]
fn i5_a_certificate_that_says_more_than_was_approved_is_found() {
    let unrecorded = Flaw::ApprovalUnrecorded { user: user("chen") };
    // Somebody is made up who approved.
    let invented = |intent: &mut CertificateIntent| {
        let waited = intent.facts.waited.as_mut().unwrap();
        waited.approvals[1].at = waited.approvals[1].at.plus_secs(1);
    };
    assert_eq!(found(Lies { certificate: invented, ..HONEST }), [unrecorded]);
    let alone = |intent: &mut CertificateIntent| {
        intent.facts.waited.as_mut().unwrap().approvals.truncate(1);
        intent.approvals.truncate(1);
        intent.approvers.truncate(1);
    };
    assert!(matches!(&found(Lies { certificate: alone, ..HONEST })[..], [Flaw::Unapproved(_)]));
    let twice = |intent: &mut CertificateIntent| {
        let waited = intent.facts.waited.as_mut().unwrap();
        waited.approvals[1] = waited.approvals[0].clone();
        intent.approvals[1] = intent.approvals[0].clone();
    };
    assert!(matches!(&found(Lies { certificate: twice, ..HONEST })[..], [Flaw::Unapproved(_)]));
    let not_said = |intent: &mut CertificateIntent| intent.approvers.truncate(1);
    assert_eq!(found(Lies { certificate: not_said, ..HONEST }), [Flaw::Field("approvers")]);
    let older = |intent: &mut CertificateIntent| {
        let since = &mut intent.facts.waited.as_mut().unwrap().since;
        *since = since.minus_secs(1);
    };
    assert_eq!(found(Lies { certificate: older, ..HONEST }), [Flaw::Field("facts.waited.since")]);
    let elsewhere =
        |intent: &mut CertificateIntent| intent.facts.source.user_agent = Some("other".to_owned());
    assert_eq!(found(Lies { certificate: elsewhere, ..HONEST }), [Flaw::Field("facts.source")]);
    let no_wait = |intent: &mut CertificateIntent| intent.facts.waited = None;
    assert!(found(Lies { certificate: no_wait, ..HONEST }).iter().any(|f| matches!(f, Flaw::Unapproved(_))));
}

#[test]
fn i6_an_approval_or_denial_that_is_dated_otherwise_than_it_was_entered_is_found() {
    let times: [fn(UnixSeconds) -> UnixSeconds; 2] = [|at| at.minus_secs(601), |at| at.plus_secs(61)];
    for dated in times {
        let mut story = Story::begin(HONEST);
        let mut said = story.sign("chen", &story.approval("chen"));
        said.approver.at = dated(said.approver.at);
        story.approve(said);
        assert!(matches!(&flaws(&story.log)[..], [Flaw::Lag { .. }]));

        let mut story = Story::begin(HONEST);
        let no = Approval { verdict: Verdict::Deny, ..story.approval("chen") };
        let mut said = story.sign("chen", &no);
        said.approver.at = dated(said.approver.at);
        story.log.round(&[What::RequestDeniedByOfficer(Box::new(said))]);
        assert!(matches!(&flaws(&story.log)[..], [Flaw::Lag { .. }]));
    }
}

#[test]
fn a5_a_certificate_for_a_request_that_was_closed_is_found() {
    let closed = |story: &mut Story| {
        let pending_id = story.pending.pending_id;
        let (outcome, by) = (Closing::Cancelled, "alice".to_owned());
        story.log.round(&[What::RequestClosed(Box::new(RequestClosed { pending_id, outcome, by }))]);
    };
    assert!(matches!(&found(Lies { between: closed, ..HONEST })[..], [Flaw::WasClosed { .. }]));
    let issued = |story: &mut Story| {
        let first = What::Certificate(Box::new(story.certificate()));
        story.log.round(&[first]);
    };
    let found = found(Lies { between: issued, ..HONEST });
    assert!(found.iter().all(|flaw| matches!(flaw, Flaw::RequestIdTwice { .. })), "{found:?}");
    assert!(!found.is_empty());
}

#[test]
fn a5_a_certificate_after_the_wait_is_found() {
    let late = |story: &mut Story| story.log.time = UnixMillis(story.log.time.0 + 3_600_000);
    let found = found(Lies { between: late, ..HONEST });
    assert!(matches!(&found[..], [Flaw::TooLate { .. }]), "{found:?}");
}

#[test]
fn a1_own_and_unknown_keys_are_found() {
    let mut story = Story::begin(HONEST);
    let Facts { user, session, source, .. } = facts();
    let mut change = *key_change("bo");
    change.user = user.name.clone();
    story.log.round(&[What::SigningKeyAdded(Box::new(change))]);
    assert!(matches!(&flaws(&story.log)[..], [Flaw::SigningKeyOfAnother { .. }]));

    let mut story = Story::begin(HONEST);
    let mut change = *key_change("dee");
    change.user = user.name.clone();
    story.log.round(&[What::SigningKeyAdded(Box::new(change))]);
    let mut said = story.sign("dee", &Approval { approver: user.name.clone(), ..story.approval("dee") });
    said.approver = Approver { user, session, source, at: story.log.now() };
    story.approve(said);
    assert!(matches!(&flaws(&story.log)[..], [Flaw::OwnApproval { .. }]));

    let mut story = Story::begin(HONEST);
    story.log.round(&[What::SigningKeyRemoved(key_change("chen"))]);
    let said = story.sign("chen", &story.approval("chen"));
    story.approve(said);
    assert!(matches!(&flaws(&story.log)[..], [Flaw::NoSigningKey { .. }]));
}

#[test]
fn i6_a_wait_that_the_policy_does_not_ask_for_is_found() {
    let wrong: [fn(&mut RequestPending); 3] = [
        |pending| pending.needed = 1,
        |pending| pending.expires_at = pending.expires_at.plus_secs(60),
        |pending| {
            pending.facts.waited =
                Some(Waited { since: pending.decided_at, approvals: vec![], voucher: None });
        },
    ];
    for (at, lie) in wrong.into_iter().enumerate() {
        let story = Story::begin(Lies { pending: lie, ..HONEST });
        assert_eq!(flaws(&story.log), [Flaw::NoNeedToWait], "case {at}");
    }
    let stale = |pending: &mut RequestPending| {
        pending.decided_at = pending.decided_at.plus_secs(121);
        pending.expires_at = pending.expires_at.plus_secs(121);
    };
    let found = flaws(&Story::begin(Lies { pending: stale, ..HONEST }).log);
    assert!(matches!(&found[..], [Flaw::Lag { .. }, Flaw::Request(_)]), "{found:?}");
}

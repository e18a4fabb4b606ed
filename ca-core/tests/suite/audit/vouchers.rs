//! I5 in the log: a certificate got with a voucher counts only if officers' own keys sealed that before, once, for that
//! profile; and somebody has to look into it.

use ca_core::approval::{Approval, NAMESPACE as APPROVAL, RequestHash, Verdict};
use ca_core::audit::{Flaw, VoucherFlaw};
use ca_core::log::event::{
    BreakGlassUsed, CertificateIntent, OfficerVerdict, SignedApproval, VoucherSealed, VoucherWithdrawn, What,
};
use ca_core::names::{ApprovalId, VoucherId};
use ca_core::policy::{Approver, Facts, Waited};
use ca_core::request::CertRequest;
use ca_core::ssh::{HashedMessage, Signature};
use ca_core::time::UnixMillis;
use ca_core::voucher::{NAMESPACE, Voucher, VoucherSecret};

use super::approvals::{key_change, key_of, officer, pending, user};
use super::audit;
use super::support::{PROFILES, TestLog, added, facts, logged_in, login, policy, public_key, user_added};

/// What a dishonest server does. Each is nothing by default.
#[derive(Clone, Copy)]
struct Lies {
    /// Before bo and chen seal.
    voucher: fn(&mut Voucher),
    /// After chen has sealed.
    sealed: fn(&mut VoucherSealed),
    /// What the log says between the seals and the use.
    between: fn(&mut Story),
    announced: bool,
    certificate: fn(&mut CertificateIntent),
    reviewed: bool,
    /// After bo has reviewed.
    review: fn(&mut OfficerVerdict),
    days_later: u64,
}

const HONEST: Lies = Lies {
    voucher: |_| (),
    sealed: |_| (),
    between: |_| (),
    announced: true,
    certificate: |_| (),
    reviewed: true,
    review: |_| (),
    days_later: 10,
};

struct Story {
    log: TestLog,
    voucher: Voucher,
    seals: Vec<VoucherSealed>,
}

fn sign(name: &str, namespace: &'static str, text: &str) -> SignedApproval {
    let pair = key_of(name);
    let message = HashedMessage::new(namespace, text.as_bytes());
    let signature = Signature::new("ssh-ed25519", pair.sign(&message.to_be_signed()).as_ref());
    SignedApproval { text: text.to_owned(), signature: message.armour(&public_key(&pair), &signature) }
}

impl Story {
    fn begin(lies: Lies) -> Self {
        let mut log = TestLog::empty();
        let more = "break_glass = true\napprovals = { count = 2, groups = [\"officers\"], wait = \"1h\" }\n\n[host_profiles";
        log.policy = policy(&PROFILES.replace("\n[host_profiles", more));
        log.round(&[log.created(), log.adopted()]);
        log.round(&[user_added(), login()]);
        for name in ["bo", "chen"] {
            log.round(&[added(officer(name).user), logged_in(officer(name))]);
            log.round(&[What::SigningKeyAdded(key_change(name))]);
        }
        let profile = log.request().profile;
        let mut voucher = Voucher {
            authority: log.origin.clone(),
            id: VoucherId::from_parts(log.time, 3),
            profile_digest: log.policy.profile_digest(&profile).unwrap(),
            profile,
            holder: None,
            secret: VoucherSecret::from_bytes([7; 16]).digest(),
            expires_at: log.now().plus_secs(86_400),
            note: None,
        };
        (lies.voucher)(&mut voucher);
        let mut story = Self { log, voucher, seals: Vec::new() };
        for name in ["bo", "chen"] {
            let mut sealed = story.seal(name);
            if name == "chen" {
                (lies.sealed)(&mut sealed);
            }
            story.log.round(&[What::VoucherSealed(Box::new(sealed.clone()))]);
            story.seals.push(sealed);
        }
        story
    }

    fn approver(&self, name: &str) -> Approver {
        let Facts { user, session, source, .. } = officer(name);
        Approver { user, session, source, at: self.log.now() }
    }

    fn seal(&self, name: &str) -> VoucherSealed {
        VoucherSealed {
            voucher_id: self.voucher.id,
            signed: sign(name, NAMESPACE, &self.voucher.to_text()),
            approver: self.approver(name),
        }
    }

    fn certificate(&self, request: &CertRequest) -> CertificateIntent {
        let approvals = self.seals.iter().map(|seal| seal.approver.clone()).collect();
        // What the certificate would be if the voucher were good; the facts say which it was.
        let good = Voucher {
            profile: request.profile.clone(),
            profile_digest: self.log.policy.profile_digest(&request.profile).unwrap(),
            holder: None,
            expires_at: self.log.now(),
            ..self.voucher.clone()
        };
        let waited = Waited { since: self.log.now(), approvals, voucher: Some(good) };
        let mut intent = self.log.intent(request, Facts { waited: Some(waited), ..facts() });
        intent.facts.waited.as_mut().unwrap().voucher = Some(self.voucher.clone());
        intent.approvals = self.seals.iter().map(|seal| seal.signed.clone()).collect();
        intent.approvers = self.seals.iter().map(|seal| seal.approver.user.name.clone()).collect();
        intent
    }

    /// Has the voucher used by a request of its own.
    fn using(&mut self, lies: Lies) {
        let request = self.log.request();
        let pending = pending(&self.log, &request);
        let used = BreakGlassUsed {
            pending_id: request.id,
            voucher_id: self.voucher.id,
            user: request.user.clone(),
            profile: request.profile.clone(),
            reason: None,
        };
        self.log.round(&[What::RequestPending(Box::new(pending.clone()))]);
        if lies.announced {
            self.log.round(&[What::BreakGlassUsed(Box::new(used))]);
        }
        let mut intent = self.certificate(&request);
        intent.facts.waited.as_mut().unwrap().since = pending.decided_at;
        (lies.certificate)(&mut intent);
        self.log.round(&[What::Certificate(Box::new(intent))]);
        self.log.time = UnixMillis(self.log.time.0 + lies.days_later * 86_400_000);
        // Somebody logs in again then, or there would be no entry to tell the time by.
        self.log.round(&[logged_in(officer("bo"))]);
        if lies.reviewed {
            let approval = Approval {
                authority: self.log.origin.clone(),
                id: ApprovalId::from_parts(self.log.time, 1),
                request_hash: RequestHash::of(&pending.request),
                request: request.id,
                policy: self.log.policy.id(),
                approver: user("bo"),
                verdict: Verdict::Review,
                expires_at: pending.expires_at,
                note: Some("the disk was full".parse().unwrap()),
            };
            let signed = sign("bo", APPROVAL, &approval.to_text());
            let mut said = OfficerVerdict { pending_id: request.id, signed, approver: self.approver("bo") };
            (lies.review)(&mut said);
            self.log.round(&[What::BreakGlassReviewed(Box::new(said))]);
        }
    }
}

fn found(lies: Lies) -> Vec<Flaw> {
    let mut story = Story::begin(lies);
    (lies.between)(&mut story);
    story.using(lies);
    audit(&story.log).into_iter().map(|finding| finding.flaw).collect()
}

#[test]
fn i5_a_voucher_that_officers_sealed_is_clean() {
    assert_eq!(found(HONEST), []);
}

#[test]
fn break_glass_that_nobody_looked_into_is_found_after_three_days() {
    assert_eq!(found(Lies { reviewed: false, days_later: 2, ..HONEST }), []);
    let found = found(Lies { reviewed: false, ..HONEST });
    assert!(
        matches!(&found[..], [Flaw::Voucher(VoucherFlaw::NeverReviewed { user, .. })] if user.as_str() == "alice"),
        "{found:?}"
    );
}

#[test]
fn i5_a_seal_that_the_officer_did_not_make_is_found() {
    let forged: fn(&mut VoucherSealed) = |sealed| {
        sealed.signed.text = sealed.signed.text.replace("holder ", "holder alice");
    };
    let in_other_name: fn(&mut VoucherSealed) =
        |sealed| sealed.signed = sign("bo", NAMESPACE, &sealed.signed.text);
    let for_something_else: fn(&mut VoucherSealed) =
        |sealed| sealed.signed = sign("chen", APPROVAL, &sealed.signed.text);
    for sealed in [forged, in_other_name, for_something_else] {
        let found = found(Lies { sealed, ..HONEST });
        assert!(matches!(&found[..], [Flaw::Approval(_), Flaw::ApprovalUnrecorded { .. }]), "{found:?}");
    }
}

#[test]
fn i6_a_seal_or_review_that_is_dated_otherwise_than_it_was_entered_is_found() {
    let seals: [fn(&mut VoucherSealed); 2] = [
        |sealed| sealed.approver.at = sealed.approver.at.minus_secs(601),
        |sealed| sealed.approver.at = sealed.approver.at.plus_secs(61),
    ];
    for sealed in seals {
        let found = found(Lies { sealed, ..HONEST });
        assert!(matches!(&found[..], [Flaw::Lag { .. }]), "{found:?}");
    }
    let reviews: [fn(&mut OfficerVerdict); 2] = [
        |said| said.approver.at = said.approver.at.minus_secs(601),
        |said| said.approver.at = said.approver.at.plus_secs(61),
    ];
    for review in reviews {
        let found = found(Lies { review, ..HONEST });
        assert!(matches!(&found[..], [Flaw::Lag { .. }]), "{found:?}");
    }
}

#[test]
fn i5_a_voucher_counts_once_as_sealed_and_until_it_is_withdrawn() {
    let twice: fn(&mut Story) = |story| {
        story.using(Lies { days_later: 0, ..HONEST });
        story.log.time = UnixMillis(story.log.time.0 + 1000);
    };
    let found_twice = found(Lies { between: twice, days_later: 0, ..HONEST });
    assert!(
        found_twice.iter().any(|flaw| matches!(flaw, Flaw::Voucher(VoucherFlaw::Twice { .. }))),
        "{found_twice:?}"
    );
    let withdrawn: fn(&mut Story) = |story| {
        let Facts { user, session, source, .. } = officer("bo");
        let (voucher_id, by, session) = (story.voucher.id, user.name, session.id);
        let event = VoucherWithdrawn { voucher_id, by, session, source };
        story.log.round(&[What::VoucherWithdrawn(Box::new(event))]);
        story.log.time = UnixMillis(story.log.time.0 + 120_000);
    };
    let found_withdrawn = found(Lies { between: withdrawn, ..HONEST });
    assert!(
        matches!(&found_withdrawn[..], [Flaw::Voucher(VoucherFlaw::Withdrawn { .. })]),
        "{found_withdrawn:?}"
    );
    let unsealed: fn(&mut CertificateIntent) = |intent| {
        let waited = intent.facts.waited.as_mut().unwrap();
        waited.voucher.as_mut().unwrap().id = VoucherId::from_parts(UnixMillis(1), 1);
    };
    let found_unsealed = found(Lies { certificate: unsealed, ..HONEST });
    assert!(
        found_unsealed.iter().any(|flaw| matches!(flaw, Flaw::Voucher(VoucherFlaw::Unknown { .. }))),
        "{found_unsealed:?}"
    );
    let silent = found(Lies { announced: false, reviewed: false, ..HONEST });
    assert!(matches!(&silent[..], [Flaw::Voucher(VoucherFlaw::NotAnnounced { .. })]), "{silent:?}");
}

#[test]
fn i6_a_voucher_for_something_else_is_found_by_replaying() {
    let others: [fn(&mut Voucher); 4] = [
        |voucher| voucher.profile = "another".parse().unwrap(),
        |voucher| voucher.profile_digest = VoucherSecret::from_bytes([1; 16]).digest(),
        |voucher| voucher.holder = Some(user("bob")),
        |voucher| voucher.expires_at = voucher.id.time().seconds().minus_secs(1),
    ];
    for (at, voucher) in others.into_iter().enumerate() {
        let found = found(Lies { voucher, ..HONEST });
        assert!(matches!(&found[..], [Flaw::Denied { .. }]), "case {at}: {found:?}");
    }
    let too_few: fn(&mut CertificateIntent) = |intent| {
        intent.facts.waited.as_mut().unwrap().approvals.truncate(1);
        intent.approvals.truncate(1);
        intent.approvers.truncate(1);
    };
    let found = found(Lies { certificate: too_few, ..HONEST });
    assert!(matches!(&found[..], [Flaw::Unapproved(_)]), "{found:?}");
}

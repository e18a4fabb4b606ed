//! What the log says of requests that waited: which, who approved them with which keys, and how they ended (I5).
//!
//! Nothing here is taken from the server: each approval's signature is verified by a key that the log had given to the
//! officer before, for the very text and policy that waited.

use std::collections::BTreeMap;

use super::history::{CLOCK_SECS, LAG_SECS};
use super::vouchers::Vouchers;
use super::{Flaw, VoucherFlaw};
use crate::approval::{Approval, ApprovalError, ProvenApproval, RequestHash, Subject, Verdict};
use crate::log::checkpoint::Origin;
use crate::log::event::{
    BreakGlassUsed, CertificateIntent, OfficerVerdict, RequestPending, SignedApproval, SigningKeyChange,
    VoucherSealed, VoucherWithdrawn,
};
use crate::names::{RequestId, UserName, VoucherId};
use crate::policy::{Approver, Facts, Waited};
use crate::ssh::PublicKey;
use crate::time::UnixSeconds;

/// After how long an emergency that nobody looked into is a finding, in seconds: three days.
const REVIEW_SECS: u64 = 3 * 86_400;

/// What the entries so far say.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    vouchers: Vouchers,
    keys: BTreeMap<UserName, Vec<PublicKey>>,
    requests: BTreeMap<RequestId, Request>,
}

#[derive(Debug)]
struct Request {
    subject: Subject,
    facts: Facts,
    since: UnixSeconds,
    approvals: Vec<(SignedApproval, Approver)>,
    /// The entry that closed it, or that is its certificate.
    closed: Option<u64>,
    issued: Option<u64>,
    emergency: Option<Emergency>,
}

/// What there is to a voucher that was shown.
#[derive(Debug)]
struct Emergency {
    voucher: VoucherId,
    /// Where the certificate is, once there is one: the first entry of its round, and its own; and when it was decided.
    issued: Option<(u64, u64, UnixSeconds)>,
    reviewed: bool,
}

impl Waiting {
    /// Takes in a key that an officer registered.
    pub(super) fn key_added(&mut self, change: &SigningKeyChange) -> Result<(), Flaw> {
        let key: PublicKey =
            change.key.parse().map_err(|error| Flaw::Approval(ApprovalError::Key(error).to_string()))?;
        if let Some((user, _)) =
            self.keys.iter().find(|(user, keys)| **user != change.user && keys.contains(&key))
        {
            return Err(Flaw::SigningKeyOfAnother { user: user.clone() });
        }
        self.keys.entry(change.user.clone()).or_default().push(key);
        Ok(())
    }

    /// Takes in that an officer removed a key.
    pub(super) fn key_removed(&mut self, change: &SigningKeyChange) {
        if let Some(keys) = self.keys.get_mut(&change.user) {
            keys.retain(|key| key.to_string() != change.key);
        }
    }

    /// Takes in that an account was recovered or reset: none of its keys counts any more.
    pub(super) fn keys_forgotten(&mut self, user: &UserName) {
        self.keys.remove(user);
    }

    /// Gives the keys that an officer has.
    pub(super) fn keys_of(&self, user: &UserName) -> &[PublicKey] {
        keys_of(&self.keys, user)
    }

    /// Takes in a request that waits; the same may be recorded again until it is answered.
    pub(super) fn pending(&mut self, origin: &Origin, pending: &RequestPending) -> Result<(), Flaw> {
        // One that is over and long past can be in no later entry: not as an approval, nor as a certificate.
        // Emergencies, which are few, are looked into much later.
        let recent = |request: &Request| {
            request.emergency.is_some()
                || request.subject.expires_at.plus_secs(LAG_SECS) >= pending.decided_at
        };
        self.requests.retain(|_, request| recent(request));
        let id = pending.pending_id;
        if let Some(before) = self.requests.get(&id)
            && let Some(first) = before.issued.or(before.closed)
        {
            return Err(Flaw::RequestIdTwice { id, first });
        }
        let subject = Subject {
            authority: origin.clone(),
            request: id,
            request_hash: RequestHash::of(&pending.request),
            policy: pending.policy,
            expires_at: pending.expires_at,
        };
        let (facts, since) = (pending.facts.clone(), pending.decided_at);
        let request = Request {
            subject,
            facts,
            since,
            approvals: Vec::new(),
            closed: None,
            issued: None,
            emergency: None,
        };
        self.requests.insert(id, request);
        Ok(())
    }

    /// Takes in an officer's seal on a voucher, and verifies it.
    pub(super) fn sealed(&mut self, origin: &Origin, event: &VoucherSealed) -> Result<(), Flaw> {
        let keys = self.keys.get(&event.approver.user.name).map_or([].as_slice(), Vec::as_slice);
        self.vouchers.sealed(origin, event, keys)
    }

    /// Takes in that an officer took a voucher back.
    pub(super) fn withdrawn(&mut self, event: &VoucherWithdrawn, index: u64, at: UnixSeconds) {
        self.vouchers.withdrawn(event, index, at);
    }

    /// Takes in that a voucher was shown for a request.
    pub(super) fn shown(&mut self, used: &BreakGlassUsed) -> Result<(), Flaw> {
        let id = used.pending_id;
        let request = self.requests.get_mut(&id).ok_or(Flaw::NotPending { id })?;
        if used.user != request.facts.user.name {
            return Err(Flaw::Field("user"));
        }
        request.emergency = Some(Emergency { voucher: used.voucher_id, issued: None, reviewed: false });
        Ok(())
    }

    /// Finds the emergencies that nobody looked into in time; gives for each the first entry of its round, and its own.
    pub(super) fn never_reviewed(&self, now: UnixSeconds) -> impl Iterator<Item = (u64, u64, Flaw)> {
        self.requests.values().filter_map(move |request| {
            let emergency = request.emergency.as_ref().filter(|emergency| !emergency.reviewed)?;
            let (round, index, at) = emergency.issued?;
            let user = request.facts.user.name.clone();
            (at.plus_secs(REVIEW_SECS) < now).then_some((
                round,
                index,
                Flaw::Voucher(VoucherFlaw::NeverReviewed { user, at }),
            ))
        })
    }

    /// Takes in what an officer said, and verifies that they did.
    pub(super) fn verdict(
        &mut self,
        said: &OfficerVerdict,
        verdict: Verdict,
        entered: UnixSeconds,
    ) -> Result<(), Flaw> {
        let id = said.pending_id;
        let request = self.requests.get_mut(&id).ok_or(Flaw::NotPending { id })?;
        let user = &said.approver.user;
        let keys = keys_of(&self.keys, &user.name);
        let proven = prove(said, request, keys, verdict)?;
        if verdict != Verdict::Review && entered > request.subject.expires_at.plus_secs(CLOCK_SECS) {
            return Err(Flaw::TooLate { expired: request.subject.expires_at });
        }
        if verdict == Verdict::Deny {
            return Ok(());
        }
        if user.is_same_person_as(&request.facts.user) {
            return Err(Flaw::OwnApproval { user: user.name.clone() });
        }
        if verdict == Verdict::Review {
            request.emergency.as_mut().ok_or(Flaw::NotPending { id })?.reviewed = true;
            return Ok(());
        }
        // Who approves twice at once is recorded twice, and counts once: the decision sees to that.
        // What comes after the end may be said, and counts for nothing.
        if request.closed.or(request.issued).is_none() {
            request.approvals.push(((&proven).into(), said.approver.clone()));
        }
        Ok(())
    }

    /// Takes in that a request was closed; one that is long over may be forgotten here already.
    pub(super) fn closed(&mut self, id: RequestId, index: u64) {
        if let Some(request) = self.requests.get_mut(&id) {
            request.closed.get_or_insert(index);
        }
    }

    /// Takes in a certificate of a round; what it says it waited for must be what the log says.
    pub(super) fn certificate(&mut self, intent: &CertificateIntent, round: u64, index: u64) -> Vec<Flaw> {
        let (id, waited) = (intent.request_id, intent.facts.waited.as_ref());
        let Some(request) = self.requests.get_mut(&id) else {
            return waited.map(|_| Flaw::NotPending { id }).into_iter().collect();
        };
        let mut flaws = Vec::new();
        if let Some(closed) = request.closed {
            flaws.push(Flaw::WasClosed { id, closed });
        }
        if let Some(first) = request.issued.replace(index) {
            flaws.push(Flaw::RequestIdTwice { id, first });
        }
        let Some(waited) = waited else { return flaws };
        let Some(voucher) = &waited.voucher else {
            flaws.extend(request.holds(intent, waited, &request.approvals));
            return flaws;
        };
        match &mut request.emergency {
            Some(emergency) if emergency.voucher == voucher.id => {
                emergency.issued = Some((round, index, intent.decided_at));
            }
            _ => flaws.push(Flaw::Voucher(VoucherFlaw::NotAnnounced { id: voucher.id })),
        }
        let (seals, wrong) = self.vouchers.redeem(voucher, intent, index);
        flaws.extend(wrong);
        flaws.extend(request.holds(intent, waited, seals));
        flaws
    }
}

fn keys_of<'a>(keys: &'a BTreeMap<UserName, Vec<PublicKey>>, user: &UserName) -> &'a [PublicKey] {
    keys.get(user).map_or([].as_slice(), Vec::as_slice)
}

fn prove(
    said: &OfficerVerdict,
    request: &Request,
    keys: &[PublicKey],
    verdict: Verdict,
) -> Result<ProvenApproval, Flaw> {
    let wrap = |error: ApprovalError| match error {
        ApprovalError::NoSuchKey => Flaw::NoSigningKey { user: said.approver.user.name.clone() },
        other => Flaw::Approval(other.to_string()),
    };
    let approval = Approval::from_text(&said.signed.text).map_err(wrap)?;
    approval.check_about(&request.subject).map_err(wrap)?;
    approval.check_by(&said.approver.user.name).map_err(wrap)?;
    if approval.verdict != verdict {
        return Err(Flaw::Field("text"));
    }
    ProvenApproval::verify(approval, said.signed.signature.clone(), keys).map_err(wrap)
}

impl Request {
    /// Holds what a certificate says it waited for against what the log says of its request.
    fn holds(
        &self,
        intent: &CertificateIntent,
        waited: &Waited,
        recorded: &[(SignedApproval, Approver)],
    ) -> Vec<Flaw> {
        let asked = &self.facts;
        let same = |given: &(SignedApproval, Approver), signed: &SignedApproval, said: &Approver| {
            let (recorded, approver) = given;
            recorded == signed
                && (&approver.user.name, &approver.session, &approver.source, approver.at)
                    == (&said.user.name, &said.session, &said.source, said.at)
        };
        let mut flaws = Vec::new();
        if waited.approvals.len() != intent.approvals.len() {
            flaws.push(Flaw::Field("approvals"));
        }
        for (signed, said) in intent.approvals.iter().zip(&waited.approvals) {
            if !recorded.iter().any(|given| same(given, signed, said)) {
                flaws.push(Flaw::ApprovalUnrecorded { user: said.user.name.clone() });
            }
        }
        let late = intent.decided_at > self.subject.expires_at;
        let rules = [
            (self.subject.request_hash == RequestHash::of(&intent.request), Flaw::Field("request")),
            (self.subject.policy == intent.policy, Flaw::Field("policy")),
            (self.since == waited.since, Flaw::Field("facts.waited.since")),
            (asked.user.name == intent.facts.user.name, Flaw::Field("facts.user")),
            (asked.session == intent.facts.session, Flaw::Field("facts.session")),
            (asked.source == intent.facts.source, Flaw::Field("facts.source")),
            (!late, Flaw::TooLate { expired: self.subject.expires_at }),
        ];
        flaws.extend(rules.into_iter().filter(|(holds, _)| !holds).map(|(_, flaw)| flaw));
        flaws
    }
}

//! A decision again: the same request, facts, policy and time must give the same answer and the same bytes (I6).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::opened::Opened;
use super::{Finding, Flaw};
use crate::issuance::{Grant, Nonce, Precert, UserCa};
use crate::log::checkpoint::Origin;
use crate::log::event::{CertificateIntent, RequestDenied, RequestPending, Revoked, What};
use crate::log::journal::object_key;
use crate::names::Serial;
use crate::policy::{Action, Approver, Decision, Denials, Facts, Policy, Quorum, decide};
use crate::request::{CertRequest, ProvenRequest, RequestError};
use crate::ssh::PublicKey;
use crate::time::{UnixMillis, UnixSeconds};

/// A decision in the log and the policy it followed.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) position: usize,
    pub(super) policy: Arc<Policy>,
    pub(super) origin: Origin,
}

impl Case {
    /// Decides again. `opened` is the round the case is from.
    pub fn replay(&self, opened: &Opened) -> Vec<Finding> {
        let Some(entry) = opened.entries.get(self.position) else { return Vec::new() };
        let flaws = match &entry.event.what {
            What::Certificate(intent) => self.certificate(intent, entry.index),
            What::RequestPending(pending) => self.pending(pending).err().into_iter().collect(),
            What::RequestDenied(denied) => self.denial(denied).err().into_iter().collect(),
            What::Revoked(revoked) => self.revocation(revoked).err().into_iter().collect(),
            What::HostCertificate(intent) => self.host_certificate(intent, entry.index),
            What::HostRequestDenied(denied) => self.host_denial(denied).err().into_iter().collect(),
            What::RecoveryOpened(opened) => {
                self.administers(&opened.vote.officer).err().into_iter().collect()
            }
            What::RecoverySigned(vote) | What::RecoveryDenied(vote) => {
                self.administers(&vote.officer).err().into_iter().collect()
            }
            What::RecoveryFinished(finished) => {
                self.administers(&finished.officer).err().into_iter().collect()
            }
            _ => Vec::new(),
        };
        let object = object_key(opened.round.first_index());
        flaws.into_iter().map(|flaw| Finding::entry(&object, entry.index, flaw)).collect()
    }

    /// Reads the request, and verifies that it was made for this log, just then, by whoever holds the key.
    fn request(&self, text: &str, signature: &str, decided: UnixSeconds) -> Result<CertRequest, Flaw> {
        let wrap = |error: crate::request::RequestError| Flaw::Request(error.to_string());
        let request = CertRequest::from_text(text).map_err(wrap)?;
        request.check_authority(&self.origin).map_err(wrap)?;
        check_fresh(decided, |at| request.check_fresh(at))?;
        ProvenRequest::verify(request.clone(), signature.to_owned())
            .map_err(|error| Flaw::Possession(error.to_string()))?;
        Ok(request)
    }

    fn certificate(&self, intent: &CertificateIntent, index: u64) -> Vec<Flaw> {
        // One that waited was fresh when it began to; when that was stands in the entry of then.
        let asked = intent.facts.waited.as_ref().map_or(intent.decided_at, |waited| waited.since);
        let request = match self.request(&intent.request, &intent.signature, asked) {
            Ok(request) => request,
            Err(flaw) => return vec![flaw],
        };
        let grant = match self.decide(&request, &intent.facts, intent.decided_at) {
            Decision::Grant(grant) => *grant,
            Decision::NeedsApproval(quorum) => return vec![Flaw::Unapproved(quorum.to_string())],
            Decision::Deny(denials) => return vec![Flaw::Denied { reasons: denials.to_string() }],
        };
        let mut flaws = wrong_fields(intent, &request, &grant, index);
        if self.policy.approvers(&request.profile, &intent.facts, intent.decided_at) != intent.approvers {
            flaws.push(Flaw::Field("approvers"));
        }
        if grant.ca.is_some_and(|ca| ca.to_string() != intent.ca) {
            flaws.push(Flaw::Field("ca"));
        }
        let again = |serial, nonce: &Nonce, ca| Precert::prepare(&grant, serial, nonce, &UserCa::new(ca));
        flaws.extend(same_precert((&intent.precert, &intent.ca, index), again).err());
        flaws
    }

    fn denial(&self, denied: &RequestDenied) -> Result<(), Flaw> {
        let request = self.request(&denied.request, &denied.signature, denied.decided_at)?;
        match self.decide(&request, &denied.facts, denied.decided_at) {
            Decision::Grant(_) | Decision::NeedsApproval(_) => {
                Err(Flaw::Granted { profile: request.profile })
            }
            Decision::Deny(denials) => same_reasons(&denials, &denied.reasons),
        }
    }

    fn revocation(&self, revoked: &Revoked) -> Result<(), Flaw> {
        let Revoked { facts, decided_at, .. } = revoked;
        if self.policy.permits(Action::Revoke, None, facts, *decided_at) {
            Ok(())
        } else {
            Err(Flaw::RevokedWithoutRight { user: facts.user.name.clone() })
        }
    }

    fn administers(&self, officer: &Approver) -> Result<(), Flaw> {
        let facts = officer.facts();
        let by_a_program = facts.session.key.is_some();
        if !by_a_program && self.policy.permits(Action::Administer, None, &facts, officer.at) {
            Ok(())
        } else {
            Err(Flaw::AdministeredWithoutRight { user: officer.user.name.clone() })
        }
    }

    fn pending(&self, pending: &RequestPending) -> Result<(), Flaw> {
        let request = self.request(&pending.request, &pending.signature, pending.decided_at)?;
        if request.id != pending.pending_id {
            return Err(Flaw::Field("pending_id"));
        }
        match self.decide(&request, &pending.facts, pending.decided_at) {
            Decision::NeedsApproval(Quorum { needed, wait, .. })
                if needed == pending.needed
                    && pending.decided_at.plus_secs(wait.secs()) == pending.expires_at
                    && pending.facts.waited.is_none() =>
            {
                Ok(())
            }
            Decision::NeedsApproval(_) | Decision::Grant(_) => Err(Flaw::NoNeedToWait),
            Decision::Deny(denials) => Err(Flaw::Denied { reasons: denials.to_string() }),
        }
    }

    fn decide(&self, request: &CertRequest, facts: &Facts, decided: UnixSeconds) -> Decision {
        decide(&self.policy, request, facts, decided)
    }
}

/// The server judged freshness at some millisecond of the second it recorded.
pub(super) fn check_fresh(
    decided: UnixSeconds,
    check: impl Fn(UnixMillis) -> Result<(), RequestError>,
) -> Result<(), Flaw> {
    let start = UnixMillis(decided.0.saturating_mul(1000));
    let end = UnixMillis(start.0.saturating_add(999));
    check(start).or_else(|_| check(end)).map_err(|error| Flaw::Request(error.to_string()))
}

/// Compares the reasons of a denial with those in the log.
pub(super) fn same_reasons(denials: &Denials, logged: &[String]) -> Result<(), Flaw> {
    if denials.reasons.iter().map(ToString::to_string).eq(logged.iter().cloned()) {
        return Ok(());
    }
    Err(Flaw::OtherReasons { reasons: denials.to_string() })
}

/// Has the precert written again from the grant, with nonce and CA of the one in the log, and compares it byte for byte.
pub(super) fn same_precert(
    (logged, ca, index): (&str, &str, u64),
    again: impl FnOnce(Serial, &Nonce, PublicKey) -> Precert,
) -> Result<(), Flaw> {
    let wrap = |error: String| Flaw::Precert(error);
    let bytes = STANDARD.decode(logged).map_err(|error| wrap(error.to_string()))?;
    let precert = Precert::from_bytes(&bytes).map_err(|error| wrap(error.to_string()))?;
    let content = precert.content();
    let nonce: Nonce =
        content.nonce.as_slice().try_into().map_err(|_| wrap("its nonce is not of 32 bytes".to_owned()))?;
    if content.ca.fingerprint().to_string() != ca {
        return Err(Flaw::Field("ca"));
    }
    let serial = Serial::at_index(index).ok_or(Flaw::OtherPrecert)?;
    if again(serial, &nonce, content.ca.clone()).bytes() == bytes { Ok(()) } else { Err(Flaw::OtherPrecert) }
}

/// Finds the fields for people and queries that say something else than the evidence.
fn wrong_fields(intent: &CertificateIntent, request: &CertRequest, grant: &Grant, index: u64) -> Vec<Flaw> {
    let principals = grant.principals.iter().map(ToString::to_string);
    let fields = [
        ("request_id", intent.request_id == request.id),
        ("profile", intent.profile == request.profile),
        ("principals", principals.eq(intent.principals.iter().cloned())),
        ("ttl", intent.ttl == grant.ttl),
        ("reason", intent.reason == request.reason),
        ("key", intent.key == request.key.key().fingerprint().to_string()),
        ("key_id", intent.key_id == grant.key_id.as_str()),
        ("serial", intent.serial == index),
        ("valid_after", intent.valid_after == grant.valid_after),
        ("valid_before", intent.valid_before == grant.valid_before),
    ];
    fields.into_iter().filter(|(_, right)| !right).map(|(name, _)| Flaw::Field(name)).collect()
}

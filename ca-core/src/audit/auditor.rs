//! The audit's memory: goes from round to round in order and keeps what later rounds must agree with.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::history::{History, ahead, lag};
use super::opened::Opened;
use super::policies::Policies;
use super::recovery::{Known, Recoveries};
use super::replay::Case;
use super::revocation::Revocation;
use super::waiting::Waiting;
use super::{Finding, Flaw};
use crate::approval::Verdict;
use crate::log::checkpoint::Origin;
use crate::log::event::{
    CertificateIntent, HostCertificateIntent, HostRequestDenied, OfficerVerdict, RequestDenied,
    RequestPending, Revoked, What,
};
use crate::log::frontier::Frontier;
use crate::log::journal::{Entry, object_key};
use crate::policy::{Approver, Facts, PolicyId};
use crate::time::{UnixMillis, UnixSeconds};

/// Goes through the rounds of one log, from the first.
#[derive(Debug)]
pub struct Auditor {
    origin: Origin,
    time: UnixMillis,
    /// The first entry of the round that is being read.
    round: u64,
    cas: BTreeSet<String>,
    host_cas: BTreeSet<String>,
    policies: Policies,
    history: History,
    revocation: Revocation,
    waiting: Waiting,
    recoveries: Recoveries,
    /// Whether a round could not be read, so that what is not known may yet have been said.
    incomplete: bool,
}

impl Auditor {
    /// Starts before the first entry of a log.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            time: UnixMillis(0),
            round: 0,
            cas: BTreeSet::new(),
            host_cas: BTreeSet::new(),
            policies: Policies::default(),
            history: History::default(),
            revocation: Revocation::default(),
            waiting: Waiting::default(),
            recoveries: Recoveries::default(),
            incomplete: false,
        }
    }

    /// Passes over a round that cannot be read, which is a finding by itself. What it may have said (a policy, an account,
    /// a login) is not missed in later rounds.
    pub fn lost(&mut self) {
        self.incomplete = true;
    }

    /// Takes the next round; `before` is the frontier of the tree that all entries before it make, if that is known.
    ///
    /// Gives what is wrong by what earlier rounds say, and the decisions to replay, which each can be on its own.
    pub fn round(&mut self, opened: &Opened, before: Option<&Frontier>) -> (Vec<Finding>, Vec<Case>) {
        self.round = opened.round.first_index();
        let object = object_key(self.round);
        let mut findings = Vec::new();
        if before.is_some_and(|before| before != opened.round.before()) {
            findings.push(Finding::object(&object, Flaw::Frontier));
        }
        let mut cases = Vec::new();
        for (position, entry) in opened.entries.iter().enumerate() {
            let mut flaws = self.order(entry);
            if opened.not_canonical.contains(&entry.index) {
                flaws.push(Flaw::NotCanonical);
            }
            self.entry(entry, position, &mut flaws, &mut cases);
            flaws.retain(|flaw| !(self.incomplete && flaw.is_an_absence()));
            findings.extend(flaws.into_iter().map(|flaw| Finding::entry(&object, entry.index, flaw)));
        }
        (findings, cases)
    }

    /// Finds what should have come by now, after the last round: the review of every emergency.
    pub fn end(&self) -> Vec<Finding> {
        let missed = self.waiting.never_reviewed(self.time.seconds()).filter(|_| !self.incomplete);
        missed.map(|(round, index, flaw)| Finding::entry(object_key(round), index, flaw)).collect()
    }

    fn order(&mut self, entry: &Entry) -> Vec<Flaw> {
        let (before, time) = (self.time, entry.event.time);
        self.time = before.max(time);
        let mut flaws = Vec::new();
        if time < before {
            flaws.push(Flaw::TimeWentBack { before, time });
        }
        if (entry.index == 0) != matches!(entry.event.what, What::LogCreated { .. }) {
            flaws.push(Flaw::Creation);
        }
        flaws
    }

    fn entry(&mut self, entry: &Entry, position: usize, flaws: &mut Vec<Flaw>, cases: &mut Vec<Case>) {
        let (index, time) = (entry.index, entry.event.time);
        match &entry.event.what {
            What::LogCreated { origin, ca, host_ca } => {
                if *origin != self.origin {
                    flaws.push(Flaw::OtherOrigin { found: origin.to_string() });
                }
                if index == 0 {
                    self.cas.extend(ca.iter().cloned());
                    let hosts = host_ca.iter().filter_map(|ca| add_ca(&mut self.host_cas, &self.cas, ca));
                    flaws.extend(hosts);
                }
            }
            What::HostCaAdded { ca, .. } => flaws.extend(add_ca(&mut self.host_cas, &self.cas, ca)),
            What::UserCaAdded { ca, .. } => flaws.extend(add_ca(&mut self.cas, &self.host_cas, ca)),
            What::PolicyAdopted { policy, text } => {
                flaws.extend(self.policies.adopt(index, time.seconds(), *policy, text).err());
            }
            What::Certificate(intent) => {
                let CertificateIntent { facts, policy, decided_at, .. } = &**intent;
                flaws.extend(self.history.certificate(index, time, intent.request_id).err());
                flaws.extend(self.waiting.certificate(intent, self.round, index));
                flaws.extend(check_ca(&intent.ca, &self.cas, &self.host_cas));
                flaws.extend(self.revocation.certificate(&intent.key, *decided_at).err());
                cases.extend(self.decision(*policy, facts, *decided_at, (position, time), flaws));
            }
            What::Revoked(revoked) => {
                let Revoked { facts, policy, decided_at, .. } = &**revoked;
                cases.extend(self.decision(*policy, facts, *decided_at, (position, time), flaws));
            }
            What::KrlPublished(krl) => flaws.extend(self.revocation.krl(index, time.seconds(), krl)),
            What::RequestDenied(denied) => {
                let RequestDenied { facts, policy, decided_at, .. } = &**denied;
                flaws.extend(self.revocation.denial(denied).err());
                cases.extend(self.decision(*policy, facts, *decided_at, (position, time), flaws));
            }
            What::HostCertificate(intent) => {
                let HostCertificateIntent { facts, policy, decided_at, .. } = &**intent;
                flaws.extend(self.history.certificate(index, time, intent.request_id).err());
                flaws.extend(check_ca(&intent.ca, &self.host_cas, &self.cas));
                flaws.extend(self.revocation.certificate(&intent.key, *decided_at).err());
                cases.extend(self.decision(*policy, facts, *decided_at, (position, time), flaws));
            }
            What::HostRequestDenied(denied) => {
                let HostRequestDenied { facts, policy, decided_at, .. } = &**denied;
                cases.extend(self.decision(*policy, facts, *decided_at, (position, time), flaws));
            }
            What::SigningFailed { index, .. } if !self.history.is_recent_certificate(*index) => {
                flaws.push(Flaw::TakesBackNothing { index: *index });
            }
            What::RequestPending(pending) => {
                let RequestPending { facts, policy, decided_at, .. } = &**pending;
                flaws.extend(self.waiting.pending(&self.origin, pending).err());
                cases.extend(self.decision(*policy, facts, *decided_at, (position, time), flaws));
            }
            What::RequestApproved(said) => self.verdict(said, Verdict::Approve, time, flaws),
            What::RequestDeniedByOfficer(said) => self.verdict(said, Verdict::Deny, time, flaws),
            What::RequestClosed(closed) => self.waiting.closed(closed.pending_id, index),
            What::SigningKeyAdded(change) => flaws.extend(self.waiting.key_added(change).err()),
            What::SigningKeyRemoved(change) => self.waiting.key_removed(change),
            What::UserReset { user, .. } => self.waiting.keys_forgotten(user),
            What::VoucherSealed(sealed) => {
                self.statement(&sealed.approver, time, flaws);
                flaws.extend(self.waiting.sealed(&self.origin, sealed).err());
            }
            What::VoucherWithdrawn(event) => self.waiting.withdrawn(event, index, time.seconds()),
            What::BreakGlassUsed(used) => flaws.extend(self.waiting.shown(used).err()),
            What::BreakGlassReviewed(said) => self.verdict(said, Verdict::Review, time, flaws),
            what => cases.extend(self.recovery(what, index, (position, time), flaws)),
        }
        self.history.learn(index, time, &entry.event.what);
        flaws.extend(self.revocation.learn(index, time.seconds(), &entry.event.what).err());
    }

    /// Holds what an officer said against the log: their login, their key, and what they signed.
    fn verdict(&mut self, said: &OfficerVerdict, verdict: Verdict, time: UnixMillis, flaws: &mut Vec<Flaw>) {
        self.statement(&said.approver, time, flaws);
        flaws.extend(self.waiting.verdict(said, verdict, time.seconds()).err());
    }

    /// Holds who said something against the log, and when against the time of its entry: no server enters it later, as an
    /// officer who tries again says it anew.
    fn statement(&self, officer: &Approver, time: UnixMillis, flaws: &mut Vec<Flaw>) {
        flaws.extend(self.history.check(&officer.facts(), officer.at));
        flaws.extend(lag(officer.at, time.seconds()));
    }

    /// Takes in what is said of a recovery, and holds the right of who said it against the policy.
    fn recovery(
        &mut self,
        what: &What,
        index: u64,
        (position, time): (usize, UnixMillis),
        flaws: &mut Vec<Flaw>,
    ) -> Option<Case> {
        let known = Known {
            origin: &self.origin,
            history: &self.history,
            waiting: &self.waiting,
            policies: &self.policies,
            entered: time.seconds(),
        };
        // What ends a recovery the server keeps first, and enters when it is back if a crash came between: however late.
        let (policy, officer, at_once) = match what {
            What::RecoveryOpened(opened) => {
                flaws.extend(self.recoveries.opened(opened, known).err());
                (opened.vote.policy, &opened.vote.officer, true)
            }
            What::RecoverySigned(vote) => {
                flaws.extend(self.recoveries.signed(vote, known).err());
                (vote.policy, &vote.officer, true)
            }
            What::RecoveryDenied(vote) => {
                flaws.extend(self.recoveries.denied(index, vote, known).err());
                (vote.policy, &vote.officer, false)
            }
            What::RecoveryVetoed(vetoed) => {
                self.recoveries.ended(index, vetoed.recovery_id);
                return None;
            }
            What::RecoveryClosed(closed) => {
                self.recoveries.ended(index, closed.recovery_id);
                return None;
            }
            What::RecoveryDue(due) => {
                flaws.extend(self.recoveries.due(due, known));
                return None;
            }
            What::RecoveryFinished(finished) => {
                let again = self.recoveries.is_handed_out_again(finished);
                flaws.extend(self.recoveries.finished(finished, known));
                self.waiting.keys_forgotten(&finished.user);
                (finished.policy, &finished.officer, again)
            }
            _ => return None,
        };
        let (at, entered) = (officer.at, time.seconds());
        flaws.extend(self.history.check(&officer.facts(), at));
        flaws.extend(if at_once { lag(at, entered) } else { ahead(at, entered) });
        self.by_policy(policy, at, position, flaws)
    }

    /// Holds a decision against the log, and makes it ready for replay if the policy it followed is known.
    fn decision(
        &self,
        policy: PolicyId,
        facts: &Facts,
        decided: UnixSeconds,
        (position, time): (usize, UnixMillis),
        flaws: &mut Vec<Flaw>,
    ) -> Option<Case> {
        flaws.extend(self.history.check(facts, decided));
        flaws.extend(lag(decided, time.seconds()));
        self.by_policy(policy, decided, position, flaws)
    }

    /// Makes a decision ready for replay if the policy it followed is known.
    fn by_policy(
        &self,
        policy: PolicyId,
        decided: UnixSeconds,
        position: usize,
        flaws: &mut Vec<Flaw>,
    ) -> Option<Case> {
        match self.policies.in_force(policy, decided) {
            Ok(policy) => Some(Case { position, policy: Arc::clone(&policy), origin: self.origin.clone() }),
            Err(flaw) => {
                flaws.push(flaw);
                None
            }
        }
    }
}

/// Takes in a CA key for one role, which must not be one for the other.
fn add_ca(role: &mut BTreeSet<String>, other: &BTreeSet<String>, ca: &str) -> Option<Flaw> {
    if other.contains(ca) {
        return Some(Flaw::OtherRole { ca: ca.to_owned() });
    }
    role.insert(ca.to_owned());
    None
}

/// Finds a CA among those of one role; tells one of the other role from one that nobody has spoken of (H4).
fn check_ca(ca: &str, role: &BTreeSet<String>, other: &BTreeSet<String>) -> Option<Flaw> {
    let ca = ca.to_owned();
    match (role.contains(&ca), other.contains(&ca)) {
        (true, _) => None,
        (false, true) => Some(Flaw::OtherRole { ca }),
        (false, false) => Some(Flaw::UnknownCa { ca }),
    }
}

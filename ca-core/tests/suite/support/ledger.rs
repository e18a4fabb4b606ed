//! A log in memory that does what the server's does: place, line, leaf, round, proof.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cert::Certificate;
use ca_core::issuance::{Grant, Inclusion, LoggedPrecert, NotLogged, Precert};
use ca_core::log::event::{CertificateIntent, Event, What};
use ca_core::log::hash::{leaf_hash, sha256};
use ca_core::log::journal::Round;
use ca_core::log::{Batch, Checkpoint, Frontier, Hash, NoteSigner, SignedCheckpoint};
use ca_core::names::Serial;
use ca_core::policy::{Decision, decide};
use ca_core::ssh::KeyKind;
use ca_core::time::UnixMillis;

use super::keys::{self, TestKey};
use super::{NOW, ORIGIN, facts, now, policy, request};

pub fn log_signer(origin: &str, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(origin, &[seed; 32]).unwrap()
}

/// A certificate that was logged, and everything that proves it.
pub struct Logged {
    pub precert: Precert,
    pub index: u64,
    pub time: UnixMillis,
    pub event_hash: [u8; 32],
    pub proof: Vec<Hash>,
    pub checkpoint: SignedCheckpoint,
    pub object: Vec<u8>,
}

impl Logged {
    pub fn at(&self) -> Inclusion<'_> {
        Inclusion { index: self.index, time: self.time, event_hash: self.event_hash, proof: &self.proof }
    }

    pub fn logged(&self) -> Result<LoggedPrecert, NotLogged> {
        self.precert.clone().logged(self.at(), &self.checkpoint)
    }

    pub fn certificate(&self, ca: &TestKey) -> Certificate {
        let logged = self.logged().unwrap();
        let signature = ca.sign(logged.to_be_signed());
        logged.finish(&signature).unwrap()
    }
}

/// What the policy grants to the usual request with this kind of key.
pub fn grant(kind: KeyKind) -> Grant {
    let policy = policy(&["extensions = [\"permit-pty\"]", "source_address = \"requester\""]);
    match decide(&policy, &request(kind), &facts(), now()) {
        Decision::Grant(grant) => *grant,
        Decision::NeedsApproval(quorum) => panic!("{quorum}"),
        Decision::Deny(denials) => panic!("{denials}"),
    }
}

/// Commits a certificate for this kind of key as the entry after `before` others, with `after` more in its round.
pub fn commit(kind: KeyKind, ca: &TestKey, before: u64, after: u64) -> Logged {
    commit_to(&log_signer(ORIGIN, 1), kind, ca, before, after)
}

pub fn commit_to(signer: &NoteSigner, kind: KeyKind, ca: &TestKey, before: u64, after: u64) -> Logged {
    let serial = Serial::at_index(before).unwrap();
    let precert = Precert::prepare(&grant(kind), serial, &[7; 32], &ca.user_ca());
    commit_precert(signer, kind, precert, before, after)
}

/// Commits any precert, also one whose serial is not its index.
pub fn commit_precert(
    signer: &NoteSigner,
    kind: KeyKind,
    precert: Precert,
    before: u64,
    after: u64,
) -> Logged {
    let frontier: Frontier = (0..before).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    let mut lines = vec![certificate_line(kind, &precert)];
    lines.extend((0..after).map(|i| event_line(i, NOW)));
    let origin = ORIGIN.parse().unwrap();
    let round = Round::new(frontier.clone(), 0, lines).unwrap();
    let object = round.sign(&origin, signer).unwrap();
    let leaves: Vec<Hash> = round.entries().map(|e| leaf_hash(&e.unwrap().leaf.to_bytes())).collect();
    let batch = Batch::new(&frontier, &leaves);
    let name = signer.verifier_key().name().parse().unwrap();
    let checkpoint = Checkpoint::new(name, batch.size(), batch.root()).sign(signer).unwrap();
    Logged {
        precert,
        index: before,
        time: NOW,
        event_hash: sha256(round.lines()[0].as_bytes()),
        proof: batch.proof(0).unwrap(),
        checkpoint,
        object,
    }
}

/// A line of an event that issues nothing.
pub fn event_line(index: u64, time: UnixMillis) -> String {
    let what = What::SigningFailed { index, cause: "test".to_owned() };
    Event::new(what, [3; 16], time, "node-1").to_line().unwrap()
}

fn certificate_line(kind: KeyKind, precert: &Precert) -> String {
    Event::new(What::Certificate(Box::new(intent(kind, precert))), [5; 16], NOW, "node-1").to_line().unwrap()
}

pub fn intent(kind: KeyKind, precert: &Precert) -> CertificateIntent {
    let (request, content) = (request(kind), precert.content());
    CertificateIntent {
        signature: keys::prove(keys::key(kind), &request.to_text()),
        request: request.to_text(),
        facts: facts(),
        policy: policy(&[]).id(),
        decided_at: now(),
        precert: STANDARD.encode(precert.bytes()),
        request_id: request.id,
        profile: request.profile.clone(),
        principals: content.principals.clone(),
        ttl: request.ttl.unwrap(),
        reason: request.reason.clone(),
        approvals: Vec::new(),
        approvers: Vec::new(),
        key: content.key.fingerprint().to_string(),
        key_id: content.key_id.clone(),
        serial: content.serial,
        ca: content.ca.fingerprint().to_string(),
        valid_after: content.valid_after,
        valid_before: content.valid_before,
    }
}

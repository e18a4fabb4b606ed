//! Entries before they have a place in the log, and after.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::issuance::{Cas, Grant, Inclusion, LoggedPrecert, Nonce, NotLogged, Precert, UserCa};
use ca_core::log::event::{CertificateIntent, Event, EventError, SignedApproval, What};
use ca_core::log::hash::sha256;
use ca_core::log::leaf::Leaf;
use ca_core::log::{Hash, SignedCheckpoint};
use ca_core::names::{RequestId, Serial, UserName};
use ca_core::policy::{Facts, PolicyId};
use ca_core::request::ProvenRequest;
use ca_core::revocation::{LiveCertificate, Trace};
use ca_core::ssh::PublicKey;
use ca_core::time::{UnixMillis, UnixSeconds};

use super::{HostCertificateDraft, LedgerError, Setup};

/// Something to be recorded.
#[derive(Debug)]
pub enum Draft {
    /// Something that happened.
    Event(What),
    /// A certificate to be issued; it gets its serial with its place in the log.
    Certificate(Box<CertificateDraft>),
    /// The same for a host.
    HostCertificate(Box<HostCertificateDraft>),
}

/// A certificate that the policy granted, with all it rests on.
#[derive(Debug)]
pub struct CertificateDraft {
    /// The request.
    pub request: ProvenRequest,
    /// The facts.
    pub facts: Facts,
    /// The policy that granted.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// What was granted.
    pub grant: Grant,
    /// Random bytes for the certificate.
    pub nonce: Nonce,
    /// What people said to it, if it had to wait for them.
    pub approved: Option<Approved>,
}

/// The approvals of a request that waited.
#[derive(Clone, Debug)]
pub struct Approved {
    /// Since when it is issued; in the place of the request's own time, which is long past.
    pub claimed_at: UnixMillis,
    /// What was signed, in the order of the facts' approvals.
    pub signed: Vec<SignedApproval>,
    /// Whose approvals counted.
    pub approvers: Vec<UserName>,
}

/// An entry with its place in the log, not yet committed.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) line: String,
    pub(super) leaf: Leaf,
    pub(super) event_hash: [u8; 32],
    pub(super) precert: Option<Precert>,
}

/// Where an entry is to stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) time: UnixMillis,
    pub(super) salt: [u8; 16],
}

impl Draft {
    /// The first entry of every log.
    pub(super) fn log_created(setup: &Setup) -> Self {
        let ca = setup.cas.all_users().map(|ca| ca.key().fingerprint().to_string()).collect();
        let host_ca = vec![setup.cas.hosts().key().fingerprint().to_string()];
        Self::Event(What::LogCreated { origin: setup.keys.origin().clone(), ca, host_ca })
    }

    /// Gives the request if this is a certificate, and the time before which no entry can be for it (I8).
    pub(super) fn request(&self) -> Option<(RequestId, UnixMillis)> {
        match self {
            Self::Event(_) => None,
            Self::Certificate(draft) => {
                let id = draft.request.request().id;
                Some((id, draft.approved.as_ref().map_or(id.time(), |approved| approved.claimed_at)))
            }
            Self::HostCertificate(draft) => {
                let id = draft.request.request().id;
                Some((id, id.time()))
            }
        }
    }

    /// Gives what of this bears on revocation.
    pub(super) fn trace(&self, cas: &Cas) -> Option<Trace> {
        match self {
            Self::Event(what) => Trace::of(what),
            Self::Certificate(draft) => {
                Some(Trace::Certificate(Box::new(draft.live(cas.user(draft.grant.ca)?.key()))))
            }
            Self::HostCertificate(draft) => Some(Trace::Certificate(Box::new(draft.live(cas.hosts().key())))),
        }
    }

    /// Writes the entry for its place; may be called again for another place when a race was lost.
    pub(super) fn seal(&self, place: Place, setup: &Setup) -> Result<Sealed, LedgerError> {
        if (place.index == 0) != matches!(self, Self::Event(What::LogCreated { .. })) {
            // Of two nodes that create the same log at once, one gets here with its entry at the next place.
            return Err(LedgerError::Entry("the first entry creates the log, and no other does".to_owned()));
        }
        let (what, precert) = match self {
            Self::Event(what) => (what.clone(), None),
            Self::Certificate(draft) => {
                let ca = setup.cas.user(draft.grant.ca);
                let ca = ca.ok_or_else(|| LedgerError::Entry("its CA key is not here".to_owned()))?;
                let (intent, precert) = draft.intent(serial(place)?, ca);
                (What::Certificate(Box::new(intent)), Some(precert))
            }
            Self::HostCertificate(draft) => {
                let (intent, precert) = draft.intent(serial(place)?, setup.cas.hosts());
                (What::HostCertificate(Box::new(intent)), Some(precert))
            }
        };
        let kind = what.entry_type();
        let line = Event::new(what, place.salt, place.time, &setup.node).to_line()?;
        let event_hash = sha256(line.as_bytes());
        let leaf = Leaf::new(kind, place.time, precert.as_ref().map(Precert::bytes), event_hash);
        Ok(Sealed { line, leaf, event_hash, precert })
    }
}

fn serial(place: Place) -> Result<Serial, LedgerError> {
    let none = || LedgerError::Entry("entry 0 creates the log".to_owned());
    Serial::at_index(place.index).ok_or_else(none)
}

impl CertificateDraft {
    fn live(&self, ca: &PublicKey) -> LiveCertificate {
        let request = self.request.request();
        LiveCertificate {
            request_id: request.id,
            user: Some(self.facts.user.name.clone()),
            key: request.key.key().fingerprint(),
            profile: request.profile.clone(),
            ca: ca.fingerprint(),
            valid_before: self.grant.valid_before,
            login: self.facts.session.login(),
        }
    }

    fn intent(&self, serial: Serial, ca: &UserCa) -> (CertificateIntent, Precert) {
        let precert = Precert::prepare(&self.grant, serial, &self.nonce, ca);
        let request = self.request.request();
        let intent = CertificateIntent {
            request: self.request.text().to_owned(),
            signature: self.request.signature().to_owned(),
            facts: self.facts.clone(),
            policy: self.policy,
            decided_at: self.decided_at,
            precert: STANDARD.encode(precert.bytes()),
            request_id: request.id,
            profile: request.profile.clone(),
            principals: self.grant.principals.iter().map(ToString::to_string).collect(),
            ttl: self.grant.ttl,
            reason: request.reason.clone(),
            approvals: self.approved.as_ref().map(|approved| approved.signed.clone()).unwrap_or_default(),
            approvers: self.approved.as_ref().map(|approved| approved.approvers.clone()).unwrap_or_default(),
            key: request.key.key().fingerprint().to_string(),
            key_id: self.grant.key_id.as_str().to_owned(),
            serial: serial.get(),
            ca: ca.key().fingerprint().to_string(),
            valid_after: self.grant.valid_after,
            valid_before: self.grant.valid_before,
        };
        (intent, precert)
    }
}

/// An entry that is durably in the log, with the proof of it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: UnixMillis,
    /// The SHA-256 of its line.
    pub event_hash: [u8; 32],
    /// The proof that it is in the tree of the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint of the tree after its round.
    pub checkpoint: Arc<SignedCheckpoint>,
    /// The precert, if it is a certificate.
    pub precert: Option<Precert>,
}

impl Committed {
    /// Turns a committed certificate into what the CA key may sign; `None` when it is another entry.
    pub fn into_logged(self) -> Option<Result<LoggedPrecert, NotLogged>> {
        let at =
            Inclusion { index: self.index, time: self.time, event_hash: self.event_hash, proof: &self.proof };
        Some(self.precert?.logged(at, &self.checkpoint))
    }
}

impl From<EventError> for LedgerError {
    fn from(error: EventError) -> Self {
        Self::Entry(error.to_string())
    }
}

//! Revocations, held against what was issued after them and what was published of them.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Flaw;
use super::history::CLOCK_SECS;
use crate::issuance::Precert;
use crate::krl::{self, KrlVersion};
use crate::log::event::{KrlPublished, RequestDenied, RevocationTarget, What};
use crate::log::hash::sha256;
use crate::request::CertRequest;
use crate::revocation::{Book, Trace};
use crate::ssh::Fingerprint;
use crate::time::UnixSeconds;

/// How long a revocation may wait for its KRL while certificates are issued, in seconds: longer than a store is waited
/// for.
const KRL_SECS: u64 = 600;

/// What the entries so far say about revocation.
#[derive(Debug, Default)]
pub(super) struct Revocation {
    book: Book,
    /// The keys that were revoked, and when.
    keys: BTreeMap<Fingerprint, UnixSeconds>,
    /// The entries whose revocations are in no KRL yet.
    waiting: VecDeque<(u64, UnixSeconds)>,
    last: Option<(KrlVersion, UnixSeconds)>,
}

impl Revocation {
    /// Takes in an entry. Finds a revocation that is in no KRL while the server issues certificates.
    ///
    /// A log of before there were KRLs has none, and owes none.
    pub(super) fn learn(&mut self, index: u64, at: UnixSeconds, what: &What) -> Result<(), Flaw> {
        let Some(trace) = Trace::of(what) else { return Ok(()) };
        match what {
            What::Certificate(intent) => self.know_ca(&intent.ca, &intent.precert),
            What::HostCertificate(intent) => self.know_ca(&intent.ca, &intent.precert),
            _ => {}
        }
        if let What::Revoked(revoked) = what
            && let RevocationTarget::Key(key) | RevocationTarget::CaKey(key) = revoked.target
        {
            self.keys.entry(key).or_insert(at);
        }
        if self.book.learn(index, at, &trace) {
            self.waiting.push_back((index, at));
        }
        match self.waiting.front() {
            Some((entry, since))
                if self.last.is_some()
                    && matches!(trace, Trace::Certificate(_))
                    && at > since.plus_secs(KRL_SECS) =>
            {
                let entry = *entry;
                self.waiting.clear();
                Err(Flaw::NotInKrl { entry })
            }
            _ => Ok(()),
        }
    }

    /// Finds a certificate for a key that was revoked long enough ago for its server to know.
    pub(super) fn certificate(&self, key: &str, decided: UnixSeconds) -> Result<(), Flaw> {
        let Ok(key) = key.parse::<Fingerprint>() else { return Ok(()) };
        match (self.keys.get(&key), self.book.key_revoked(key)) {
            (Some(at), Some(by)) if decided > at.plus_secs(CLOCK_SECS) => Err(Flaw::KeyRevoked { key, by }),
            _ => Ok(()),
        }
    }

    /// Finds a denial for a revocation that never was.
    pub(super) fn denial(&self, denied: &RequestDenied) -> Result<(), Flaw> {
        if !denied.facts.key_revoked {
            return Ok(());
        }
        // What cannot be read is a finding of the replay.
        let Ok(request) = CertRequest::from_text(&denied.request) else { return Ok(()) };
        let key = request.key.key().fingerprint();
        if self.keys.contains_key(&key) { Ok(()) } else { Err(Flaw::KeyNotRevoked { key }) }
    }

    /// Makes a KRL again from the entries it says it covers.
    pub(super) fn krl(&mut self, index: u64, at: UnixSeconds, published: &KrlPublished) -> Vec<Flaw> {
        let KrlPublished { version, covers, generated, .. } = *published;
        let mut flaws = Vec::new();
        let mut wrong = |is: bool, what| {
            if is {
                flaws.push(Flaw::Krl { version, what });
            }
        };
        let before = self.last.unwrap_or((KrlVersion(0), UnixSeconds(0)));
        wrong(covers > index, "says that it covers entries after it");
        wrong(version <= before.0, "does not have a higher version than the one before");
        wrong(generated < before.1, "is dated before the one before");
        wrong(generated > at.plus_secs(CLOCK_SECS), "is dated after its entry");
        self.last = Some((version, generated).max(before));
        let revocations = self.book.revocations(covers, generated);
        let bytes = krl::write(&revocations, version, generated, "");
        let counts = (revocations.serial_count(), revocations.fingerprint_count());
        if hex::encode(sha256(&bytes)) != published.sha256
            || counts != (published.certificates, published.keys)
        {
            flaws.push(Flaw::OtherKrl { version, covers });
        }
        while self.waiting.front().is_some_and(|(entry, _)| *entry < covers) {
            self.waiting.pop_front();
        }
        if let Some((entry, since)) = self.waiting.front()
            && at > since.plus_secs(KRL_SECS)
        {
            flaws.push(Flaw::NotInKrl { entry: *entry });
        }
        self.book.prune(generated);
        flaws
    }

    /// Learns a CA's key from the first certificate by it; whether that is rightly there is for others to find.
    fn know_ca(&mut self, ca: &str, precert: &str) {
        let is_known = |ca: Fingerprint| self.book.knows_ca(ca);
        if ca.parse().is_ok_and(is_known) {
            return;
        }
        let precert = STANDARD.decode(precert).ok().and_then(|bytes| Precert::from_bytes(&bytes).ok());
        if let Some(precert) = precert {
            self.book.know_ca(precert.content().ca.clone());
        }
    }
}

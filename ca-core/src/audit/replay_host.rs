//! A decision about a host again (I6).

use super::Flaw;
use super::replay::{Case, check_fresh, same_precert, same_reasons};
use crate::host_request::{CheckedHostRequest, HostRequest};
use crate::issuance::{HostCa, HostGrant, Nonce, Precert};
use crate::log::event::{HostCertificateIntent, HostRequestDenied};
use crate::policy::decide_host;
use crate::request::RequestError;
use crate::time::UnixSeconds;

impl Case {
    pub(super) fn host_certificate(&self, intent: &HostCertificateIntent, index: u64) -> Vec<Flaw> {
        let checked = match self.host_request(&intent.request, intent.signature.clone(), intent.decided_at) {
            Ok(checked) => checked,
            Err(flaw) => return vec![flaw],
        };
        let grant = match decide_host(&self.policy, &checked, &intent.facts, intent.decided_at) {
            Ok(grant) => grant,
            Err(denials) => return vec![Flaw::Denied { reasons: denials.to_string() }],
        };
        let mut flaws = wrong_fields(intent, checked.request(), &grant, index);
        let again =
            |serial, nonce: &Nonce, ca| Precert::prepare_host(&grant, serial, nonce, &HostCa::new(ca));
        flaws.extend(same_precert((&intent.precert, &intent.ca, index), again).err());
        flaws
    }

    pub(super) fn host_denial(&self, denied: &HostRequestDenied) -> Result<(), Flaw> {
        let checked = self.host_request(&denied.request, denied.signature.clone(), denied.decided_at)?;
        match decide_host(&self.policy, &checked, &denied.facts, denied.decided_at) {
            Ok(_) => Err(Flaw::Granted { profile: checked.request().profile.clone() }),
            Err(denials) => same_reasons(&denials, &denied.reasons),
        }
    }

    /// Reads the request, and verifies that it was made for this log, just then, and by the host's key if it says so.
    fn host_request(
        &self,
        text: &str,
        signature: Option<String>,
        decided: UnixSeconds,
    ) -> Result<CheckedHostRequest, Flaw> {
        let wrap = |error: RequestError| Flaw::Request(error.to_string());
        let request = HostRequest::from_text(text).map_err(wrap)?;
        request.check_authority(&self.origin).map_err(wrap)?;
        check_fresh(decided, |at| request.check_fresh(at))?;
        CheckedHostRequest::verify(request, signature).map_err(|error| Flaw::Possession(error.to_string()))
    }
}

/// Finds the fields for people and queries that say something else than the evidence.
fn wrong_fields(
    intent: &HostCertificateIntent,
    request: &HostRequest,
    grant: &HostGrant,
    index: u64,
) -> Vec<Flaw> {
    let fields = [
        ("request_id", intent.request_id == request.id),
        ("profile", intent.profile == request.profile),
        ("names", intent.names == grant.names),
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

//! A host's certificate before it has a place in the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::host_request::CheckedHostRequest;
use ca_core::issuance::{HostCa, HostGrant, Nonce, Precert};
use ca_core::log::event::HostCertificateIntent;
use ca_core::names::Serial;
use ca_core::policy::{Facts, PolicyId};
use ca_core::revocation::LiveCertificate;
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;

/// A host's certificate that the policy granted, with all it rests on.
#[derive(Debug)]
pub struct HostCertificateDraft {
    /// The request.
    pub request: CheckedHostRequest,
    /// The facts.
    pub facts: Facts,
    /// The policy that granted.
    pub policy: PolicyId,
    /// When it was decided.
    pub decided_at: UnixSeconds,
    /// What was granted.
    pub grant: HostGrant,
    /// Random bytes for the certificate.
    pub nonce: Nonce,
}

impl HostCertificateDraft {
    pub(super) fn live(&self, ca: &PublicKey) -> LiveCertificate {
        let request = self.request.request();
        LiveCertificate {
            request_id: request.id,
            user: None,
            key: request.key.key().fingerprint(),
            profile: request.profile.clone(),
            ca: ca.fingerprint(),
            valid_before: self.grant.valid_before,
            login: self.facts.session.login(),
        }
    }

    pub(super) fn intent(&self, serial: Serial, ca: &HostCa) -> (HostCertificateIntent, Precert) {
        let precert = Precert::prepare_host(&self.grant, serial, &self.nonce, ca);
        let request = self.request.request();
        let intent = HostCertificateIntent {
            request: self.request.text().to_owned(),
            signature: self.request.signature().map(str::to_owned),
            facts: self.facts.clone(),
            policy: self.policy,
            decided_at: self.decided_at,
            precert: STANDARD.encode(precert.bytes()),
            request_id: request.id,
            profile: request.profile.clone(),
            names: self.grant.names.clone(),
            ttl: self.grant.ttl,
            reason: request.reason.clone(),
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

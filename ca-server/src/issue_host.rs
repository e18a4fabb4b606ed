//! The issuing of a host's certificate, from the words of a request to the signed thing.

use ca_api::HostCertificateRequest;
use ca_core::cert::Certificate;
use ca_core::host_request::{CheckedHostRequest, HostRequest};
use ca_core::log::event::{HostRequestDenied, What};
use ca_core::policy::{Denials, Facts, Source, decide_host};
use ca_core::time::UnixSeconds;

use crate::app::App;
use crate::error::ApiError;
use crate::ids;
use crate::issue::sign;
use crate::ledger::{Draft, HostCertificateDraft};
use crate::login::Session;

/// Checks, decides, records, and only then signs. Every way out but the last is an error, and grants nothing (I10).
pub async fn issue_host(
    app: &App,
    session: &Session,
    source: Source,
    body: HostCertificateRequest,
) -> Result<Certificate, ApiError> {
    let now = app.clock.now();
    let request = HostRequest::from_text(&body.request)?;
    request.check_authority(app.keys.origin())?;
    request.check_fresh(now)?;
    let request = CheckedHostRequest::verify(request, body.signature)?;

    let facts = Facts {
        key_revoked: app.revocations.is_revoked(request.request().key.key().fingerprint()),
        ..Facts::new(session.user.clone(), session.login.clone(), source)
    };
    let held = app.in_force.hold().await;
    let policy = held.policy();
    let decided_at = now.seconds();
    let grant = match decide_host(&policy, &request, &facts, decided_at) {
        Ok(grant) => grant,
        Err(denials) => return Err(record_denial(app, &request, facts, denials, decided_at).await?),
    };

    app.check_ca(app.ca.public().hosts().key())?;
    let nonce = ids::random().map_err(ApiError::internal)?;
    let draft = HostCertificateDraft { request, facts, policy: policy.id(), decided_at, grant, nonce };
    sign(app, app.ledger.append(Draft::HostCertificate(Box::new(draft))).await?).await
}

/// Puts a denial into the log and turns it into the answer.
async fn record_denial(
    app: &App,
    request: &CheckedHostRequest,
    facts: Facts,
    denials: Denials,
    decided_at: UnixSeconds,
) -> Result<ApiError, ApiError> {
    let event = HostRequestDenied {
        request: request.text().to_owned(),
        signature: request.signature().map(str::to_owned),
        facts,
        policy: denials.policy,
        decided_at,
        reasons: denials.reasons.iter().map(ToString::to_string).collect(),
    };
    app.ledger.append(Draft::Event(What::HostRequestDenied(Box::new(event)))).await?;
    Ok(ApiError::Denied(denials))
}

//! The issuing of a certificate, from the words of a request to the signed thing.

use ca_api::{CertificateRequest, IssuedCertificate};
use ca_core::cert::Certificate;
use ca_core::log::event::{RequestDenied, What};
use ca_core::policy::{Decision, Denials, Facts, Source, decide};
use ca_core::request::{CertRequest, ProvenRequest};
use ca_core::time::UnixSeconds;
use ca_core::voucher::VoucherSecret;

use crate::app::App;
use crate::approvals::{self, Asked};
use crate::error::ApiError;
use crate::ids;
use crate::ledger::{CertificateDraft, Committed, Draft};
use crate::login::Session;
use crate::store::RequestRow;
use crate::vouchers;

/// What a request is answered with.
#[derive(Debug)]
pub enum Answer {
    /// Its certificate.
    Issued(Box<Certificate>),
    /// It waits for approval, or has waited.
    Waiting(Box<RequestRow>),
}

/// Checks, decides, records, and only then signs. Every way out but the last is an error, and grants nothing (I10).
pub async fn issue(
    app: &App,
    session: &Session,
    source: Source,
    body: CertificateRequest,
    voucher: Option<VoucherSecret>,
) -> Result<Answer, ApiError> {
    let now = app.clock.now();
    let request = CertRequest::from_text(&body.request)?;
    request.check_authority(app.keys.origin())?;
    request.check_fresh(now)?;
    let request = ProvenRequest::verify(request, body.signature)?;

    let facts = Facts {
        key_revoked: app.revocations.is_revoked(request.request().key.key().fingerprint()),
        ..Facts::new(session.user.clone(), session.login.clone(), source)
    };
    let held = app.in_force.hold().await;
    let policy = held.policy();
    let decided_at = now.seconds();
    let grant = match decide(&policy, request.request(), &facts, decided_at) {
        Decision::Grant(grant) => *grant,
        Decision::NeedsApproval(quorum) => {
            let asked = Asked { session, request, facts, policy, decided_at };
            let Some(secret) = voucher else {
                return Ok(Answer::Waiting(Box::new(approvals::ask(app, asked, quorum).await?)));
            };
            let row = vouchers::open(app, asked, quorum, &secret).await?;
            // To be held anew there: a reload that waits lets nobody have it twice.
            drop(held);
            let row = approvals::advance(app, row.id).await?.unwrap_or(row);
            return Ok(Answer::Waiting(Box::new(row)));
        }
        Decision::Deny(denials) => return Err(record_denial(app, request, facts, denials, decided_at).await?),
    };

    let nonce = ids::random().map_err(ApiError::internal)?;
    let policy = policy.id();
    let draft = CertificateDraft { request, facts, policy, decided_at, grant, nonce, approved: None };
    Ok(Answer::Issued(Box::new(record_and_sign(app, draft).await?)))
}

/// Records what was granted, and only then signs it (I1).
pub async fn record_and_sign(app: &App, draft: CertificateDraft) -> Result<Certificate, ApiError> {
    let ca = app.ca.public().user(draft.grant.ca);
    app.check_ca(ca.ok_or_else(|| ApiError::internal("the policy names a CA key that is not here"))?.key())?;
    sign(app, app.ledger.append(Draft::Certificate(Box::new(draft))).await?).await
}

/// Has a certificate that is in the log signed by the CA key for its kind.
pub(crate) async fn sign(app: &App, committed: Committed) -> Result<Certificate, ApiError> {
    let index = committed.index;
    let logged = committed.into_logged().ok_or_else(|| ApiError::internal("the entry holds no precert"))?;
    let logged = logged.map_err(|error| ApiError::internal(format!("entry {index}: {error}")))?;
    match app.ca.sign(logged) {
        Ok(certificate) => Ok(certificate),
        Err(error) => {
            // The entry says "issued"; this one takes that back, for whoever reads the log (A14).
            tracing::error!(index, %error, "alarm: the CA key did not make a good signature");
            let cause = error.to_string();
            app.ledger.append(Draft::Event(What::SigningFailed { index, cause })).await?;
            Err(ApiError::internal(error))
        }
    }
}

/// Says a certificate in the words of an answer.
pub fn describe(certificate: &Certificate) -> IssuedCertificate {
    let content = certificate.content();
    IssuedCertificate {
        certificate: certificate.to_openssh(),
        request_id: content.key_id.rsplit('/').next().unwrap_or_default().to_owned(),
        serial: content.serial,
        valid_before: content.valid_before.0,
    }
}

/// Puts a denial into the log and turns it into the answer.
pub(crate) async fn record_denial(
    app: &App,
    request: ProvenRequest,
    facts: Facts,
    denials: Denials,
    decided_at: UnixSeconds,
) -> Result<ApiError, ApiError> {
    let event = RequestDenied {
        request: request.text().to_owned(),
        signature: request.signature().to_owned(),
        facts,
        policy: denials.policy,
        decided_at,
        reasons: denials.reasons.iter().map(ToString::to_string).collect(),
    };
    app.ledger.append(Draft::Event(What::RequestDenied(Box::new(event)))).await?;
    Ok(ApiError::Denied(denials))
}

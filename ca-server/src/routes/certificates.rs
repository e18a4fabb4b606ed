//! `POST /v1/certificates`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use ca_api::{CertificateRequest, IssuedCertificate};
use ca_core::cert::Certificate;

use super::caller::{AccessCaller, Peer};
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::issue::issue;

/// Issues a certificate for the key that signed the request.
///
/// The request id makes it idempotent: sent again, the same request is answered with the same certificate.
#[utoipa::path(post, path = "/v1/certificates", request_body = CertificateRequest,
    responses((status = 200, body = IssuedCertificate), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn request(
    State(app): State<SharedApp>,
    AccessCaller(session): AccessCaller,
    Peer(source): Peer,
    body: Result<Json<CertificateRequest>, JsonRejection>,
) -> Result<Json<IssuedCertificate>, ApiError> {
    let Json(body) = body?;
    let certificate = issue(&app, &session, source, body).await?;
    metrics::counter!("countersign_certificates_total").increment(1);
    Ok(Json(issued(&certificate)))
}

/// Renders a certificate of either kind.
pub(super) fn issued(certificate: &Certificate) -> IssuedCertificate {
    let content = certificate.content();
    let request_id = content.key_id.rsplit('/').next().unwrap_or_default().to_owned();
    IssuedCertificate {
        certificate: certificate.to_openssh(),
        request_id,
        serial: content.serial,
        valid_before: content.valid_before.0,
    }
}

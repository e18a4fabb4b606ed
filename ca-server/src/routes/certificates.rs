//! `POST /v1/certificates`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ca_api::{CertificateRequest, IssuedCertificate, PendingRequest};

use super::caller::{Peer, RequestingCaller};
use super::requests;
use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::issue::{Answer, describe, issue};

/// Issues a certificate for the key that signed the request, or has the request wait for approval.
///
/// The request id makes it idempotent: sent again, the same request is answered with the same certificate.
#[utoipa::path(post, path = "/v1/certificates", request_body = CertificateRequest,
    responses((status = 200, body = IssuedCertificate), (status = 202, body = PendingRequest), (status = 400),
        (status = 401), (status = 403), (status = 409), (status = 429), (status = 503)),
    security(("session" = [])))]
pub(super) async fn request(
    State(app): State<SharedApp>,
    RequestingCaller(session): RequestingCaller,
    Peer(source): Peer,
    body: Result<Json<CertificateRequest>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(body) = body?;
    answer(&app, issue(&app, &session, source, body, None).await?)
}

/// Says what came of a request.
pub(super) fn answer(app: &App, answer: Answer) -> Result<Response, ApiError> {
    match answer {
        Answer::Issued(certificate) => {
            metrics::counter!("countersign_certificates_total").increment(1);
            Ok(Json(describe(&certificate)).into_response())
        }
        Answer::Waiting(row) => match requests::issued(&row)? {
            Some(issued) => Ok(Json(issued).into_response()),
            None => Ok((StatusCode::ACCEPTED, Json(requests::pending(app, &row)?)).into_response()),
        },
    }
}

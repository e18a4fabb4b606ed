//! `/v1/revocations` and `/v1/krl`: what was taken away, and the list of it that hosts fetch.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_api::{NewRevocation, Revocation, RevocationDone, RevocationList};
use ca_core::log::event::RevocationTarget;
use ca_core::names::{Reason, Serial};
use ca_core::policy::Action;

use super::caller::Officer;
use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::revocation;

/// How many revocations are listed.
const LISTED: u32 = 1000;

/// The header that names the version of the KRL, on the file and on its signature: they fit if it is the same.
const VERSION: HeaderName = HeaderName::from_static("krl-version");

/// Takes certificates or a key away; answers when a KRL says so.
#[utoipa::path(post, path = "/v1/revocations", request_body = NewRevocation,
    responses((status = 200, body = RevocationDone), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn revoke(
    State(app): State<SharedApp>,
    officer: Officer,
    body: Result<Json<NewRevocation>, JsonRejection>,
) -> Result<Json<RevocationDone>, ApiError> {
    officer.may(&app, Action::Revoke, None)?;
    let Json(NewRevocation { kind, what, reason }) = body?;
    let reason: Reason = reason.parse().map_err(|error| unacceptable(&error))?;
    let target = target(&app, &kind, &what).await?;
    let done = revocation::revoke(&app, &officer.session, officer.source, target, reason).await?;
    Ok(Json(RevocationDone {
        entry: done.entry,
        certificates: done.certificates,
        krl_version: done.krl.map(|version| version.0),
    }))
}

/// Lists what was revoked, the newest first, at most 1000; the log has all.
#[utoipa::path(get, path = "/v1/revocations",
    responses((status = 200, body = RevocationList), (status = 401), (status = 403)), security(("session" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    officer: Officer,
) -> Result<Json<RevocationList>, ApiError> {
    officer.may(&app, Action::Revoke, None)?;
    let rows = app.login.setup().store.revocations(LISTED).await.map_err(ApiError::internal)?;
    let revocations = rows.into_iter().map(|row| Revocation {
        entry: row.entry,
        kind: row.kind,
        what: row.what,
        reason: row.reason,
        by: row.revoker,
        at: row.at.0,
        certificates: row.certificates,
    });
    Ok(Json(RevocationList { revocations: revocations.collect() }))
}

/// Gives the KRL, which sshd reads as `RevokedKeys`; for everybody.
#[utoipa::path(get, path = "/v1/krl",
    responses((status = 200, description = "OpenSSH's PROTOCOL.krl; 304 if the `ETag` is known", content_type = "application/octet-stream",
            body = Vec<u8>), (status = 503)))]
pub(super) async fn krl(State(app): State<SharedApp>, headers: HeaderMap) -> Result<Response, ApiError> {
    let krl = app.revocations.krl().ok_or(ApiError::Unready("there is no KRL yet"))?;
    let etag = format!("\"{}\"", krl.sha256);
    Ok(respond(&headers, krl.version.0, &etag, "application/octet-stream", krl.bytes.clone()))
}

/// Gives the signature of the KRL by the log's key, an SSHSIG of namespace `krl@countersign.v1`; for everybody.
#[utoipa::path(get, path = "/v1/krl.sig",
    responses((status = 200, description = "An armoured SSHSIG", content_type = "text/plain", body = String), (status = 503)))]
pub(super) async fn signature(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let krl = app.revocations.krl().ok_or(ApiError::Unready("there is no KRL yet"))?;
    let etag = format!("\"{}.sig\"", krl.sha256);
    Ok(respond(&headers, krl.version.0, &etag, "text/plain; charset=utf-8", krl.signature.clone().into()))
}

fn respond(
    headers: &HeaderMap,
    version: u64,
    etag: &str,
    kind: &'static str,
    body: bytes::Bytes,
) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| {
        known.split(',').any(|known| matches!(known.trim(), "*") || known.trim() == etag)
    });
    let etag = HeaderValue::from_str(etag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    let head = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (VERSION, HeaderValue::from(version)),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

async fn target(app: &App, kind: &str, what: &str) -> Result<RevocationTarget, ApiError> {
    Ok(match kind {
        "user" => RevocationTarget::User(app.accounts.user(what).await?.name),
        "key" => RevocationTarget::Key(what.parse().map_err(|error| unacceptable(&error))?),
        "ca-key" => RevocationTarget::CaKey(what.parse().map_err(|error| unacceptable(&error))?),
        "certificate" => RevocationTarget::Certificate(what.parse().map_err(|error| unacceptable(&error))?),
        "serial" => {
            let serial = what.parse().ok().and_then(Serial::at_index);
            RevocationTarget::Serial(serial.ok_or_else(|| unacceptable(&"a serial is a number above 0"))?)
        }
        _ => return Err(unacceptable(&"kind is one of user, key, serial, certificate and ca-key")),
    })
}

fn unacceptable(cause: &dyn std::fmt::Display) -> ApiError {
    ApiError::Unacceptable(cause.to_string())
}

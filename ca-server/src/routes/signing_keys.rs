//! `/v1/account/signing-keys`: the keys that an account approves with, registered and removed by its owner.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ca_api::{NewSigningKey, SigningKey, SigningKeys};
use ca_core::names::NameError;

use super::caller::{Caller, OwnerCaller, Peer};
use crate::accounts::AccountError;
use crate::accounts::own::Owner;
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::store::SigningKeyRow;

/// Lists the keys that the account approves with.
#[utoipa::path(get, path = "/v1/account/signing-keys",
    responses((status = 200, body = SigningKeys), (status = 401)), security(("session" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
) -> Result<Json<SigningKeys>, ApiError> {
    let keys = app.accounts.signing_keys(&caller.session.user_id).await?;
    Ok(Json(SigningKeys { signing_keys: keys.iter().map(describe).collect() }))
}

/// Registers a key whose holder has signed for it.
#[utoipa::path(post, path = "/v1/account/signing-keys", request_body = NewSigningKey,
    responses((status = 200, body = SigningKey), (status = 400), (status = 401), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn add(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewSigningKey>, JsonRejection>,
) -> Result<Json<SigningKey>, ApiError> {
    let Json(body) = body?;
    let label = body.label.parse().map_err(|error: NameError| AccountError::Name(error))?;
    let owner = Owner { session: &session, source: &source };
    let proof = (body.text.as_str(), body.signature.as_str());
    let key = app.accounts.add_signing_key(owner, app.keys.origin(), label, proof).await?;
    Ok(Json(describe(&key)))
}

/// Removes a key, by its identity or label.
#[utoipa::path(delete, path = "/v1/account/signing-keys/{id}",
    params(("id" = String, Path, description = "Its identity or label")),
    responses((status = 204), (status = 401), (status = 404), (status = 503)),
    security(("session" = [])))]
pub(super) async fn remove(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let owner = Owner { session: &session, source: &source };
    app.accounts.remove_signing_key(owner, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe(row: &SigningKeyRow) -> SigningKey {
    SigningKey {
        id: row.id(),
        fingerprint: row.key.fingerprint().to_string(),
        key: row.key.to_string(),
        label: row.label.to_string(),
        created_at: row.created_at.0,
    }
}

//! `/v1/invitation`: the owner takes over an account that an officer made.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use ca_api::{InvitationAccepted, InvitationBegun, PendingFactor, Secret as Wire, Welcome};

use super::caller::Peer;
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::secret::Secret;

/// Shows the holder of an invitation their first factor.
#[utoipa::path(post, path = "/v1/invitation", request_body = InvitationBegun,
    responses((status = 200, body = PendingFactor), (status = 400), (status = 404), (status = 503)))]
pub(super) async fn begin(
    State(app): State<SharedApp>,
    body: Result<Json<InvitationBegun>, JsonRejection>,
) -> Result<Json<PendingFactor>, ApiError> {
    let Json(body) = body?;
    let chosen = body.password.map(|password| Secret::new(password.0));
    let pending = app.accounts.begin_invitation(&Secret::new(body.token.0), chosen.as_ref()).await?;
    Ok(Json(PendingFactor {
        id: pending.id,
        otpauth_url: Wire(pending.enrolment.otpauth_url.expose().to_owned()),
        secret: Wire(pending.enrolment.base32.expose().to_owned()),
    }))
}

/// Takes the password and what the factor shows; the account is its owner's from here on.
#[utoipa::path(post, path = "/v1/invitation/accept", request_body = InvitationAccepted,
    responses((status = 200, body = Welcome), (status = 400), (status = 404), (status = 503)))]
pub(super) async fn accept(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    body: Result<Json<InvitationAccepted>, JsonRejection>,
) -> Result<Json<Welcome>, ApiError> {
    let Json(body) = body?;
    let (token, password) = (Secret::new(body.token.0), Secret::new(body.password.0));
    let shown = (body.factor.as_str(), &Secret::new(body.code.0));
    let (user, codes) = app.accounts.accept_invitation(&token, &password, shown, &source).await?;
    let recovery_codes = codes.iter().map(|code| Wire(code.expose().to_owned())).collect();
    Ok(Json(Welcome { user: user.name.to_string(), recovery_codes }))
}

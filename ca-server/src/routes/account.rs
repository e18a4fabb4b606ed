//! `/v1/account`: what people see and change of their own account.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ca_api::{
    Account, Factor, FactorProof, NewFactor, NewPassword, NewPhone, NewYubikey, PendingFactor, PendingPhone,
    RecoveryCodes, Secret as Wire,
};
use ca_core::names::NameError;

use super::caller::{Caller, OwnerCaller, Peer};
use crate::accounts::AccountError;
use crate::accounts::own::Owner;
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::secret::Secret;
use crate::store::StoredFactor;

/// Says what an account is and has; any session of its owner is enough.
#[utoipa::path(get, path = "/v1/account", responses((status = 200, body = Account), (status = 401)),
    security(("session" = [])))]
pub(super) async fn show(State(app): State<SharedApp>, caller: Caller) -> Result<Json<Account>, ApiError> {
    let (factors, recovery_codes_left) = app.accounts.factors(&caller.session.user_id).await?;
    let user = &caller.session.user;
    Ok(Json(Account {
        user: user.name.to_string(),
        email: user.email.to_string(),
        groups: user.groups.iter().map(ToString::to_string).collect(),
        factors: factors.iter().map(describe).collect(),
        recovery_codes_left,
    }))
}

/// Begins to add a factor; it counts once its owner has shown that it works.
#[utoipa::path(post, path = "/v1/account/factors", request_body = NewFactor,
    responses((status = 200, body = PendingFactor), (status = 400), (status = 401), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn begin_factor(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewFactor>, JsonRejection>,
) -> Result<Json<PendingFactor>, ApiError> {
    let Json(body) = body?;
    if body.kind != "totp" {
        return Err(ApiError::Unacceptable(
            "what is added here is totp; the others have calls of their own".to_owned(),
        ));
    }
    let label = body.label.parse().map_err(|error: NameError| AccountError::Name(error))?;
    let owner = Owner { session: &session, source: &source };
    let pending = app.accounts.begin_totp(owner, label).await?;
    Ok(Json(PendingFactor {
        id: pending.id,
        otpauth_url: Wire(pending.enrolment.otpauth_url.expose().to_owned()),
        secret: Wire(pending.enrolment.base32.expose().to_owned()),
    }))
}

/// Begins to add a phone, and sends it a code.
#[utoipa::path(post, path = "/v1/account/factors/sms", request_body = NewPhone,
    responses((status = 200, body = PendingPhone), (status = 400), (status = 401), (status = 404), (status = 409),
        (status = 429), (status = 503)),
    security(("session" = [])))]
pub(super) async fn begin_sms(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewPhone>, JsonRejection>,
) -> Result<Json<PendingPhone>, ApiError> {
    let Json(body) = body?;
    let label = body.label.parse().map_err(|error: NameError| AccountError::Name(error))?;
    let owner = Owner { session: &session, source: &source };
    let number = Secret::new(body.number.0);
    let (id, number) = app.accounts.begin_sms(owner, label, number.expose()).await?;
    Ok(Json(PendingPhone { id, number }))
}

/// Adds a Yubikey by one press, and ends every other session.
#[utoipa::path(post, path = "/v1/account/factors/yubikey", request_body = NewYubikey,
    responses((status = 200, body = Factor), (status = 400), (status = 401), (status = 404), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn add_yubikey(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewYubikey>, JsonRejection>,
) -> Result<Json<Factor>, ApiError> {
    let Json(body) = body?;
    let label = body.label.parse().map_err(|error: NameError| AccountError::Name(error))?;
    let owner = Owner { session: &session, source: &source };
    let factor = app.accounts.add_yubikey(owner, label, &Secret::new(body.otp.0)).await?;
    Ok(Json(describe(&factor)))
}

/// Adds a factor by what it shows, and ends every other session.
#[utoipa::path(post, path = "/v1/account/factors/{id}",
    params(("id" = String, Path, description = "Its identity, or its label to remove it")), request_body = FactorProof,
    responses((status = 200, body = Factor), (status = 400), (status = 401), (status = 404), (status = 429),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn confirm_factor(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    Path(id): Path<String>,
    body: Result<Json<FactorProof>, JsonRejection>,
) -> Result<Json<Factor>, ApiError> {
    let Json(body) = body?;
    let owner = Owner { session: &session, source: &source };
    let factor = app.accounts.confirm_factor(owner, &id, &Secret::new(body.code.0)).await?;
    Ok(Json(describe(&factor)))
}

/// Removes a factor, by its identity or label, and ends every other session; the last one stays.
#[utoipa::path(delete, path = "/v1/account/factors/{id}",
    params(("id" = String, Path, description = "Its identity, or its label to remove it")),
    responses((status = 200, body = Factor), (status = 401), (status = 404), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn remove_factor(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    Path(id): Path<String>,
) -> Result<Json<Factor>, ApiError> {
    let owner = Owner { session: &session, source: &source };
    Ok(Json(describe(&app.accounts.remove_factor(owner, &id).await?)))
}

/// Changes the password, and ends every other session.
#[utoipa::path(put, path = "/v1/account/password", request_body = NewPassword,
    responses((status = 204), (status = 400), (status = 401), (status = 503)),
    security(("session" = [])))]
pub(super) async fn change_password(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    let owner = Owner { session: &session, source: &source };
    app.accounts.change_password(owner, &Secret::new(body.password.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes new recovery codes in place of all before, and ends every other session.
#[utoipa::path(post, path = "/v1/account/recovery-codes",
    responses((status = 200, body = RecoveryCodes), (status = 401), (status = 503)),
    security(("session" = [])))]
pub(super) async fn make_recovery_codes(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let owner = Owner { session: &session, source: &source };
    let codes = app.accounts.make_recovery_codes(owner).await?;
    Ok(Json(RecoveryCodes { codes: codes.iter().map(|code| Wire(code.expose().to_owned())).collect() }))
}

pub(super) fn describe(factor: &StoredFactor) -> Factor {
    Factor {
        id: factor.id.clone(),
        kind: factor.kind.to_string(),
        label: factor.label.to_string(),
        last_used_at: factor.last_used_at.map(|at| at.0),
    }
}

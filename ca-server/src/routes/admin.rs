//! `/v1/admin/users`: what officers do with other people's accounts.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use ca_api::{AdminUser, AdminUsers, Invitation, Invitee, Secret as Wire};

use super::account::describe;
use super::caller::OfficerCaller;
use crate::accounts::invite;
use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::store::User;

/// Makes an account that waits for its owner.
#[utoipa::path(post, path = "/v1/admin/users", request_body = Invitee,
    responses((status = 200, body = Invitation), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn invite(
    State(app): State<SharedApp>,
    officer: OfficerCaller,
    body: Result<Json<Invitee>, JsonRejection>,
) -> Result<Json<Invitation>, ApiError> {
    let Json(Invitee { name, email, groups, person }) = body?;
    let invitee = invite::Invitee { name, email, groups, person };
    let made = app.accounts.invite(&invitee, &officer.by()).await?;
    Ok(Json(Invitation {
        user: made.user.name.to_string(),
        token: Wire(made.token.expose().to_owned()),
        expires_at: made.expires_at.0,
    }))
}

/// Lists the accounts.
#[utoipa::path(get, path = "/v1/admin/users",
    responses((status = 200, body = AdminUsers), (status = 401), (status = 403)), security(("session" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    _officer: OfficerCaller,
) -> Result<Json<AdminUsers>, ApiError> {
    let mut users = Vec::new();
    for user in app.accounts.list().await? {
        users.push(about(&app, user).await?);
    }
    Ok(Json(AdminUsers { users }))
}

/// Shows an account.
#[utoipa::path(get, path = "/v1/admin/users/{name}",
    params(("name" = String, Path, description = "The name or e-mail address")),
    responses((status = 200, body = AdminUser), (status = 401), (status = 403), (status = 404)),
    security(("session" = [])))]
pub(super) async fn show(
    State(app): State<SharedApp>,
    _officer: OfficerCaller,
    Path(name): Path<String>,
) -> Result<Json<AdminUser>, ApiError> {
    let user = app.accounts.user(&name).await?;
    Ok(Json(about(&app, user).await?))
}

/// Switches an account off: ends its sessions, and revokes its certificates.
#[utoipa::path(post, path = "/v1/admin/users/{name}/disable",
    params(("name" = String, Path, description = "The name or e-mail address")),
    responses((status = 200, body = AdminUser), (status = 401), (status = 403), (status = 404), (status = 503)),
    security(("session" = [])))]
pub(super) async fn disable(
    State(app): State<SharedApp>,
    officer: OfficerCaller,
    Path(name): Path<String>,
) -> Result<Json<AdminUser>, ApiError> {
    refuse_own(&app, &officer, &name).await?;
    let user = app.accounts.set_enabled(&name, false, &officer.by()).await?;
    app.krl_follows().await;
    Ok(Json(about(&app, user).await?))
}

/// Switches an account on again.
#[utoipa::path(post, path = "/v1/admin/users/{name}/enable",
    params(("name" = String, Path, description = "The name or e-mail address")),
    responses((status = 200, body = AdminUser), (status = 401), (status = 403), (status = 404), (status = 503)),
    security(("session" = [])))]
pub(super) async fn enable(
    State(app): State<SharedApp>,
    officer: OfficerCaller,
    Path(name): Path<String>,
) -> Result<Json<AdminUser>, ApiError> {
    let user = app.accounts.set_enabled(&name, true, &officer.by()).await?;
    Ok(Json(about(&app, user).await?))
}

/// Makes factors work again that were disabled by failures; the owner is warned.
#[utoipa::path(post, path = "/v1/admin/users/{name}/unlock",
    params(("name" = String, Path, description = "The name or e-mail address")),
    responses((status = 200, body = AdminUser), (status = 401), (status = 403), (status = 404), (status = 503)),
    security(("session" = [])))]
pub(super) async fn unlock(
    State(app): State<SharedApp>,
    officer: OfficerCaller,
    Path(name): Path<String>,
) -> Result<Json<AdminUser>, ApiError> {
    refuse_own(&app, &officer, &name).await?;
    let user = app.accounts.unlock(&name, &officer.by()).await?;
    Ok(Json(about(&app, user).await?))
}

/// Refuses what officers are not to do to an account of their own: switching it off, as the last of them may not leave, and
/// forgetting its failures, as whoever has stolen their session may be guessing.
async fn refuse_own(app: &App, officer: &OfficerCaller, name: &str) -> Result<(), ApiError> {
    let user = app.accounts.user(name).await?;
    if officer.0.user.is_same_person_as(&user.into()) { Err(ApiError::OwnAccount) } else { Ok(()) }
}

async fn about(app: &App, user: User) -> Result<AdminUser, ApiError> {
    let (factors, recovery_codes_left) = app.accounts.factors(&user.id).await?;
    Ok(AdminUser {
        waiting: app.accounts.is_waiting(&user.id).await?,
        name: user.name.to_string(),
        email: user.email.to_string(),
        groups: user.groups.iter().map(ToString::to_string).collect(),
        enabled: user.enabled,
        factors: factors.iter().map(describe).collect(),
        recovery_codes_left,
    })
}

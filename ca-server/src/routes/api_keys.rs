//! `/v1/account/api-keys`: keys for programs, made and revoked by the owner of an account.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ca_api::{ApiKey, ApiKeys, MadeApiKey, NewApiKey, Secret as Wire};
use ca_core::names::{NameError, ProfileName};
use ca_core::policy::KeyScope;

use super::caller::{Caller, OwnerCaller, Peer};
use crate::accounts::AccountError;
use crate::accounts::own::Owner;
use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::store::ApiKeyRow;

/// Lists the API keys of the account.
#[utoipa::path(get, path = "/v1/account/api-keys", responses((status = 200, body = ApiKeys), (status = 401)),
    security(("session" = [])))]
pub(super) async fn list(State(app): State<SharedApp>, caller: Caller) -> Result<Json<ApiKeys>, ApiError> {
    let keys = app.accounts.api_keys(&caller.session.user_id).await?;
    Ok(Json(ApiKeys { api_keys: keys.iter().map(describe).collect() }))
}

/// Makes an API key; its token is shown this once.
#[utoipa::path(post, path = "/v1/account/api-keys", request_body = NewApiKey,
    responses((status = 200, body = MadeApiKey), (status = 400), (status = 401), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn make(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewApiKey>, JsonRejection>,
) -> Result<Json<MadeApiKey>, ApiError> {
    let Json(body) = body?;
    let name = |error: NameError| ApiError::from(AccountError::Name(error));
    let label = body.label.parse().map_err(name)?;
    let scope = scope(&app, &body)?;
    let owner = Owner { session: &session, source: &source };
    let (key, token) = app.accounts.make_api_key(owner, label, scope).await?;
    Ok(Json(MadeApiKey { api_key: describe(&key), token: Wire(token.expose().to_owned()) }))
}

fn scope(app: &App, body: &NewApiKey) -> Result<KeyScope, ApiError> {
    let name = |error: NameError| ApiError::from(AccountError::Name(error));
    let network = |text: &String| {
        let parsed = text.parse().map_err(|_| format!("{:?} is not a network such as 10.0.0.0/8", cut(text)));
        parsed.map_err(ApiError::Unacceptable)
    };
    let policy = app.policy();
    let profile = |text: &String| {
        let profile: ProfileName = text.parse().map_err(name)?;
        if policy.profile(&profile).is_some() || policy.host_profile(&profile).is_some() {
            Ok(profile)
        } else {
            Err(ApiError::Unacceptable(format!("there is no profile {profile}")))
        }
    };
    Ok(KeyScope {
        profiles: body.profiles.iter().map(profile).collect::<Result<_, _>>()?,
        networks: body.networks.iter().map(network).collect::<Result<_, _>>()?,
        expires_at: app.clock.now().seconds().plus_secs(body.lasts_secs),
    })
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Revokes an API key, by its identity or label.
#[utoipa::path(delete, path = "/v1/account/api-keys/{id}",
    params(("id" = String, Path, description = "Its identity or label")),
    responses((status = 204), (status = 401), (status = 404), (status = 503)),
    security(("session" = [])))]
pub(super) async fn revoke(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let owner = Owner { session: &session, source: &source };
    app.accounts.revoke_api_key(owner, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe(key: &ApiKeyRow) -> ApiKey {
    ApiKey {
        id: key.id.clone(),
        label: key.label.to_string(),
        profiles: key.scope.profiles.iter().map(ToString::to_string).collect(),
        networks: key.scope.networks.iter().map(ToString::to_string).collect(),
        expires_at: key.scope.expires_at.0,
        last_used_at: key.last_used_at.map(|at| at.0),
    }
}

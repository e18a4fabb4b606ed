//! `GET /v1/trust` and `GET /v1/profiles`: what there is to pin and to ask for.

use axum::Json;
use axum::extract::State;
use ca_api::{ProfileSummary, Profiles, Trust};
use ca_core::names::ProfileName;
use ca_core::policy::{Action, Profile, User};

use super::caller::{Caller, Peer};
use crate::app::SharedApp;
use crate::error::ApiError;

/// Gives the public keys that hosts and clients pin.
#[utoipa::path(get, path = "/v1/trust", responses((status = 200, body = Trust)))]
pub(super) async fn trust(State(app): State<SharedApp>) -> Json<Trust> {
    Json(Trust {
        origin: app.keys.origin().to_string(),
        log_key: app.keys.verifier().to_string(),
        user_ca_keys: app.ca.public().all_users().map(|ca| ca.key().to_string()).collect(),
        host_ca_keys: vec![app.ca.public().hosts().key().to_string()],
    })
}

/// Gives the profiles that the caller may have.
#[utoipa::path(get, path = "/v1/profiles", responses((status = 200, body = Profiles), (status = 401)), security(("session" = [])))]
pub(super) async fn profiles(
    State(app): State<SharedApp>,
    caller: Caller,
    Peer(source): Peer,
) -> Result<Json<Profiles>, ApiError> {
    let (policy, session) = (app.policy(), &caller.session);
    let own = |name| app.permits(Action::Request, Some(name), session, source.clone());
    let own = policy.profiles().filter(|(name, _)| own(name));
    let profiles = own.map(|(name, profile)| summary(name, profile, &session.user)).collect();
    Ok(Json(Profiles { policy: policy.id().to_string(), profiles }))
}

fn summary(name: &ProfileName, profile: &Profile, user: &User) -> ProfileSummary {
    ProfileSummary {
        name: name.to_string(),
        description: profile.description.clone(),
        principals: accounts(profile, user),
        default_ttl: profile.default_ttl.to_string(),
        max_ttl: profile.max_ttl.to_string(),
        factors: profile.factors.iter().map(ToString::to_string).collect(),
        require_reason: profile.needs_reason(),
    }
}

/// Gives the accounts that a user gets, each once.
fn accounts(profile: &Profile, user: &User) -> Vec<String> {
    let mut accounts: Vec<String> = Vec::new();
    for account in profile.principals.iter().filter_map(|template| template.resolve(user)) {
        if !accounts.iter().any(|known| known == account.as_str()) {
            accounts.push(account.to_string());
        }
    }
    accounts
}

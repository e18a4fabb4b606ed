//! `POST /v1/host-certificates` and `GET /v1/host-profiles`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use ca_api::{HostCertificateRequest, HostProfileSummary, HostProfiles, IssuedCertificate};
use ca_core::names::ProfileName;
use ca_core::policy::{Action, HostProfile};

use super::caller::{AccessCaller, FreshCaller, Peer};
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::issue_host::issue_host;

/// Issues a certificate for a host's key.
///
/// The request id makes it idempotent: sent again, the same request is answered with the same certificate.
#[utoipa::path(post, path = "/v1/host-certificates", request_body = HostCertificateRequest,
    responses((status = 200, body = IssuedCertificate), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn certify(
    State(app): State<SharedApp>,
    FreshCaller(session): FreshCaller,
    Peer(source): Peer,
    body: Result<Json<HostCertificateRequest>, JsonRejection>,
) -> Result<Json<IssuedCertificate>, ApiError> {
    let Json(body) = body?;
    let certificate = issue_host(&app, &session, source, body).await?;
    metrics::counter!("countersign_host_certificates_total").increment(1);
    Ok(Json(crate::issue::describe(&certificate)))
}

/// Gives the host profiles that the caller may have hosts certified under.
#[utoipa::path(get, path = "/v1/host-profiles",
    responses((status = 200, body = HostProfiles), (status = 401)), security(("session" = [])))]
pub(super) async fn profiles(
    State(app): State<SharedApp>,
    AccessCaller(session): AccessCaller,
    Peer(source): Peer,
) -> Json<HostProfiles> {
    let policy = app.policy();
    let scope = session.login.key.as_ref().map(|key| &key.profiles);
    let own = |name: &ProfileName| {
        scope.is_none_or(|profiles| profiles.contains(name))
            && app.permits(Action::CertifyHost, Some(name), &session, source.clone())
    };
    let own = policy.host_profiles().filter(|(name, _)| own(name));
    let profiles = own.map(|(name, profile)| summary(name, profile)).collect();
    Json(HostProfiles { policy: policy.id().to_string(), profiles })
}

fn summary(name: &ProfileName, profile: &HostProfile) -> HostProfileSummary {
    HostProfileSummary {
        name: name.to_string(),
        description: profile.description.clone(),
        names: profile.names.iter().map(ToString::to_string).collect(),
        wildcards: profile.wildcards,
        default_ttl: profile.default_ttl.to_string(),
        max_ttl: profile.max_ttl.to_string(),
        factors: profile.factors.iter().map(ToString::to_string).collect(),
        require_possession: profile.require_possession,
        require_reason: profile.require_reason,
    }
}

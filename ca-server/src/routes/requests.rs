//! `/v1/requests`: what waits for approval, and what people say to it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use ca_api::{
    GivenApproval, IssuedCertificate, NewApproval, PendingRequest, WaitingRequest, WaitingRequests,
};
use ca_core::log::event::SignedApproval;
use ca_core::names::RequestId;
use ca_core::policy::{Purpose, Source};
use ca_core::request::CertRequest;

use super::caller::{AccessCaller, Officer, Peer};
use crate::app::{App, SharedApp};
use crate::approvals::{self, RequestProblem};
use crate::error::ApiError;
use crate::login::Session;
use crate::store::RequestRow;

/// Lists the caller's own requests, and those they may decide about.
#[utoipa::path(get, path = "/v1/requests", responses((status = 200, body = WaitingRequests), (status = 401)),
    security(("session" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    AccessCaller(session): AccessCaller,
    Peer(source): Peer,
) -> Result<Json<WaitingRequests>, ApiError> {
    let store = &app.login.setup().store;
    let mut rows = store.requests_of(&session.user_id).await?;
    rows.retain(|row| approvals::is_own(&session, row));
    let mut others = store.open_reviews().await?;
    others.extend(store.open_requests().await?);
    let others = others.into_iter().filter(|row| row.user.id != session.user_id);
    rows.extend(others.filter(|row| approvals::visible(&app, (&session, &source), row)));
    let mut requests = Vec::with_capacity(rows.len());
    for row in &rows {
        requests.push(describe(&app, &session, row).await?);
    }
    Ok(Json(WaitingRequests { requests }))
}

/// Shows a request, after taking it as far as it can go; with the certificate, for who asked for it.
#[utoipa::path(get, path = "/v1/requests/{id}", params(("id" = String, Path, description = "Its identity")),
    responses((status = 200, body = WaitingRequest), (status = 401), (status = 404), (status = 503)),
    security(("session" = [])))]
pub(super) async fn show(
    State(app): State<SharedApp>,
    AccessCaller(session): AccessCaller,
    Peer(source): Peer,
    Path(id): Path<String>,
) -> Result<Json<WaitingRequest>, ApiError> {
    let row = find(&app, (&session, &source), &id).await?;
    let row = approvals::advance(&app, row.id).await?.ok_or(RequestProblem::Unknown)?;
    Ok(Json(describe(&app, &session, &row).await?))
}

/// Approves or denies a request, as the text says that an officer has signed.
#[utoipa::path(post, path = "/v1/requests/{id}/approvals",
    params(("id" = String, Path, description = "Its identity")), request_body = NewApproval,
    responses((status = 200, body = WaitingRequest), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn decide(
    State(app): State<SharedApp>,
    officer: Officer,
    Path(id): Path<String>,
    body: Result<Json<NewApproval>, JsonRejection>,
) -> Result<Json<WaitingRequest>, ApiError> {
    let Json(NewApproval { text, signature }) = body?;
    let (session, source) = (&*officer.session, &officer.source);
    // One for the account is none to decide about others with; the audit looks for the login of this one.
    if session.purpose != Purpose::Access {
        return Err(ApiError::NoSession);
    }
    let said = SignedApproval { text, signature };
    let row = approvals::say(&app, (session, source), parse(&id)?, said).await?;
    Ok(Json(describe(&app, session, &row).await?))
}

/// Takes a request back.
#[utoipa::path(post, path = "/v1/requests/{id}/cancel", params(("id" = String, Path, description = "Its identity")),
    responses((status = 200, body = WaitingRequest), (status = 401), (status = 404), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn cancel(
    State(app): State<SharedApp>,
    AccessCaller(session): AccessCaller,
    Path(id): Path<String>,
) -> Result<Json<WaitingRequest>, ApiError> {
    let row = approvals::cancel(&app, &session, parse(&id)?).await?;
    Ok(Json(describe(&app, &session, &row).await?))
}

fn parse(id: &str) -> Result<RequestId, ApiError> {
    id.parse().map_err(|_| RequestProblem::Unknown.into())
}

async fn find(app: &App, caller: (&Session, &Source), id: &str) -> Result<RequestRow, ApiError> {
    let row = app.login.setup().store.request(parse(id)?).await?;
    let row = row.filter(|row| approvals::visible(app, caller, row));
    row.ok_or_else(|| RequestProblem::Unknown.into())
}

async fn describe(app: &App, session: &Session, row: &RequestRow) -> Result<WaitingRequest, ApiError> {
    let store = &app.login.setup().store;
    let given = match row.voucher {
        Some(id) => store.voucher(id).await?.map(|voucher| voucher.seals).unwrap_or_default(),
        None => store.approvals(row.id).await?,
    };
    let own = approvals::is_own(session, row);
    let closed = row.closed.as_ref();
    let Meaning { groups, accounts, lasts_secs } = Meaning::of(app, row).unwrap_or_default();
    Ok(WaitingRequest {
        id: row.id.to_string(),
        user: row.user.name.to_string(),
        own,
        state: row.state.as_str().to_owned(),
        outcome: closed.map(|closed| closed.outcome.as_str().to_owned()),
        closed_by: closed.map(|closed| closed.by.clone()),
        closed_reason: closed.and_then(|closed| closed.reason.clone()),
        request: row.request.clone(),
        signature: row.signature.clone(),
        policy: row.policy.to_string(),
        source: row.source.ip.to_string(),
        asked_at: row.asked_at.0,
        expires_at: row.expires_at.0,
        needs: row.needed,
        groups,
        accounts,
        lasts_secs,
        approvals: given
            .into_iter()
            .map(|(SignedApproval { text, signature }, approver)| GivenApproval {
                approver: approver.user.name.to_string(),
                at: approver.at.0,
                text,
                signature,
            })
            .collect(),
        voucher: row.voucher.map(|id| id.to_string()),
        to_review: row.is_to_review(),
        issued: if own { issued(row)? } else { None },
    })
}

/// What a request comes to by the policy in force.
#[derive(Debug, Default)]
struct Meaning {
    groups: Vec<String>,
    accounts: Vec<String>,
    lasts_secs: Option<u64>,
}

impl Meaning {
    fn of(app: &App, row: &RequestRow) -> Option<Self> {
        let policy = app.policy();
        let request = CertRequest::from_text(&row.request).ok()?;
        let profile = policy.profile(&request.profile)?;
        let (accounts, ttl) = approvals::asked_for(&request, profile, &row.user.clone().into());
        let groups = profile.approvals.iter().flat_map(|approvals| &approvals.groups);
        Some(Self {
            groups: groups.map(ToString::to_string).collect(),
            accounts: accounts.iter().map(ToString::to_string).collect(),
            lasts_secs: Some(ttl.secs()),
        })
    }
}

/// Gives the certificate of a request that has one.
pub(super) fn issued(row: &RequestRow) -> Result<Option<IssuedCertificate>, ApiError> {
    row.issued.as_deref().map(serde_json::from_str).transpose().map_err(ApiError::internal)
}

/// Says that a request waits; one that is over is a problem.
pub(super) fn pending(app: &App, row: &RequestRow) -> Result<PendingRequest, ApiError> {
    if let Some(closed) = &row.closed {
        return Err(RequestProblem::Over(closed.outcome.as_str().to_owned()).into());
    }
    Ok(PendingRequest {
        request_id: row.id.to_string(),
        needs: row.needed,
        groups: Meaning::of(app, row).unwrap_or_default().groups,
        expires_at: row.expires_at.0,
    })
}

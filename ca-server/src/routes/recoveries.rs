//! `/v1/recoveries`: accounts that are to be given back, and what people say to that.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use ca_api::{GivenVote, NewVote, Recoveries, Recovery, RecoveryInvitation, Secret as Wire};
use ca_core::log::event::SignedApproval;
use ca_core::names::RecoveryId;
use ca_core::policy::{Purpose, Source};

use super::caller::{Caller, Officer, Peer};
use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::login::Session;
use crate::recovery::{self, RecoveryProblem};
use crate::store::RecoveryRow;

/// Lists the last recoveries: all of them for officers, those of their own account for others.
#[utoipa::path(get, path = "/v1/recoveries", responses((status = 200, body = Recoveries), (status = 401)),
    security(("session" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Peer(source): Peer,
) -> Result<Json<Recoveries>, ApiError> {
    let session = &*caller.session;
    let officer = recovery::may_decide(&app, (session, &source));
    let mut recoveries = Vec::new();
    for row in app.login.setup().store.recoveries().await? {
        if officer || row.user.id == session.user_id {
            recoveries.push(describe(&app, session, &row).await?);
        }
    }
    Ok(Json(Recoveries { recoveries }))
}

/// Opens the recovery of an account, as the text says that an officer has signed; its owner is warned.
#[utoipa::path(post, path = "/v1/recoveries", request_body = NewVote,
    responses((status = 200, body = Recovery), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn open(
    State(app): State<SharedApp>,
    officer: Officer,
    body: Result<Json<NewVote>, JsonRejection>,
) -> Result<Json<Recovery>, ApiError> {
    let Json(said) = body?;
    let row = recovery::open(&app, acting(&officer)?, signed(said)).await?;
    Ok(Json(describe(&app, &officer.session, &row).await?))
}

/// Signs or denies a recovery, as the text says that an officer has signed.
#[utoipa::path(post, path = "/v1/recoveries/{id}/votes",
    params(("id" = String, Path, description = "Its identity")), request_body = NewVote,
    responses((status = 200, body = Recovery), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn say(
    State(app): State<SharedApp>,
    officer: Officer,
    Path(id): Path<String>,
    body: Result<Json<NewVote>, JsonRejection>,
) -> Result<Json<Recovery>, ApiError> {
    let Json(said) = body?;
    let row = recovery::say(&app, acting(&officer)?, parse(&id)?, signed(said)).await?;
    Ok(Json(describe(&app, &officer.session, &row).await?))
}

/// Ends the recovery of the caller's own account.
#[utoipa::path(post, path = "/v1/recoveries/{id}/veto",
    params(("id" = String, Path, description = "Its identity")),
    responses((status = 200, body = Recovery), (status = 401), (status = 404), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn veto(
    State(app): State<SharedApp>,
    caller: Caller,
    Peer(source): Peer,
    Path(id): Path<String>,
) -> Result<Json<Recovery>, ApiError> {
    let row = recovery::veto(&app, (&caller.session, &source), parse(&id)?).await?;
    Ok(Json(describe(&app, &caller.session, &row).await?))
}

/// Takes the account after the waiting period, and gives the invitation for its owner, this once.
#[utoipa::path(post, path = "/v1/recoveries/{id}/finish",
    params(("id" = String, Path, description = "Its identity")),
    responses((status = 200, body = RecoveryInvitation), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn finish(
    State(app): State<SharedApp>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Json<RecoveryInvitation>, ApiError> {
    let handed = recovery::finish(&app, acting(&officer)?, parse(&id)?).await?;
    Ok(Json(RecoveryInvitation {
        user: handed.invitation.user.name.to_string(),
        token: Wire(handed.invitation.token.expose().to_owned()),
        expires_at: handed.invitation.expires_at.0,
        reduced_until: handed.reduced_until.0,
    }))
}

/// A session for the account is none to decide about others with; the audit looks for the login of this one.
fn acting(officer: &Officer) -> Result<(&Session, &Source), ApiError> {
    match officer.session.purpose {
        Purpose::Access => Ok((&officer.session, &officer.source)),
        Purpose::Account => Err(ApiError::NoSession),
    }
}

fn signed(said: NewVote) -> SignedApproval {
    SignedApproval { text: said.text, signature: said.signature }
}

fn parse(id: &str) -> Result<RecoveryId, ApiError> {
    id.parse().map_err(|_| RecoveryProblem::Unknown.into())
}

async fn describe(app: &App, session: &Session, row: &RecoveryRow) -> Result<Recovery, ApiError> {
    let votes = app.login.setup().store.votes(row.id).await?;
    Ok(Recovery {
        id: row.id.to_string(),
        user: row.user.name.to_string(),
        email: row.user.email.to_string(),
        own: row.user.id == session.user_id,
        state: row.state.as_str().to_owned(),
        outcome: row.outcome.clone(),
        opened_at: row.opened_at.0,
        expires_at: row.expires_at.0,
        needs: row.needed,
        due_until: row.due.map(|(_, until)| until.0),
        reduced_until: row.reduced_until.map(|until| until.0),
        votes: votes
            .into_iter()
            .map(|(SignedApproval { text, signature }, officer)| GivenVote {
                officer: officer.user.name.to_string(),
                at: officer.at.0,
                text,
                signature,
            })
            .collect(),
    })
}

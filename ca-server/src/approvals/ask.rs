//! The beginning: a request that every rule grants, but for the approvals it needs.

use std::sync::Arc;

use ca_core::log::event::{RequestPending, What};
use ca_core::policy::{Facts, Policy, Quorum};
use ca_core::request::ProvenRequest;
use ca_core::time::UnixSeconds;

use super::{LIMITS, RequestProblem, notices};
use crate::app::App;
use crate::error::ApiError;
use crate::ledger::{Draft, LedgerError};
use crate::login::Session;
use crate::store::{RequestRow, RequestState, User};

/// What was asked, and what it was decided by.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Whose session it came with.
    pub session: &'a Session,
    /// The request.
    pub request: ProvenRequest,
    /// The facts.
    pub facts: Facts,
    /// The policy.
    pub policy: Arc<Policy>,
    /// When it was decided.
    pub decided_at: UnixSeconds,
}

/// Has a request wait; one that waits already, or is over, stays what it is (A13).
pub async fn ask(app: &App, asked: Asked<'_>, quorum: Quorum) -> Result<RequestRow, ApiError> {
    let store = &app.login.setup().store;
    let id = asked.request.request().id;
    if let Some(row) = store.request(id).await? {
        return same(row, &asked);
    }
    let (each, all) = store.waiting_requests(&asked.session.user_id).await?;
    if each >= LIMITS.each || all >= LIMITS.all {
        return Err(RequestProblem::TooMany.into());
    }
    let row = record_pending(app, &asked, &quorum).await?;
    let notices = notices::begun(app, &row, &asked).await?;
    if store.add_request(&row, LIMITS, &notices).await? {
        return Ok(row);
    }
    match store.request(id).await? {
        Some(row) => same(row, &asked),
        None => Err(RequestProblem::TooMany.into()),
    }
}

/// Records that a request waits; gives the row to be kept.
pub(crate) async fn record_pending(
    app: &App,
    asked: &Asked<'_>,
    quorum: &Quorum,
) -> Result<RequestRow, ApiError> {
    let row = row(asked, quorum);
    let event = RequestPending {
        request: row.request.clone(),
        signature: row.signature.clone(),
        facts: asked.facts.clone(),
        policy: row.policy,
        decided_at: row.asked_at,
        pending_id: row.id,
        needed: row.needed,
        expires_at: row.expires_at,
    };
    app.ledger.append(Draft::Event(What::RequestPending(Box::new(event)))).await?;
    Ok(row)
}

/// An id stands for one request of one account.
pub(crate) fn same(row: RequestRow, asked: &Asked<'_>) -> Result<RequestRow, ApiError> {
    if row.request == asked.request.text() && row.user.id == asked.session.user_id {
        Ok(row)
    } else {
        Err(LedgerError::Conflict.into())
    }
}

fn row(asked: &Asked<'_>, quorum: &Quorum) -> RequestRow {
    let ca_core::policy::User { name, email, groups, enabled, person, reduced_until } =
        asked.facts.user.clone();
    RequestRow {
        id: asked.request.request().id,
        user: User { id: asked.session.user_id.clone(), name, email, groups, enabled, person, reduced_until },
        state: RequestState::Pending,
        policy: asked.policy.id(),
        request: asked.request.text().to_owned(),
        signature: asked.request.signature().to_owned(),
        session: asked.facts.session.clone(),
        source: asked.facts.source.clone(),
        needed: quorum.needed,
        asked_at: asked.decided_at,
        expires_at: asked.decided_at.plus_secs(quorum.wait.secs()),
        claimed_at: None,
        closed: None,
        issued: None,
        voucher: None,
        reviewed_at: None,
    }
}

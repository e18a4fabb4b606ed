//! What people say to a request: yes, no, or never mind.

use ca_core::approval::{Approval, ApprovalError, ProvenApproval, Verdict};
use ca_core::log::event::{Closing, OfficerVerdict, SignedApproval, What};
use ca_core::names::RequestId;
use ca_core::policy::{Approver, Facts, Source};
use ca_core::request::CertRequest;
use ca_core::time::UnixMillis;

use super::{RequestProblem, advance, subject};
use crate::app::App;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::login::Session;
use crate::store::{Closed, Given, NewApproval, RequestRow, RequestState};
use crate::vouchers::{may_review, review};

/// Takes what an officer says, signed; the approval that was missing issues at once.
pub async fn say(
    app: &App,
    (session, source): (&Session, &Source),
    id: RequestId,
    said: SignedApproval,
) -> Result<RequestRow, ApiError> {
    let now = app.clock.now();
    // First what time and policy have done to it: nobody approves what is over.
    let row = advance(app, id).await?.ok_or(RequestProblem::Unknown)?;
    let facts = Facts::new(session.user.clone(), session.login.clone(), source.clone());
    if !may_review(app, (session, source), &row) {
        check_may_decide(app, &row, &facts, now)?;
    }
    let approval = verify(app, session, &row, said, now).await?;
    let verdict = approval.approval().verdict;
    if verdict != Verdict::Review && row.state != RequestState::Pending {
        return Err(over(&row));
    }
    let approver = Approver {
        user: session.user.clone(),
        session: session.login.clone(),
        source: source.clone(),
        at: now.seconds(),
    };
    match verdict {
        Verdict::Review => {
            review(app, &row, &approval, approver).await?;
            Ok(advance(app, row.id).await?.ok_or(RequestProblem::Unknown)?)
        }
        Verdict::Approve => approve(app, &row, &session.user_id, &approval, approver).await,
        Verdict::Deny => deny(app, &row, &approval, approver).await,
    }
}

/// Refuses who asked, with whatever account (A1), and whom the policy does not let decide.
fn check_may_decide(
    app: &App,
    row: &RequestRow,
    facts: &Facts,
    now: UnixMillis,
) -> Result<(), RequestProblem> {
    if facts.user.is_same_person_as(&row.user.clone().into()) {
        return Err(RequestProblem::Own);
    }
    if may_decide(app, row, facts, now) { Ok(()) } else { Err(RequestProblem::NotYours) }
}

fn may_decide(app: &App, row: &RequestRow, facts: &Facts, now: UnixMillis) -> bool {
    let requester = row.user.clone().into();
    CertRequest::from_text(&row.request)
        .is_ok_and(|request| app.policy().may_approve(&request.profile, &requester, facts, now.seconds()))
}

/// Verifies that the officer signed just now, about this request as it waits.
async fn verify(
    app: &App,
    session: &Session,
    row: &RequestRow,
    said: SignedApproval,
    now: UnixMillis,
) -> Result<ProvenApproval, ApiError> {
    let problem = |error: ApprovalError| ApiError::from(RequestProblem::Approval(error));
    let approval = Approval::from_text(&said.text).map_err(problem)?;
    approval.check_by(&session.user.name).map_err(problem)?;
    approval.check_about(&subject(app, row)).map_err(problem)?;
    approval.check_fresh(now).map_err(problem)?;
    let keys = app.accounts.signing_keys(&session.user_id).await?;
    let keys: Vec<_> = keys.into_iter().map(|row| row.key).collect();
    ProvenApproval::verify(approval, said.signature, &keys).map_err(problem)
}

async fn approve(
    app: &App,
    row: &RequestRow,
    user_id: &str,
    approval: &ProvenApproval,
    approver: Approver,
) -> Result<RequestRow, ApiError> {
    let store = &app.login.setup().store;
    if store.approvals(row.id).await?.iter().any(|(_, other)| other.user.is_same_person_as(&approver.user)) {
        return Err(RequestProblem::Again.into());
    }
    let signed = SignedApproval::from(approval);
    let event = OfficerVerdict { pending_id: row.id, signed: signed.clone(), approver: approver.clone() };
    app.ledger.append(Draft::Event(What::RequestApproved(Box::new(event)))).await?;
    let new = NewApproval {
        id: approval.approval().id,
        about: row.id,
        user_id,
        signed: &signed,
        session: &approver.session,
        source: &approver.source,
        at: approver.at,
    };
    let given = store.add_approval(new).await?;
    let row = advance(app, row.id).await?.ok_or(RequestProblem::Unknown)?;
    match given {
        Given::Kept => Ok(row),
        Given::Again => Err(RequestProblem::Again.into()),
        Given::TooLate => Err(over(&row)),
    }
}

async fn deny(
    app: &App,
    row: &RequestRow,
    approval: &ProvenApproval,
    approver: Approver,
) -> Result<RequestRow, ApiError> {
    let reason = approval.approval().note.as_ref().map(ToString::to_string);
    let closed = Closed { reason, ..Closed::by(Closing::Denied, approver.user.name.as_str()) };
    let event = OfficerVerdict { pending_id: row.id, signed: approval.into(), approver };
    app.ledger.append(Draft::Event(What::RequestDeniedByOfficer(Box::new(event)))).await?;
    end(app, row, &closed).await
}

/// Takes a request back, for who asked.
pub async fn cancel(app: &App, session: &Session, id: RequestId) -> Result<RequestRow, ApiError> {
    let row = advance(app, id).await?.filter(|row| is_own(session, row));
    let row = row.ok_or(RequestProblem::Unknown)?;
    if row.state != RequestState::Pending {
        return Err(over(&row));
    }
    let by = match &session.login.key {
        Some(_) => format!("API key {} of {}", session.login.id, session.user.name),
        None => session.user.name.to_string(),
    };
    end(app, &row, &Closed::by(Closing::Cancelled, &by)).await
}

async fn end(app: &App, row: &RequestRow, closed: &Closed) -> Result<RequestRow, ApiError> {
    let closed = super::advance::close(app, row, closed).await?;
    let row = advance(app, row.id).await?.ok_or(RequestProblem::Unknown)?;
    if closed { Ok(row) } else { Err(over(&row)) }
}

fn over(row: &RequestRow) -> ApiError {
    let outcome = row.closed.as_ref().map(|closed| closed.outcome.as_str());
    RequestProblem::Over(outcome.unwrap_or(row.state.as_str()).to_owned()).into()
}

/// Tells whether a request is the caller's own; an API key has only those it made itself (F18).
pub fn is_own(session: &Session, row: &RequestRow) -> bool {
    row.user.id == session.user_id && (session.login.key.is_none() || row.session.id == session.login.id)
}

/// Tells whether somebody may see a request: who asked, and who may decide about it.
pub fn visible(app: &App, (session, source): (&Session, &Source), row: &RequestRow) -> bool {
    let facts = Facts::new(session.user.clone(), session.login.clone(), source.clone());
    if session.login.key.is_some() {
        return is_own(session, row);
    }
    is_own(session, row)
        || may_decide(app, row, &facts, app.clock.now())
        || may_review(app, (session, source), row)
}

//! What people say to a recovery: officers yes or no, its owner no.

use ca_core::approval::{ApprovalError, Verdict};
use ca_core::log::event::{RecoveryOpened, RecoveryVetoed, RecoveryVote, SignedApproval, What};
use ca_core::names::{ApprovalId, RecoveryId};
use ca_core::policy::{Approver, Policy, Source};
use ca_core::recovery::{ProvenVote, Vote};
use ca_core::request::FRESHNESS_SECS;

use super::{RecoveryProblem, STEP_SECS, advance, officer, store, tell};
use crate::app::App;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::login::Session;
use crate::store::{Given, NewRecovery, NewVote, RecoveryRow, RecoveryState, User};

/// Opens a recovery by the first officer's vote; the owner is warned before it counts.
pub async fn open(
    app: &App,
    caller: (&Session, &Source),
    said: SignedApproval,
) -> Result<RecoveryRow, ApiError> {
    let vote = Vote::from_text(&said.text).map_err(RecoveryProblem::from)?;
    let owner = app.accounts.user(vote.user.as_str()).await?;
    let (approver, policy) = officer(app, caller, &owner)?;
    let id = vote.recovery;
    check_opens(app, &vote)?;
    let proven = verify(app, caller.0, vote, (id, &owner), said.signature).await?;
    if !owner.enabled {
        return Err(RecoveryProblem::Disabled.into());
    }
    let under_way = store(app).open_recoveries().await?.iter().any(|row| row.user.id == owner.id);
    if under_way || store(app).recovery(id).await?.is_some() {
        return Err(RecoveryProblem::Already.into());
    }
    let vote = event((id, &owner), &proven, approver, &policy);
    let opened = RecoveryOpened { vote, needed: app.recovery.officers, wait: app.recovery.wait };
    app.ledger.append(Draft::Event(What::RecoveryOpened(Box::new(opened.clone())))).await?;
    tell::opened(app, &owner, &opened).await?;
    let approver = &opened.vote.officer;
    let new = NewRecovery {
        id,
        user_id: &owner.id,
        needed: opened.needed,
        expires_at: approver.at.plus_secs(STEP_SECS),
    };
    let row = row(proven.vote().id, caller.0, &opened.vote);
    if !store(app).add_recovery(new, row).await? {
        return Err(RecoveryProblem::Already.into());
    }
    read(app, id).await
}

/// Takes what another officer says, signed.
pub async fn say(
    app: &App,
    caller: (&Session, &Source),
    id: RecoveryId,
    said: SignedApproval,
) -> Result<RecoveryRow, ApiError> {
    // First what time has done to it: nobody signs what is over.
    let recovery = read(app, id).await?;
    let (approver, policy) = officer(app, caller, &recovery.user)?;
    let vote = Vote::from_text(&said.text).map_err(RecoveryProblem::from)?;
    let about = (recovery.id, &recovery.user);
    let proven = verify(app, caller.0, vote, about, said.signature).await?;
    let vote = event(about, &proven, approver, &policy);
    if proven.vote().verdict == Verdict::Approve {
        sign(app, caller.0, &recovery, (proven.vote().id, vote)).await
    } else {
        end(app, &recovery, ("denied", What::RecoveryDenied(Box::new(vote)))).await
    }
}

/// Ends a recovery for the owner of the account, who can log in after all.
pub async fn veto(
    app: &App,
    (session, source): (&Session, &Source),
    id: RecoveryId,
) -> Result<RecoveryRow, ApiError> {
    let row = advance(app, id).await?.filter(|row| row.user.id == session.user_id);
    let row = row.ok_or(RecoveryProblem::Unknown)?;
    let vetoed = RecoveryVetoed {
        recovery_id: id,
        user: row.user.name.clone(),
        session: session.login.id.clone(),
        source: source.clone(),
    };
    end(app, &row, ("vetoed", What::RecoveryVetoed(Box::new(vetoed)))).await
}

async fn sign(
    app: &App,
    session: &Session,
    recovery: &RecoveryRow,
    (id, vote): (ApprovalId, RecoveryVote),
) -> Result<RecoveryRow, ApiError> {
    if recovery.state != RecoveryState::Open {
        return Err(over(recovery));
    }
    let officer = &vote.officer.user;
    if store(app).votes(recovery.id).await?.iter().any(|(_, other)| other.user.is_same_person_as(officer)) {
        return Err(RecoveryProblem::Again.into());
    }
    app.ledger.append(Draft::Event(What::RecoverySigned(Box::new(vote.clone())))).await?;
    let given = store(app).add_vote(row(id, session, &vote)).await?;
    let after = read(app, recovery.id).await?;
    match given {
        Given::Kept => Ok(after),
        Given::Again => Err(RecoveryProblem::Again.into()),
        Given::TooLate => Err(over(&after)),
    }
}

/// Ends a recovery that is not finished, which counts at once.
async fn end(app: &App, row: &RecoveryRow, (outcome, event): (&str, What)) -> Result<RecoveryRow, ApiError> {
    let mut ended = false;
    // Of the two states it may be ended in, it can go on from the first to the second in the meantime.
    for state in [RecoveryState::Open, RecoveryState::Due] {
        ended = ended || store(app).end_recovery(row.id, state, (outcome, &event)).await?;
    }
    let after = read(app, row.id).await?;
    if ended { Ok(after) } else { Err(over(&after)) }
}

/// Reads a recovery after it was taken as far as it can go.
async fn read(app: &App, id: RecoveryId) -> Result<RecoveryRow, ApiError> {
    Ok(advance(app, id).await?.ok_or(RecoveryProblem::Unknown)?)
}

/// Tells what keeps a recovery from going on.
pub(super) fn over(row: &RecoveryRow) -> ApiError {
    let word = row.outcome.as_deref().unwrap_or(row.state.as_str());
    RecoveryProblem::Over(word.to_owned()).into()
}

/// The first vote opens, and makes the recovery's id, so that has to be new as well.
fn check_opens(app: &App, vote: &Vote) -> Result<(), RecoveryProblem> {
    if vote.verdict != Verdict::Approve {
        return Err(ApprovalError::Line { expected: "verdict approve" }.into());
    }
    let now = app.clock.now();
    if vote.recovery.time().0.abs_diff(now.0) > FRESHNESS_SECS * 1000 {
        return Err(ApprovalError::Stale.into());
    }
    Ok(())
}

/// Verifies that the officer signed just now, in their own name, about this recovery of this account.
async fn verify(
    app: &App,
    session: &Session,
    vote: Vote,
    (id, owner): (RecoveryId, &User),
    signature: String,
) -> Result<ProvenVote, ApiError> {
    let problem = |error: ApprovalError| ApiError::from(RecoveryProblem::Vote(error));
    vote.check_about(app.keys.origin(), (id, &owner.name), &session.user.name).map_err(problem)?;
    vote.check_fresh(app.clock.now()).map_err(problem)?;
    let keys = app.accounts.signing_keys(&session.user_id).await?;
    let keys: Vec<_> = keys.into_iter().map(|row| row.key).collect();
    ProvenVote::verify(vote, signature, &keys).map_err(problem)
}

fn event(
    (id, owner): (RecoveryId, &User),
    proven: &ProvenVote,
    officer: Approver,
    policy: &Policy,
) -> RecoveryVote {
    RecoveryVote {
        recovery_id: id,
        user: owner.name.clone(),
        signed: proven.into(),
        officer,
        policy: policy.id(),
    }
}

fn row<'a>(id: ApprovalId, session: &'a Session, vote: &'a RecoveryVote) -> NewVote<'a> {
    NewVote {
        id,
        about: vote.recovery_id,
        user_id: &session.user_id,
        signed: &vote.signed,
        session: &vote.officer.session,
        source: &vote.officer.source,
        at: vote.officer.at,
    }
}

//! The one way on: looks where a recovery stands, and takes it as far as it can go now.

use ca_core::log::event::{RecoveryClosed, RecoveryClosing, RecoveryDue, What};
use ca_core::names::{RecoveryId, UserName};
use ca_core::policy::{Action, Approver};
use ca_core::recovery::Vote;
use ca_core::time::UnixSeconds;

use super::{STEP_SECS, store, tell};
use crate::app::App;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::store::{RecoveryRow, RecoveryState};

/// Takes a recovery as far as it can go now, and gives where it stands then.
pub async fn advance(app: &App, id: RecoveryId) -> Result<Option<RecoveryRow>, ApiError> {
    let Some(row) = store(app).recovery(id).await? else { return Ok(None) };
    match row.state {
        RecoveryState::Open => open(app, &row).await?,
        RecoveryState::Due => due(app, &row).await?,
        RecoveryState::Finishing => finishing(app, &row).await?,
        RecoveryState::Closing => closing(app, &row).await?,
        RecoveryState::Finished | RecoveryState::Closed => return Ok(Some(row)),
    }
    Ok(store(app).recovery(id).await?)
}

/// Takes every recovery further that is not over.
pub async fn sweep(app: &App) -> Result<(), ApiError> {
    for row in store(app).open_recoveries().await? {
        if let Err(error) = advance(app, row.id).await {
            tracing::warn!(recovery = %row.id, %error, "a recovery does not go on; it is tried again");
        }
    }
    Ok(())
}

/// Begins the waiting period when enough people have signed. It is recorded first: whoever is interrupted begins anew,
/// which makes the wait longer, not shorter.
async fn open(app: &App, row: &RecoveryRow) -> Result<(), ApiError> {
    if let Some(outcome) = over(app, row) {
        return close(app, row, outcome).await;
    }
    let officers = signers(app, row).await?;
    if officers.len() < usize::from(row.needed) {
        return Ok(());
    }
    let since = app.clock.now().seconds();
    let until = since.plus_secs(app.recovery.wait.secs());
    let (recovery_id, user) = (row.id, row.user.name.clone());
    let event = RecoveryDue { recovery_id, user, officers, until };
    app.ledger.append(Draft::Event(What::RecoveryDue(Box::new(event.clone())))).await?;
    tell::due(app, &row.user, &event).await?;
    store(app).begin_wait(row.id, (since, until), until.plus_secs(STEP_SECS)).await?;
    Ok(())
}

/// Warns the owner again when three quarters of the wait are over, and ends what cannot be finished any more.
async fn due(app: &App, row: &RecoveryRow) -> Result<(), ApiError> {
    if let Some(outcome) = over(app, row) {
        return close(app, row, outcome).await;
    }
    if signers(app, row).await?.len() < usize::from(row.needed) {
        return close(app, row, RecoveryClosing::NotPermitted).await;
    }
    let Some((since, until)) = row.due else { return Err(ApiError::internal("due without when")) };
    let remind_at = since.plus_secs(until.0.saturating_sub(since.0) / 4 * 3);
    if !row.reminded && app.clock.now().seconds() >= remind_at {
        tell::ending(app, &row.user, until).await?;
        store(app).reminded(row.id).await?;
    }
    Ok(())
}

/// Records that the account is taken, and takes it; here or after a process that is no more.
async fn finishing(app: &App, row: &RecoveryRow) -> Result<(), ApiError> {
    let Some(What::RecoveryFinished(event)) = row.event.clone() else {
        return Err(ApiError::internal("finishing without what"));
    };
    app.ledger.append(Draft::Event(What::RecoveryFinished(event.clone()))).await?;
    tell::finished(app, &row.user, &event).await?;
    if store(app).take_account(row.id).await? {
        app.login.setup().sessions.forget_user(&row.user.id);
    }
    Ok(())
}

/// What ends a recovery takes something away, so it counts before it is recorded; a crash between leaves it to the sweep.
async fn closing(app: &App, row: &RecoveryRow) -> Result<(), ApiError> {
    let by_itself = match row.outcome.as_deref() {
        Some("void") => RecoveryClosing::Void,
        _ => RecoveryClosing::UserDisabled,
    };
    let event = row.event.clone().unwrap_or_else(|| closed(row, by_itself));
    app.ledger.append(Draft::Event(event)).await?;
    tell::ended(app, row).await?;
    Ok(store(app).recovery_end_recorded(row.id).await?)
}

async fn close(app: &App, row: &RecoveryRow, outcome: RecoveryClosing) -> Result<(), ApiError> {
    let event = closed(row, outcome);
    if store(app).end_recovery(row.id, row.state, (outcome.as_str(), &event)).await?
        && let Some(row) = store(app).recovery(row.id).await?
    {
        closing(app, &row).await?;
    }
    Ok(())
}

fn closed(row: &RecoveryRow, outcome: RecoveryClosing) -> What {
    let (recovery_id, user) = (row.id, row.user.name.clone());
    What::RecoveryClosed(Box::new(RecoveryClosed { recovery_id, user, outcome }))
}

fn over(app: &App, row: &RecoveryRow) -> Option<RecoveryClosing> {
    if !row.user.enabled {
        return Some(RecoveryClosing::UserDisabled);
    }
    (app.clock.now().seconds() > row.expires_at).then_some(RecoveryClosing::Expired)
}

/// Gives who has signed and may still, each person once: as they are now, by a login as it was then (A4).
pub(super) async fn signers(app: &App, row: &RecoveryRow) -> Result<Vec<UserName>, ApiError> {
    let policy = app.policy();
    let owner = row.user.clone().into();
    let counts = |text: &str, officer: &Approver, now: UnixSeconds| {
        let about = (row.id, &row.user.name);
        Vote::from_text(text)
            .is_ok_and(|vote| vote.check_about(app.keys.origin(), about, &officer.user.name).is_ok())
            && !officer.user.is_same_person_as(&owner)
            && officer.user.reduced(now).is_none()
            && policy.permits(Action::Administer, None, &officer.facts(), officer.at)
    };
    let now = app.clock.now().seconds();
    let mut people: Vec<ca_core::policy::User> = Vec::new();
    for (signed, officer) in store(app).votes(row.id).await? {
        let known = people.iter().any(|person| person.is_same_person_as(&officer.user));
        if !known && counts(&signed.text, &officer, now) {
            people.push(officer.user);
        }
    }
    Ok(people.into_iter().map(|person| person.name).collect())
}

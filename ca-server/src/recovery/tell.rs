//! Who hears of a recovery: its owner by every channel on file, and the officers.

use ca_core::log::event::{RecoveryDue, RecoveryFinished, RecoveryOpened};
use ca_core::names::UserName;
use ca_core::time::UnixSeconds;

use crate::app::App;
use crate::error::ApiError;
use crate::store::{RecoveryRow, User};
use crate::warnings::{self, Change, OfficerNotice, tell_officers};

pub(super) async fn opened(app: &App, owner: &User, opened: &RecoveryOpened) -> Result<(), ApiError> {
    let officer = &opened.vote.officer.user.name;
    warn(app, owner, &Change::RecoveryOpened(officer)).await?;
    let text = format!(
        "{officer} asks to recover the account {}, whose owner is said to have lost everything.\n\n\
         {} people have to sign. Speak with the owner yourself before you do:\n  ca recovery sign {}\n  \
         ca recovery deny {} --reason \"…\"\n",
        owner.name, opened.needed, owner.name, owner.name
    );
    let id = opened.vote.recovery_id.to_string();
    tell(app, owner, ("recovery-opened", "is to be recovered"), &id, text).await
}

pub(super) async fn due(app: &App, owner: &User, due: &RecoveryDue) -> Result<(), ApiError> {
    warn(app, owner, &Change::RecoveryDue(due.until)).await?;
    let text = format!(
        "Enough people have signed the recovery of the account {}. Its owner has until {} to veto it.\n\n\
         After that: ca recovery finish {}\n",
        owner.name, due.until, owner.name
    );
    tell(app, owner, ("recovery-due", "can soon be recovered"), &due.recovery_id.to_string(), text).await
}

pub(super) async fn ending(app: &App, owner: &User, until: UnixSeconds) -> Result<(), ApiError> {
    warn(app, owner, &Change::RecoveryEnding(until)).await
}

pub(super) async fn finished(app: &App, owner: &User, finished: &RecoveryFinished) -> Result<(), ApiError> {
    warn(app, owner, &Change::RecoveryFinished(finished.reduced_until)).await?;
    let text = format!(
        "{} has finished the recovery of the account {}. Until {} the account can do less.\n",
        finished.officer.user.name, owner.name, finished.reduced_until
    );
    let id = finished.recovery_id.to_string();
    tell(app, owner, ("recovery-finished", "was recovered"), &id, text).await
}

/// Says that the invitation to a recovered account was replaced: who holds the new one takes the account.
pub(super) async fn invited_again(app: &App, row: &RecoveryRow, officer: &UserName) -> Result<(), ApiError> {
    warn(app, &row.user, &Change::InvitedAgain(officer)).await?;
    let text = format!(
        "{officer} has made another invitation to the recovered account {}, in place of the last one.\n",
        row.user.name
    );
    tell(app, &row.user, ("recovery-finished", "has another invitation"), &row.id.to_string(), text).await
}

pub(super) async fn ended(app: &App, row: &RecoveryRow) -> Result<(), ApiError> {
    let outcome = row.outcome.as_deref().unwrap_or(row.state.as_str());
    warn(app, &row.user, &Change::RecoveryEnded(outcome)).await?;
    let text = format!("The recovery of the account {} has ended: {outcome}.\n", row.user.name);
    tell(app, &row.user, ("recovery-ended", "is not recovered"), &row.id.to_string(), text).await
}

async fn warn(app: &App, owner: &User, change: &Change<'_>) -> Result<(), ApiError> {
    warnings::warn(app.login.setup(), owner, change, None).await.map_err(ApiError::internal)
}

async fn tell(
    app: &App,
    owner: &User,
    (kind, what): (&'static str, &str),
    id: &str,
    text: String,
) -> Result<(), ApiError> {
    let setup = app.login.setup();
    let notice = OfficerNotice {
        kind,
        subject: format!("The account {} at {} {what}", owner.name, setup.issuer),
        text,
        about: [("user", owner.name.to_string()), ("recovery_id", id.to_owned())].into(),
    };
    tell_officers(setup, &notice, |user| app.may_administer(user)).await.map_err(ApiError::internal)
}

//! The end of the waiting period: the account is taken, and an officer gets the invitation to hand on.

use ca_core::log::event::{RecoveryFinished, What};
use ca_core::names::RecoveryId;
use ca_core::policy::Source;
use ca_core::time::UnixSeconds;

use super::{RecoveryProblem, advance, officer, store, tell};
use crate::accounts::invite::Invitation;
use crate::app::App;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::login::Session;
use crate::store::{RecoveryRow, RecoveryState};

/// An invitation to a recovered account; its token cannot be shown again.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The invitation.
    pub invitation: Invitation,
    /// Until when the account can do less.
    pub reduced_until: UnixSeconds,
}

/// Finishes a recovery whose wait is over, or hands out another invitation while nobody has taken the last one.
pub async fn finish(app: &App, caller: (&Session, &Source), id: RecoveryId) -> Result<Handed, ApiError> {
    let row = advance(app, id).await?.ok_or(RecoveryProblem::Unknown)?;
    let (session, _) = caller;
    let (approver, policy) = officer(app, caller, &row.user)?;
    let now = approver.at;
    let reduced_until = row.reduced_until.unwrap_or_else(|| now.plus_secs(app.recovery.reduced_for.secs()));
    let event = RecoveryFinished {
        recovery_id: id,
        user: row.user.name.clone(),
        officer: approver,
        policy: policy.id(),
        reduced_until,
    };
    let event = What::RecoveryFinished(Box::new(event));
    match row.state {
        RecoveryState::Due => claim(app, &row, (reduced_until, &event), now).await?,
        RecoveryState::Finished if now <= row.expires_at && app.accounts.is_waiting(&row.user.id).await? => {
            let by = session.user.name.clone();
            app.ledger.append(Draft::Event(event)).await?;
            tell::invited_again(app, &row, &by).await?;
        }
        RecoveryState::Open => {
            let have = super::advance::signers(app, &row).await?.len();
            return Err(RecoveryProblem::NotSigned { have, needed: row.needed }.into());
        }
        _ => return Err(super::vote::over(&row)),
    }
    let invitation = app.accounts.invite_again(&row.user).await?;
    app.krl_follows().await;
    Ok(Handed { invitation, reduced_until })
}

async fn claim(
    app: &App,
    row: &RecoveryRow,
    (reduced_until, event): (UnixSeconds, &What),
    now: UnixSeconds,
) -> Result<(), ApiError> {
    if let Some((_, until)) = row.due
        && now < until
    {
        return Err(RecoveryProblem::TooEarly(until).into());
    }
    let claimed = store(app).claim_recovery(row.id, reduced_until, event, now).await?;
    let after = advance(app, row.id).await?.ok_or(RecoveryProblem::Unknown)?;
    if claimed && after.state == RecoveryState::Finished { Ok(()) } else { Err(super::vote::over(&after)) }
}

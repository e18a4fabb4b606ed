//! After the emergency: an officer looks into it, and signs that.

use ca_core::approval::ProvenApproval;
use ca_core::log::event::{OfficerVerdict, What};
use ca_core::policy::{Action, Approver, Source};

use super::VoucherProblem;
use crate::app::App;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::login::Session;
use crate::store::RequestRow;

/// Tells whether somebody may look into an emergency: whoever may read the log, but not the person who was in it.
pub fn may_review(app: &App, (session, source): (&Session, &Source), row: &RequestRow) -> bool {
    row.voucher.is_some()
        && !session.user.is_same_person_as(&row.user.clone().into())
        && app.permits(Action::Audit, None, session, source.clone())
}

/// Takes what an officer has found, signed.
pub async fn review(
    app: &App,
    row: &RequestRow,
    approval: &ProvenApproval,
    approver: Approver,
) -> Result<(), ApiError> {
    if !row.is_to_review() {
        return Err(VoucherProblem::NothingToReview.into());
    }
    if approval.approval().note.is_none() {
        return Err(VoucherProblem::NoteMissing.into());
    }
    let at = approver.at;
    let event = OfficerVerdict { pending_id: row.id, signed: approval.into(), approver };
    app.ledger.append(Draft::Event(What::BreakGlassReviewed(Box::new(event)))).await?;
    if app.login.setup().store.set_reviewed(row.id, at).await? {
        Ok(())
    } else {
        Err(VoucherProblem::NothingToReview.into())
    }
}

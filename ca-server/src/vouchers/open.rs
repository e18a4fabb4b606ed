//! In the emergency: a voucher is shown in place of waiting.

use ca_core::log::event::{BreakGlassUsed, Closing, RequestClosed, What};
use ca_core::policy::{Decision, Facts, Quorum, Waited, decide};
use ca_core::request::CertRequest;
use ca_core::voucher::VoucherSecret;

use super::VoucherProblem;
use crate::app::App;
use crate::approvals::{Asked, record_pending, same};
use crate::error::ApiError;
use crate::issue::record_denial;
use crate::ledger::Draft;
use crate::store::{NewNotice, RequestRow, VoucherRow};
use crate::warnings::{OfficerNotice, addresses_of, prepare};

/// Has a request that would wait go on at once by a voucher: recorded first, and every officer hears of it.
pub async fn open(
    app: &App,
    asked: Asked<'_>,
    quorum: Quorum,
    secret: &VoucherSecret,
) -> Result<RequestRow, ApiError> {
    let store = &app.login.setup().store;
    let id = asked.request.request().id;
    if let Some(row) = store.request(id).await? {
        return same(row, &asked);
    }
    let voucher = find(app, secret).await?;
    let facts = with_voucher(&asked, &voucher);
    match decide(&asked.policy, asked.request.request(), &facts, asked.decided_at) {
        Decision::Grant(_) => {}
        Decision::NeedsApproval(quorum) => return Err(VoucherProblem::Unsealed(quorum).into()),
        Decision::Deny(denials) => {
            return Err(record_denial(app, asked.request, facts, denials, asked.decided_at).await?);
        }
    }

    let mut row = record_pending(app, &asked, &quorum).await?;
    row.voucher = Some(voucher.voucher.id);
    let request = asked.request.request();
    let used = BreakGlassUsed {
        pending_id: id,
        voucher_id: voucher.voucher.id,
        user: asked.session.user.name.clone(),
        profile: request.profile.clone(),
        reason: request.reason.clone(),
    };
    app.ledger.append(Draft::Event(What::BreakGlassUsed(Box::new(used)))).await?;
    let notices = notices(app, &asked, request, &quorum).await?;
    if !store.add_emergency(&row, voucher.voucher.id, &notices).await? {
        let closed = RequestClosed { pending_id: id, outcome: Closing::Void, by: "voucher".to_owned() };
        app.ledger.append(Draft::Event(What::RequestClosed(Box::new(closed)))).await?;
        return Err(VoucherProblem::Used.into());
    }
    Ok(row)
}

async fn find(app: &App, secret: &VoucherSecret) -> Result<VoucherRow, ApiError> {
    let found = app.login.setup().store.voucher_by_secret(secret.digest()).await?;
    let row = found.ok_or(VoucherProblem::Unknown)?;
    match (row.withdrawn, row.used_by) {
        (true, _) => Err(VoucherProblem::Withdrawn.into()),
        (false, Some(_)) => Err(VoucherProblem::Used.into()),
        (false, None) => Ok(row),
    }
}

/// Gives the facts as they will be when it is issued.
fn with_voucher(asked: &Asked<'_>, voucher: &VoucherRow) -> Facts {
    let approvals = voucher.seals.iter().map(|(_, approver)| approver.clone()).collect();
    let waited = Waited { since: asked.decided_at, approvals, voucher: Some(voucher.voucher.clone()) };
    Facts { waited: Some(waited), ..asked.facts.clone() }
}

/// Writes to everybody who could have approved. It is kept in the transaction that claims the voucher, before anything is
/// issued, so that it does not happen unheard.
async fn notices(
    app: &App,
    asked: &Asked<'_>,
    request: &CertRequest,
    quorum: &Quorum,
) -> Result<Vec<NewNotice>, ApiError> {
    let (user, source) = (&asked.session.user, &asked.facts.source);
    let reason = request.reason.as_ref().map_or("none given".to_owned(), ToString::to_string);
    let setup = app.login.setup();
    let text = format!(
        "{} <{}> uses a break-glass voucher for {}, from {}.\nReason: {reason}\n\n\
         If this is no emergency, take it away at once:\n  ca revoke --user {} --reason \"...\"\n\
         Afterwards it has to be looked into, and signed:\n  ca review {} --note \"what was found\"\n",
        user.name, user.email, request.profile, source.ip, user.name, request.id
    );
    let notice = OfficerNotice {
        kind: "break-glass-used",
        subject: format!("{} breaks the glass: {} at {}", user.name, request.profile, setup.issuer),
        text,
        about: [
            ("user", user.name.to_string()),
            ("profile", request.profile.to_string()),
            ("request_id", request.id.to_string()),
            ("source", source.ip.to_string()),
            ("reason", reason),
        ]
        .into(),
    };
    let officers = addresses_of(setup, |user| !user.groups.is_disjoint(&quorum.groups)).await;
    let prepared = officers.and_then(|officers| prepare(setup, &notice, officers));
    prepared.map_err(ApiError::internal)
}

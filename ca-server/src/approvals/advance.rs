//! The one way on: looks where a request stands, and takes it as far as it can go now.

use std::sync::Arc;

use ca_core::log::event::{Closing, RequestClosed, What};
use ca_core::names::RequestId;
use ca_core::policy::{Decision, Facts, Policy, Waited, decide};
use ca_core::request::{CertRequest, ProvenRequest};
use ca_core::time::UnixMillis;

use super::notices::{self, End};
use crate::app::App;
use crate::error::ApiError;
use crate::ids;
use crate::issue::{describe, record_and_sign};
use crate::ledger::{Approved, CertificateDraft, Draft, LedgerError};
use crate::store::{Closed, RequestRow, RequestState, Store};

/// After how long nothing that was begun for a claimed request can still reach the log, in milliseconds: the ledger takes
/// no draft that was claimed three minutes before, and gives up what it took within one.
const ABANDONED_MILLIS: u64 = 300_000;

/// For how long requests that are over can be looked at, in seconds: 30 days.
const KEPT_SECS: u64 = 30 * 86_400;

/// Takes a request as far as it can go now, and gives where it stands then.
pub async fn advance(app: &App, id: RequestId) -> Result<Option<RequestRow>, ApiError> {
    let store = store(app);
    let Some(row) = read(store, id).await? else { return Ok(None) };
    match row.state {
        RequestState::Pending => pending(app, &row).await?,
        RequestState::Issuing => issuing(app, &row).await?,
        RequestState::Closing => record_closing(app, &row).await?,
        RequestState::Issued | RequestState::Closed => return Ok(Some(row)),
    }
    read(store, id).await
}

/// Takes every request further that is not over, and forgets those that are long over.
pub async fn sweep(app: &App) -> Result<(), ApiError> {
    let store = store(app);
    for row in store.open_requests().await? {
        if let Err(error) = advance(app, row.id).await {
            tracing::warn!(request = %row.id, %error, "a request does not go on; it is tried again");
        }
    }
    let before = app.clock.now().seconds().minus_secs(KEPT_SECS);
    store.sweep_requests(before).await?;
    store.sweep_vouchers(before).await.map_err(ApiError::internal)
}

fn store(app: &App) -> &Store {
    &app.login.setup().store
}

async fn read(store: &Store, id: RequestId) -> Result<Option<RequestRow>, ApiError> {
    store.request(id).await.map_err(ApiError::internal)
}

/// Ends a request if it is in this state still, and records that.
pub(super) async fn close(app: &App, row: &RequestRow, closed: &Closed) -> Result<bool, ApiError> {
    let closed = store(app).close_request(row.id, row.state, closed).await?;
    if closed && let Some(row) = read(store(app), row.id).await? {
        record_closing(app, &row).await?;
    }
    Ok(closed)
}

/// What closes a request takes something away, so it counts before it is recorded; a crash between leaves it to the sweep.
async fn record_closing(app: &App, row: &RequestRow) -> Result<(), ApiError> {
    let Some(closed) = &row.closed else {
        return Err(ApiError::internal("closing without why"));
    };
    let event = RequestClosed { pending_id: row.id, outcome: closed.outcome, by: closed.by.clone() };
    app.ledger.append(Draft::Event(What::RequestClosed(Box::new(event)))).await?;
    let notices = notices::over(app, row, &End::Closed(closed))?;
    store(app).closing_recorded(row.id, (&notices, app.clock.now().seconds())).await?;
    Ok(())
}

/// Closes what cannot be granted any more, and issues what has its approvals.
async fn pending(app: &App, row: &RequestRow) -> Result<(), ApiError> {
    let held = app.in_force.hold().await;
    let (policy, now) = (held.policy(), app.clock.now());
    if let Some(outcome) = over(row, &policy, now) {
        return close(app, row, &Closed::by(outcome, "policy")).await.map(drop);
    }
    let ready = Ready::read(app, row, policy, now).await?;
    match &ready.decision {
        Decision::NeedsApproval(_) => Ok(()),
        Decision::Deny(denials) => {
            tracing::info!(request = %row.id, %denials, "a request that waited is not permitted any more");
            close(app, row, &Closed::by(Closing::NotPermitted, "policy")).await.map(drop)
        }
        Decision::Grant(_) => {
            if store(app).claim_request(row.id, now).await? {
                ready.issue(app, row, now).await
            } else {
                Ok(())
            }
        }
    }
}

/// Goes on with what was claimed, here or by a process that is no more: the ledger finds what it has recorded already.
async fn issuing(app: &App, row: &RequestRow) -> Result<(), ApiError> {
    let held = app.in_force.hold().await;
    let (policy, now) = (held.policy(), app.clock.now());
    let claimed_at = row.claimed_at.unwrap_or_default();
    if now.0 > claimed_at.0.saturating_add(ABANDONED_MILLIS) {
        return close(app, row, &Closed::by(Closing::Void, "recovery")).await.map(drop);
    }
    if over(row, &policy, now).is_some() {
        return Ok(());
    }
    Ready::read(app, row, policy, now).await?.issue(app, row, claimed_at).await
}

/// Tells why a request cannot be granted any more, whoever approves.
fn over(row: &RequestRow, policy: &Policy, now: UnixMillis) -> Option<Closing> {
    let reasons = [
        (now.seconds() > row.expires_at, Closing::Expired),
        (policy.id() != row.policy, Closing::PolicyChanged),
        (!row.user.enabled, Closing::UserDisabled),
    ];
    reasons.into_iter().find(|(over, _)| *over).map(|(_, closing)| closing)
}

/// A request with all that it is decided by now.
struct Ready {
    request: ProvenRequest,
    facts: Facts,
    policy: Arc<Policy>,
    decided_at: UnixMillis,
    decision: Decision,
    signed: Vec<ca_core::log::event::SignedApproval>,
}

impl Ready {
    async fn read(
        app: &App,
        row: &RequestRow,
        policy: Arc<Policy>,
        now: UnixMillis,
    ) -> Result<Self, ApiError> {
        let (given, voucher) = match row.voucher {
            None => (store(app).approvals(row.id).await?, None),
            Some(id) => {
                let found = store(app).voucher(id).await?.ok_or_else(|| ApiError::internal("no voucher"))?;
                (found.seals, Some(found.voucher))
            }
        };
        let (signed, approvals) = given.into_iter().unzip();
        // Parsed and verified again: what the database holds is believed no more than what came in.
        let request = CertRequest::from_text(&row.request)?;
        let request = ProvenRequest::verify(request, row.signature.clone())?;
        let facts = Facts {
            key_revoked: app.revocations.is_revoked(request.request().key.key().fingerprint()),
            waited: Some(Waited { since: row.asked_at, approvals, voucher }),
            ..Facts::new(row.user.clone().into(), row.session.clone(), row.source.clone())
        };
        let decision = decide(&policy, request.request(), &facts, now.seconds());
        Ok(Self { request, facts, policy, decided_at: now, decision, signed })
    }

    /// Records and signs what is granted, and keeps the certificate.
    async fn issue(self, app: &App, row: &RequestRow, claimed_at: UnixMillis) -> Result<(), ApiError> {
        let Decision::Grant(grant) = self.decision else { return Ok(()) };
        let decided_at = self.decided_at.seconds();
        let approvers = self.policy.approvers(&self.request.request().profile, &self.facts, decided_at);
        let draft = CertificateDraft {
            request: self.request,
            facts: self.facts,
            policy: self.policy.id(),
            decided_at,
            grant: *grant,
            nonce: ids::random().map_err(ApiError::internal)?,
            approved: Some(Approved { claimed_at, signed: self.signed, approvers: approvers.clone() }),
        };
        match record_and_sign(app, draft).await {
            Ok(certificate) => {
                let issued = serde_json::to_string(&describe(&certificate)).map_err(ApiError::internal)?;
                let end = End::Issued { serial: certificate.content().serial, approvers: &approvers };
                let notices = notices::over(app, row, &end)?;
                if store(app).finish_request(row.id, &issued, (&notices, app.clock.now().seconds())).await? {
                    metrics::counter!("countersign_certificates_total").increment(1);
                }
                Ok(())
            }
            // Another went on with it too late to know; `issuing` closes it in time.
            Err(ApiError::Ledger(LedgerError::Stale)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

//! `/v1/vouchers`: what officers seal in advance; and the certificate that is got with one.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use ca_api::{
    BreakGlassRequest, CertificateRequest, IssuedCertificate, NewSeal, PendingRequest, SealableProfile,
    Voucher, Vouchers,
};
use ca_core::log::event::SignedApproval;
use ca_core::policy::{Facts, Purpose};
use ca_core::voucher::VoucherSecret;

use super::caller::{Officer, Peer, PersonCaller, RequestingCaller};
use super::certificates;
use crate::app::{App, SharedApp};
use crate::error::ApiError;
use crate::issue::issue;
use crate::store::VoucherRow;
use crate::vouchers::{self, VoucherProblem};

/// Lists what the caller may seal, and the vouchers that there are for it; never a secret, which nobody here has.
#[utoipa::path(get, path = "/v1/vouchers", responses((status = 200, body = Vouchers), (status = 401)),
    security(("session" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    PersonCaller(session): PersonCaller,
    Peer(source): Peer,
) -> Result<Json<Vouchers>, ApiError> {
    let (policy, now) = (app.policy(), app.clock.now().seconds());
    let facts = Facts::new(session.user.clone(), session.login.clone(), source);
    let may_seal = |name: &_| policy.may_seal(name, &facts, now);
    let taking = policy.profiles().filter(|(name, profile)| profile.break_glass && may_seal(name));
    let profiles = taking.filter_map(|(name, profile)| {
        Some(SealableProfile {
            name: name.to_string(),
            sha256: policy.profile_digest(name)?.to_string(),
            needs: profile.approvals.as_ref()?.count,
        })
    });
    let profiles = profiles.collect();
    let rows = app.login.setup().store.vouchers().await?;
    let vouchers = rows.iter().filter(|row| may_seal(&row.voucher.profile));
    Ok(Json(Vouchers { profiles, vouchers: vouchers.map(|row| describe(&app, row)).collect() }))
}

/// Takes an officer's seal on a voucher; the first one makes it.
#[utoipa::path(post, path = "/v1/vouchers", request_body = NewSeal,
    responses((status = 200, body = Voucher), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn seal(
    State(app): State<SharedApp>,
    officer: Officer,
    body: Result<Json<NewSeal>, JsonRejection>,
) -> Result<Json<Voucher>, ApiError> {
    let Json(NewSeal { text, signature }) = body?;
    let caller = access(&officer)?;
    let row = vouchers::seal(&app, caller, SignedApproval { text, signature }).await?;
    Ok(Json(describe(&app, &row)))
}

/// Takes a voucher back.
#[utoipa::path(post, path = "/v1/vouchers/{id}/withdraw", params(("id" = String, Path, description = "Its identity")),
    responses((status = 200, body = Voucher), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn withdraw(
    State(app): State<SharedApp>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Json<Voucher>, ApiError> {
    let id = id.parse().map_err(|_| VoucherProblem::Unknown)?;
    let row = vouchers::withdraw(&app, access(&officer)?, id).await?;
    Ok(Json(describe(&app, &row)))
}

/// Issues a certificate at once that would have to be approved, by a voucher that officers sealed in advance.
#[utoipa::path(post, path = "/v1/certificates/break-glass", request_body = BreakGlassRequest,
    responses((status = 200, body = IssuedCertificate), (status = 202, body = PendingRequest), (status = 400),
        (status = 401), (status = 403), (status = 404), (status = 409), (status = 503)),
    security(("session" = [])))]
pub(super) async fn break_glass(
    State(app): State<SharedApp>,
    RequestingCaller(session): RequestingCaller,
    Peer(source): Peer,
    body: Result<Json<BreakGlassRequest>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(BreakGlassRequest { request, signature, voucher }) = body?;
    let secret = VoucherSecret::parse(&voucher.0).map_err(VoucherProblem::Secret)?;
    let body = CertificateRequest { request, signature };
    certificates::answer(&app, issue(&app, &session, source, body, Some(secret)).await?)
}

/// A session for the account is none to decide about others with; the audit looks for the login of this one.
fn access(officer: &Officer) -> Result<(&crate::login::Session, &ca_core::policy::Source), ApiError> {
    match officer.session.purpose {
        Purpose::Access => Ok((&officer.session, &officer.source)),
        Purpose::Account => Err(ApiError::NoSession),
    }
}

fn describe(app: &App, row: &VoucherRow) -> Voucher {
    let (policy, voucher) = (app.policy(), &row.voucher);
    let approvals = policy.profile(&voucher.profile).and_then(|profile| profile.approvals.as_ref());
    let needs = approvals.map_or(0, |approvals| approvals.count);
    let state = if row.withdrawn {
        "withdrawn"
    } else if row.used_by.is_some() {
        "used"
    } else if voucher.expires_at < app.clock.now().seconds() {
        "over"
    } else if policy.profile_digest(&voucher.profile) != Some(voucher.profile_digest) {
        "void"
    } else if row.seals.len() < usize::from(needs) {
        "unsealed"
    } else {
        "ready"
    };
    Voucher {
        id: voucher.id.to_string(),
        text: voucher.to_text(),
        state: state.to_owned(),
        needs,
        sealed_by: row.seals.iter().map(|(_, approver)| approver.user.name.to_string()).collect(),
        used_by: row.used_by.map(|id| id.to_string()),
    }
}

//! `POST /v1/login`, `POST /v1/login/factor`, and `/v1/session`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use ca_api::{
    FactorRequest, LoginChallenge, LoginRequest, LoginSession, Secret as Wire, Session, SmsRequest, SmsSent,
};

use ca_core::policy::{Purpose, UnknownFactor};

use super::caller::{Caller, Peer};
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::login;
use crate::secret::Secret;

/// Takes the password; a right one is answered with a challenge for the second factor.
#[utoipa::path(post, path = "/v1/login", request_body = LoginRequest,
    responses((status = 200, body = LoginChallenge), (status = 400), (status = 401), (status = 403), (status = 429),
        (status = 503)))]
pub(super) async fn start(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    body: Result<Json<LoginRequest>, JsonRejection>,
) -> Result<Json<LoginChallenge>, ApiError> {
    let Json(body) = body?;
    let purpose = match body.purpose.as_deref() {
        None | Some("access") => Purpose::Access,
        Some("account") => Purpose::Account,
        Some(_) => return Err(ApiError::Unacceptable("purpose is access or account".to_owned())),
    };
    let (device, password) = (body.device.map(|device| Secret::new(device.0)), Secret::new(body.password.0));
    let challenge = app.login.start_on(device.as_ref(), &body.user, &password, purpose, &source).await?;
    let now = app.clock.now().seconds();
    Ok(Json(LoginChallenge {
        challenge: Wire(challenge.token.expose().to_owned()),
        factors: challenge.factors.iter().map(ToString::to_string).collect(),
        expires_in_secs: challenge.expires_at.0.saturating_sub(now.0),
    }))
}

/// Sends the code of an SMS factor to whoever has shown the password.
#[utoipa::path(post, path = "/v1/login/sms", request_body = SmsRequest,
    responses((status = 200, body = SmsSent), (status = 400), (status = 401), (status = 404), (status = 429),
        (status = 503)))]
pub(super) async fn send_sms(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    body: Result<Json<SmsRequest>, JsonRejection>,
) -> Result<Json<SmsSent>, ApiError> {
    let Json(body) = body?;
    let SmsRequest { challenge, phone } = body;
    let sent = app.login.send_sms(&Secret::new(challenge.0), phone.as_deref(), &source).await?;
    let others = sent.others.iter().map(ToString::to_string).collect();
    Ok(Json(SmsSent { number: sent.last_digits, others }))
}

/// Takes the second factor; a right one begins a session.
#[utoipa::path(post, path = "/v1/login/factor", request_body = FactorRequest,
    responses((status = 200, body = LoginSession), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 429), (status = 503)))]
pub(super) async fn finish(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    body: Result<Json<FactorRequest>, JsonRejection>,
) -> Result<Json<LoginSession>, ApiError> {
    let Json(body) = body?;
    let kind = body.kind.parse().map_err(|error: UnknownFactor| ApiError::Unacceptable(error.to_string()))?;
    let (challenge, code) = (Secret::new(body.challenge.0), Secret::new(body.code.0));
    let begun = app.login.finish(&challenge, kind, &code, &source).await?;
    metrics::counter!("countersign_logins_total").increment(1);
    Ok(Json(LoginSession {
        token: Wire(begun.token.expose().to_owned()),
        device: begun.device.map(|device| Wire(device.expose().to_owned())),
        session: describe(&begun.session, begun.idle_secs),
    }))
}

/// Says who is logged in.
#[utoipa::path(get, path = "/v1/session", responses((status = 200, body = Session), (status = 401)),
    security(("session" = [])))]
pub(super) async fn session(State(app): State<SharedApp>, caller: Caller) -> Json<Session> {
    Json(describe(&caller.session, app.login.config().idle_secs))
}

/// Ends the session.
#[utoipa::path(delete, path = "/v1/session", responses((status = 204), (status = 401)),
    security(("session" = [])))]
pub(super) async fn logout(State(app): State<SharedApp>, caller: Caller) -> Result<StatusCode, ApiError> {
    app.login.logout(caller.token.expose()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe(session: &login::Session, idle_secs: u64) -> Session {
    Session {
        user: session.user.name.to_string(),
        email: session.user.email.to_string(),
        groups: session.user.groups.iter().map(ToString::to_string).collect(),
        factors: session.login.factors.iter().map(|factor| factor.kind.to_string()).collect(),
        expires_at: session.expires_at.0,
        idle_secs,
    }
}

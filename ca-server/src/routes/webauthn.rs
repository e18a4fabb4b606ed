//! Security keys: `/v1/login/webauthn`, `/v1/account/factors/webauthn`, and the page that browsers show them to.
//!
//! The page's own calls come from the page alone: another origin is refused (S5), and JSON cannot be posted by a form.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use ca_api::{
    Ceremony, CeremonyAnswer, CeremonyKey, CeremonyPoll, CeremonyRequest, Factor, NewSecurityKey,
    Secret as Wire, ShownCeremony,
};
use ca_core::names::NameError;
use ca_core::time::UnixSeconds;

use super::account::describe;
use super::caller::{OwnerCaller, Peer};
use crate::accounts::AccountError;
use crate::accounts::own::Owner;
use crate::app::{App, SharedApp};
use crate::ceremony::{Ceremonies, CeremonyError, Key, Opened};
use crate::error::ApiError;
use crate::secret::Secret;

/// Nothing of the page comes from elsewhere, nothing in it is inline, nobody frames it, and no link leads back to it.
const PAGE_HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Opens a ceremony for a login, in place of a code.
#[utoipa::path(post, path = "/v1/login/webauthn", request_body = CeremonyRequest,
    responses((status = 200, body = Ceremony), (status = 400), (status = 401), (status = 404), (status = 503)))]
pub(super) async fn open_login(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    body: Result<Json<CeremonyRequest>, JsonRejection>,
) -> Result<Json<Ceremony>, ApiError> {
    let Json(body) = body?;
    let opened = app.login.open_ceremony(&Secret::new(body.challenge.0), &source).await?;
    Ok(Json(give(&app, &opened)))
}

/// Opens a ceremony that makes a security key a factor of the account.
#[utoipa::path(post, path = "/v1/account/factors/webauthn", request_body = NewSecurityKey,
    responses((status = 200, body = Ceremony), (status = 400), (status = 401), (status = 404), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn open_registration(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<NewSecurityKey>, JsonRejection>,
) -> Result<Json<Ceremony>, ApiError> {
    let Json(body) = body?;
    let label = body.label.parse().map_err(|error: NameError| AccountError::Name(error))?;
    let opened = app.accounts.begin_webauthn(Owner { session: &session, source: &source }, label).await?;
    Ok(Json(give(&app, &opened)))
}

/// Adds the security key once it was shown, and ends every other session; 409 until then.
#[utoipa::path(post, path = "/v1/account/factors/webauthn/confirm", request_body = CeremonyPoll,
    responses((status = 200, body = Factor), (status = 400), (status = 401), (status = 404), (status = 409),
        (status = 503)),
    security(("session" = [])))]
pub(super) async fn confirm_registration(
    State(app): State<SharedApp>,
    OwnerCaller(session): OwnerCaller,
    Peer(source): Peer,
    body: Result<Json<CeremonyPoll>, JsonRejection>,
) -> Result<Json<Factor>, ApiError> {
    let Json(body) = body?;
    let owner = Owner { session: &session, source: &source };
    let factor = app.accounts.confirm_webauthn(owner, &Secret::new(body.poll.0)).await?;
    Ok(Json(describe(&factor)))
}

/// Says what a ceremony is for, and what to ask the authenticator; for the page.
#[utoipa::path(post, path = "/webauthn/ceremony", request_body = CeremonyKey,
    responses((status = 200, body = ShownCeremony), (status = 400), (status = 403), (status = 404), (status = 429),
        (status = 503)))]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    headers: HeaderMap,
    body: Result<Json<CeremonyKey>, JsonRejection>,
) -> Result<Json<ShownCeremony>, ApiError> {
    let ceremonies = for_page(&app, &headers)?;
    let Json(body) = body?;
    let shown = ceremonies.show(&key(body)?, source.ip).await?;
    Ok(Json(ShownCeremony {
        user: shown.asked.user,
        label: shown.asked.label.map(|label| label.to_string()),
        address: shown.asked.ip.to_string(),
        program: shown.asked.user_agent,
        expires_in_secs: secs_until(&app, shown.expires_at),
        options: shown.options,
    }))
}

/// Takes what the authenticator gave, once; for the page.
#[utoipa::path(post, path = "/webauthn/answer", request_body = CeremonyAnswer,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429),
        (status = 503)))]
pub(super) async fn answer(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    headers: HeaderMap,
    body: Result<Json<CeremonyAnswer>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let ceremonies = for_page(&app, &headers)?;
    let Json(body) = body?;
    ceremonies.answer(&key(body.key)?, source.ip, body.credential).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Serves the page; there is none when the server has no address for browsers.
pub(super) fn page() -> Router<SharedApp> {
    Router::new()
        .route("/webauthn", get(html))
        .route("/webauthn/page.js", get(script))
        .route("/webauthn/page.css", get(style))
}

/// Shows a security key to the server, in a browser.
#[utoipa::path(get, path = "/webauthn",
    responses((status = 200, content_type = "text/html", body = String), (status = 404)))]
pub(super) async fn html(State(app): State<SharedApp>) -> Result<impl IntoResponse, ApiError> {
    file(&app, "text/html; charset=utf-8", include_str!("../../pages/webauthn.html"))
}

/// What the page does.
#[utoipa::path(get, path = "/webauthn/page.js",
    responses((status = 200, content_type = "text/javascript", body = String), (status = 404)))]
pub(super) async fn script(State(app): State<SharedApp>) -> Result<impl IntoResponse, ApiError> {
    file(&app, "text/javascript; charset=utf-8", include_str!("../../pages/webauthn.js"))
}

/// How the page looks.
#[utoipa::path(get, path = "/webauthn/page.css",
    responses((status = 200, content_type = "text/css", body = String), (status = 404)))]
pub(super) async fn style(State(app): State<SharedApp>) -> Result<impl IntoResponse, ApiError> {
    file(&app, "text/css; charset=utf-8", include_str!("../../pages/webauthn.css"))
}

fn file(app: &App, kind: &'static str, text: &'static str) -> Result<impl IntoResponse + use<>, ApiError> {
    ceremonies(app)?;
    Ok((PAGE_HEADERS, [(header::CONTENT_TYPE, kind)], text))
}

fn ceremonies(app: &App) -> Result<&Ceremonies, CeremonyError> {
    app.ceremonies.as_deref().ok_or(CeremonyError::NotConfigured)
}

/// Lets calls of our own page through; every browser says where a POST comes from.
fn for_page<'a>(app: &'a App, headers: &HeaderMap) -> Result<&'a Ceremonies, CeremonyError> {
    let ceremonies = ceremonies(app)?;
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) if origin == ceremonies.origin().as_str() => Ok(ceremonies),
        _ => Err(CeremonyError::WrongOrigin),
    }
}

fn key(body: CeremonyKey) -> Result<Key, ApiError> {
    match (body.link, body.code) {
        (Some(link), None) => Ok(Key::Link(Secret::new(link.0))),
        (None, Some(code)) => Ok(Key::Code(Secret::new(code.0))),
        _ => Err(ApiError::Unacceptable("it takes a link or a code, one of the two".to_owned())),
    }
}

fn give(app: &App, opened: &Opened) -> Ceremony {
    let wire = |secret: &Secret| Wire(secret.expose().to_owned());
    Ceremony {
        url: wire(&opened.url),
        page: opened.page.clone(),
        code: opened.code.as_ref().map(wire),
        poll: wire(&opened.poll),
        expires_in_secs: secs_until(app, opened.expires_at),
    }
}

fn secs_until(app: &App, end: UnixSeconds) -> u64 {
    end.0.saturating_sub(app.clock.now().seconds().0)
}

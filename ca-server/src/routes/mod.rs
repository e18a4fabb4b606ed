//! The calls there are, one file for each noun; the table is [`router`].

mod caller;
mod certificates;
mod log;
mod login;
mod operations;
mod trust;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use operations::router as operations;

use crate::app::SharedApp;

/// The largest body a call may have, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// How long a call may take, body included.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(OpenApi)]
#[openapi(info(
    title = "Countersign",
    description = "SSH certificates from a password and a second factor, each of them in a verifiable log first."
))]
struct Api;

/// Builds the public service.
pub fn router(app: SharedApp) -> Router {
    let (router, mut api) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(login::start))
        .routes(routes!(login::finish))
        .routes(routes!(login::session, login::logout))
        .routes(routes!(certificates::request))
        .routes(routes!(trust::trust))
        .routes(routes!(trust::profiles))
        .split_for_parts();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("session", bearer);
    let document = api.to_json().unwrap_or_default();
    router
        .route("/log/{*path}", get(log::read))
        .route("/openapi.json", get(async move || ([("content-type", "application/json")], document)))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, DEADLINE))
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

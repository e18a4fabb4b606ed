//! `/freeze/{token}`: the page behind "this was not me". It has one button, and no script.

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::caller::Peer;
use crate::app::SharedApp;
use crate::error::ApiError;
use crate::warnings::{self, FreezeError};

const ASK: &str = include_str!("../../pages/freeze.html");
const DONE: &str = include_str!("../../pages/frozen.html");
const OVER: &str = include_str!("../../pages/freeze-over.html");

const CSP: &str = "default-src 'none'; form-action 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Asks whether to freeze the account; only the button does.
pub(super) async fn ask(
    State(app): State<SharedApp>,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let open = warnings::is_open(app.login.setup(), &token).await.map_err(ApiError::internal)?;
    Ok(if open { page(StatusCode::OK, ASK) } else { page(StatusCode::NOT_FOUND, OVER) })
}

/// Freezes the account.
pub(super) async fn freeze(
    State(app): State<SharedApp>,
    Peer(source): Peer,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    match warnings::freeze(app.login.setup(), &token, &source, |user| app.may_administer(user)).await {
        Ok(()) => Ok(page(StatusCode::OK, DONE)),
        Err(FreezeError::NoLink) => Ok(page(StatusCode::NOT_FOUND, OVER)),
        Err(FreezeError::Audit(error)) => Err(ApiError::Account(error.into())),
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn page(status: StatusCode, html: &'static str) -> Response {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}

//! `GET /log/…`: the log, read as C2SP tlog-tiles has it, and the journal for auditors.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ca_core::log::journal;
use ca_core::log::tile::TilePath;
use ca_core::policy::{Action, Source};
use serde::Deserialize;

use super::caller::{Caller, Peer};
use crate::app::{App, SharedApp};
use crate::error::ApiError;

/// How many names a listing gives at once.
const PAGE: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    after: Option<String>,
}

/// Gives one object of the log, or a page of names below `journal/` or `checkpoints/`.
///
/// Checkpoints, tiles and entry bundles are for everyone: they hold hashes. The journal holds the events and is for
/// auditors and officers.
#[utoipa::path(get, path = "/log/{path}", params(("path" = String, Path), ("after" = Option<String>, Query)),
    responses((status = 200, description = "A tile or entry bundle", content_type = "application/octet-stream",
            body = Vec<u8>),
        (status = 200, description = "The object, or names, one a line", content_type = "text/plain", body = String),
        (status = 401), (status = 403), (status = 404), (status = 503)), security((), ("session" = [])))]
pub(super) async fn read(
    State(app): State<SharedApp>,
    caller: Result<Caller, ApiError>,
    Peer(source): Peer,
    Path(path): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    if path.starts_with(journal::PREFIX) {
        may_read_events(&app, &caller?, source)?;
    }
    if path == journal::PREFIX || path == "checkpoints/" {
        let names = app.objects.list(&path, page.after.as_deref(), PAGE).await?;
        return Ok(text(names.join("\n"), "no-cache"));
    }
    if !is_log_object(&path) {
        return Err(nothing());
    }
    let object = app.objects.get(&path).await?.ok_or_else(nothing)?;
    Ok(if path == "checkpoint" {
        text(object.bytes, "max-age=2")
    } else if path.starts_with("tile/") {
        respond(object.bytes, "application/octet-stream", "max-age=31536000, immutable")
    } else {
        text(object.bytes, "max-age=31536000, immutable")
    })
}

fn nothing() -> ApiError {
    ApiError::NotFound("object of that name in the log".to_owned())
}

/// Events say who, where from and why.
fn may_read_events(app: &App, caller: &Caller, source: Source) -> Result<(), ApiError> {
    if app.permits(Action::Audit, None, &caller.session, source) { Ok(()) } else { Err(ApiError::NotAllowed) }
}

/// Only the names the log gives its objects get through to the store.
fn is_log_object(path: &str) -> bool {
    let numbered = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|n| n.len() == 20 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    path == "checkpoint"
        || numbered("checkpoints/")
        || numbered(journal::PREFIX)
        || path.parse::<TilePath>().is_ok()
}

fn text(body: impl Into<axum::body::Body>, cache: &'static str) -> Response {
    respond(body, "text/plain; charset=utf-8", cache)
}

fn respond(body: impl Into<axum::body::Body>, kind: &'static str, cache: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, body.into()).into_response()
}

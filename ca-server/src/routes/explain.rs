//! `POST /v1/explain`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use ca_api::{ExplainRequest, Explanation};

use super::caller::{AccessCaller, Peer};
use crate::app::SharedApp;
use crate::error::ApiError;

/// Says what a request would be answered with now, why, and what would change it; nothing comes of it.
#[utoipa::path(post, path = "/v1/explain", request_body = ExplainRequest,
    responses((status = 200, body = Explanation), (status = 400), (status = 401)),
    security(("session" = [])))]
pub(super) async fn explain(
    State(app): State<SharedApp>,
    AccessCaller(session): AccessCaller,
    Peer(source): Peer,
    body: Result<Json<ExplainRequest>, JsonRejection>,
) -> Result<Json<Explanation>, ApiError> {
    let Json(body) = body?;
    Ok(Json(crate::explain::explain(&app, &session, source, body).await?))
}

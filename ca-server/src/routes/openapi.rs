//! `GET /openapi.json`: the calls there are, for programs.

use axum::extract::State;
use axum::http::{HeaderName, header};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};

use crate::error::PROBLEM_JSON;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign",
        description = "SSH certificates from a password and a second factor, each of them in a verifiable log first."
    ),
    // Served under paths that the router writes in its own way, or by this very file.
    paths(super::log::read, super::webauthn::html, super::webauthn::script, super::webauthn::style, document),
    components(schemas(ca_api::Problem))
)]
pub(super) struct Api;

/// Gives this document.
#[utoipa::path(get, path = "/openapi.json",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = serde_json::Value)))]
pub(super) async fn document(State(document): State<String>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], document)
}

/// Completes what was collected from the calls, and writes it.
pub(super) fn write(mut api: utoipa::openapi::OpenApi) -> String {
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("session", bearer);
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        // What any call may be answered: 404, 405, 408, 413, 500.
        operation
            .responses
            .responses
            .entry("default".to_owned())
            .or_insert_with(|| ResponseBuilder::new().description("Whatever else went wrong").build().into());
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                complete(status, response);
            }
        }
    }
    api.to_json().unwrap_or_default()
}

/// Every error is a problem, and every response has to be described (OpenAPI 3.1 §4.8.17).
fn complete(status: &str, response: &mut utoipa::openapi::Response) {
    if !status.starts_with('2') {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        response.content.clear();
        response.content.insert(PROBLEM_JSON.to_owned(), problem.into());
    }
    if response.description.is_empty() {
        let phrase =
            status.parse::<axum::http::StatusCode>().ok().and_then(|status| status.canonical_reason());
        phrase.unwrap_or(status).clone_into(&mut response.description);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

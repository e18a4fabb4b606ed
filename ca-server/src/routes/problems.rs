//! The layers around every call, and how what they say becomes a problem.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::middleware::map_response;
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::error::{PROBLEM_JSON, ProblemExt as _, new_instance, problem, problem_response};

/// The largest body a call may have, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Puts the limits of a call around a router, and sees that every error that leaves it is a problem.
pub(super) fn guarded<S: Clone + Send + Sync + 'static>(router: Router<S>, deadline: Duration) -> Router<S> {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, deadline))
        .layer(CatchPanicLayer::new())
        .layer(map_response(as_problem))
}

/// Replaces the plain errors of axum and of the layers; one that is a problem already stays, as does a page for people.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !is_error || kind.is_some_and(|kind| kind == PROBLEM_JSON || kind.starts_with("text/html")) {
        return response;
    }
    let (kind, title) = match status {
        StatusCode::NOT_FOUND => ("not-found", "there is no such thing here"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this address takes other methods"),
        StatusCode::REQUEST_TIMEOUT => ("too-slow", "the call took too long"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the body is larger than any call takes"),
        _ if status.is_client_error() => ("malformed", "the call is not one that this server takes"),
        _ => ("internal", "the server failed"),
    };
    let mut said = problem(status.as_u16(), kind, title);
    if status.is_server_error() {
        let instance = new_instance();
        tracing::error!(instance, %status, "alarm: a call ended in a way that none should");
        said.instance = Some(instance);
        said = said.hint("Its log says why.");
    }
    let mut answer = problem_response(said);
    if let Some(methods) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, methods.clone());
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes, to_bytes};
    use axum::extract::{Path, Query};
    use axum::http::Request;
    use axum::response::Html;
    use axum::routing::{get, post};
    use ca_api::Problem;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(request: Request<Body>) -> Response {
        let router: Router = Router::new()
            .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
            .route("/hangs", get(std::future::pending::<&'static str>))
            .route("/takes", post(async |_: Bytes| "taken"))
            .route("/page", get(async || (StatusCode::NOT_FOUND, Html("over"))))
            .route("/number/{number}", get(async |_: Path<u32>, _: Query<()>| "a number"));
        guarded(router, Duration::from_millis(20)).oneshot(request).await.unwrap()
    }

    async fn assert_problem(response: Response, status: u16, kind: &str) {
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!((problem.status, problem.kind.as_str()), (status, &*format!("{}{kind}", Problem::PREFIX)));
        assert_eq!(problem.instance.is_some(), status >= 500);
        assert!(!String::from_utf8_lossy(&body).contains("on purpose"));
    }

    #[tokio::test]
    async fn whatever_goes_wrong_around_a_call_is_a_problem() {
        let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        assert_problem(ask(get("/panics")).await, 500, "internal").await;
        assert_problem(ask(get("/hangs")).await, 408, "too-slow").await;
        assert_problem(ask(get("/nowhere")).await, 404, "not-found").await;
        assert_problem(ask(get("/number/many")).await, 400, "malformed").await;
        let large = Request::post("/takes").body(Body::from(vec![b'a'; MAX_BODY + 1])).unwrap();
        assert_problem(ask(large).await, 413, "too-large").await;
        let wrong = ask(get("/takes")).await;
        assert_eq!(wrong.headers()[header::ALLOW], "POST");
        assert_problem(wrong, 405, "method-not-allowed").await;
    }

    #[tokio::test]
    async fn a_page_for_people_is_left_alone() {
        let answer = ask(Request::get("/page").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(to_bytes(answer.into_body(), 64).await.unwrap(), "over");
    }

    #[tokio::test]
    async fn what_goes_well_is_left_alone() {
        let largest = Request::post("/takes").body(Body::from(vec![b'a'; MAX_BODY])).unwrap();
        let answer = ask(largest).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(to_bytes(answer.into_body(), 64).await.unwrap(), "taken");
    }
}

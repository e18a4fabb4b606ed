//! `/healthz`, `/readyz`, `/policyz` and `/metrics`, on a listener of their own.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::SharedApp;

/// Builds the service for operators.
pub fn router(app: SharedApp, prometheus: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/policyz", get(policy))
        .route("/metrics", get(async move |State(app): State<SharedApp>| metrics(&app, &prometheus)))
        .with_state(app)
}

/// Says whether certificates can be issued: not while the log cannot be written.
async fn ready(State(app): State<SharedApp>) -> (StatusCode, &'static str) {
    if app.ledger.health().is_good() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the log cannot be written\n")
    }
}

/// Says which policy decides, and why not the one in the folder when that is refused.
async fn policy(State(app): State<SharedApp>) -> (StatusCode, String) {
    let in_force = format!("policy {}\n", app.policy().id());
    match app.in_force.refused() {
        None => (StatusCode::OK, in_force),
        Some(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{in_force}the one in the folder is refused:\n{reason}\n"),
        ),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts below 2^53 are exact")]
fn metrics(app: &SharedApp, prometheus: &PrometheusHandle) -> String {
    let (committed, published) = app.ledger.health().sizes();
    metrics::gauge!("countersign_log_committed_entries").set(committed as f64);
    metrics::gauge!("countersign_log_published_entries").set(published as f64);
    metrics::gauge!("countersign_log_writable").set(f64::from(u8::from(app.ledger.health().is_good())));
    let refused = app.in_force.refused().is_some();
    metrics::gauge!("countersign_policy_reload_failed").set(f64::from(u8::from(refused)));
    prometheus.run_upkeep();
    prometheus.render()
}

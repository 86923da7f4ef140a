//! `/livez`, `/readyz` and `/metrics`.

use super::server::Server;
use super::site::Site;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use std::sync::Arc;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "ok"
}

/// The engine can answer, and this process is not about to stop: 200, else 503.
pub(super) async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.is_leaving() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if !site.now().engine().is_ready() {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    } else {
        (StatusCode::OK, "ok")
    }
}

/// The metrics, in the OpenMetrics text form that Prometheus reads.
pub(super) async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let engine = server.engine();
    let page = server.metrics.encode(&engine.services(), engine.cache_bytes());
    ([(header::CONTENT_TYPE, content_type)], page)
}

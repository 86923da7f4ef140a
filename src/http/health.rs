//! `/livez`, `/readyz` and `/metrics`.

use super::server::Server;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use std::sync::Arc;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "ok"
}

/// The engine can answer: 200, else 503.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> (StatusCode, &'static str) {
    if server.engine().is_ready() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}

/// The metrics, in the OpenMetrics text form that Prometheus reads.
pub(super) async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let engine = server.engine();
    let page = server.metrics.encode(&engine.services(), engine.cache_bytes());
    ([(header::CONTENT_TYPE, content_type)], page)
}

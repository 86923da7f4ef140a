//! `/livez`, `/readyz` and `/metrics`.

use super::server::Server;
use super::site::Site;
use crate::observe::Exposition;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
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

/// The metrics, in the text form that `Accept` prefers.
pub(super) async fn metrics(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let form = Exposition::negotiate(accept);
    let engine = server.engine();
    let page = server.metrics.encode(&engine.services(), engine.cache_bytes(), form);
    ([(header::CONTENT_TYPE, form.content_type()), (header::VARY, "accept")], page).into_response()
}

/// The metrics on the public port: in development only, for they tell of services, loads and failures.
pub(super) async fn public_metrics(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    match server.config.mode.is_development() {
        true => metrics(State(server), headers).await,
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

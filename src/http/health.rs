//! `/livez`, `/readyz` and `/metrics`.

use super::site::Site;
use crate::observe::{Exposition, OpenStreams};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

/// Liveness: always 200, because the process runs.
pub(super) async fn live() -> &'static str {
    "ok"
}

/// Readiness: 200 if the engine can answer and the process is not about to stop, else 503.
pub(super) async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.is_leaving() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if !site.now().engine().is_ready() {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    } else {
        (StatusCode::OK, "ok")
    }
}

/// The metrics, in the text format that `Accept` prefers.
pub(super) async fn metrics(State(site): State<Site>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let form = Exposition::negotiate(accept);
    let server = site.now();
    let engine = server.engine();
    server.metrics.set_engines(site.engines());
    server.metrics.set_streams(OpenStreams {
        sockets: server.streams.sockets(),
        subscriptions: server.streams.subscriptions(),
        max_subscriptions: server.config.max_subscriptions.get(),
    });
    let page = server.metrics.encode(&engine.services(), engine.writes(), engine.cache_bytes(), form);
    ([(header::CONTENT_TYPE, form.content_type()), (header::VARY, "accept")], page).into_response()
}

/// The metrics on the public port. They are there in development only, because they reveal services, loads and
/// failures.
pub(super) async fn public_metrics(State(site): State<Site>, headers: HeaderMap) -> Response {
    match site.now().config.mode.is_development() {
        true => metrics(State(site), headers).await,
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

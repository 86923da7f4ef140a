//! The wrapper around every operation, which counts, logs, delays and limits its requests.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use super::{Problem, json};
use crate::probe::{Probe, UNMATCHED};

/// The largest request body, in bytes. A longer one is answered with a 400 problem.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How many bytes of a body are read before the connection is given up. A caller that sends a little too much must be
/// able to read the problem, instead of a reset of the connection.
const MAX_READ_BYTES: usize = 4 * MAX_BODY_BYTES;
/// The longest wait for a request body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A router under construction, whose routes have an `operationId`.
#[derive(Debug)]
pub(crate) struct Api<S> {
    router: Router<S>,
    probe: Probe,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    pub(crate) fn new(probe: Probe) -> Self {
        Self { router: Router::new(), probe }
    }

    /// Adds the operation `id` at `path`.
    #[must_use]
    pub(crate) fn operation(mut self, id: &'static str, path: &str, handler: MethodRouter<S>) -> Self {
        let observed = handler.route_layer(from_fn_with_state((self.probe.clone(), id), observe));
        self.router = self.router.route(path, observed);
        self
    }

    /// Adds what every service has (`/healthz`, `/__calls`, and problems with status 404 and 405), and returns the
    /// router.
    pub(crate) fn finish(self, state: S) -> Router {
        let calls = get(calls).delete(reset_calls).with_state(self.probe.clone());
        let strays = from_fn_with_state((self.probe, UNMATCHED), observe);
        let unknown = Router::new().fallback(async || Problem::not_found("no operation has this path")).layer(strays);
        self.router
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .route("/healthz", get(async || "ok"))
            .route("/__calls", calls)
            .with_state(state)
            .fallback_service(unknown)
    }
}

async fn calls(State(probe): State<Probe>) -> Response {
    json(&probe.calls())
}

async fn reset_calls(State(probe): State<Probe>) -> StatusCode {
    probe.reset();
    StatusCode::NO_CONTENT
}

async fn observe(State((probe, operation)): State<(Probe, &'static str)>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_READ_BYTES)).await;
    let (body, refusal) = match read {
        Ok(Ok(body)) if body.len() <= MAX_BODY_BYTES => (body, None),
        Ok(_) => (Bytes::new(), Some("the body must be complete and at most 65536 bytes long")),
        Err(_) => (Bytes::new(), Some("the body did not arrive in time")),
    };
    let planned = probe.note(operation, &parts, &body);
    let delay = probe.delay();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match (planned, refusal) {
        (Some(status), _) => Problem::planned(status).into_response(),
        (None, Some(detail)) => Problem::bad_request(detail).into_response(),
        (None, None) => next.run(Request::from_parts(parts, Body::from(body))).await,
    }
}

//! `/graphql`: one request from its head to its answer.

use super::answer::{answer, refuse};
use super::correlation::Correlation;
use super::negotiate::MediaType;
use super::refusal::Refusal;
use super::request;
use super::server::Server;
use super::site::Site;
use super::stream::{Accepted, Streaming};
use super::websocket;
use crate::engine::{Request, Response};
use crate::observe::RequestRecord;
use crate::policy::Caller;
use axum::body::Body;
use axum::extract::State;
use futures_util::FutureExt;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tower::{Layer, ServiceExt, service_fn};

/// How long after the deadline an engine may still hand over what it has.
pub(super) const HANDOVER: Duration = Duration::from_millis(100);

/// Answers one request by the server of now, and CORS around it. When the process is about to stop, the answer ends its
/// connection: closing it between two requests would cut off the one that is under way to us.
pub(super) async fn route(State(site): State<Site>, request: http::Request<Body>) -> http::Response<Body> {
    let server = site.now();
    let mut answer = match server.cors.clone() {
        None => graphql(&site, server, request).await,
        Some(cors) => {
            let site = site.clone();
            let inner = service_fn(move |request| {
                let (site, server) = (site.clone(), Arc::clone(&server));
                async move { Ok::<_, Infallible>(graphql(&site, server, request).await) }
            });
            let Ok(answer) = cors.layer(inner).oneshot(request).await;
            answer
        }
    };
    if site.is_leaving() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Answers one request. Dropping the future, as when the client leaves, cancels it and logs 499.
async fn graphql(site: &Site, server: Arc<Server>, request: http::Request<Body>) -> http::Response<Body> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    if websocket::is_upgrade(&parts.headers) {
        return websocket::upgrade(site.clone(), &server, parts).await;
    }
    let correlation = Correlation::of(&parts.headers);
    let record = RequestRecord::begin(Arc::clone(&server.metrics), &correlation.request_id, started);
    let media = MediaType::negotiate(&parts.headers);
    if let Some(accepted) = Accepted::negotiate(&parts.headers) {
        return Streaming { server, correlation, record, media, accepted, started }.respond(parts, body).await;
    }
    let outcome = match media {
        None => Err(Refusal::NotAcceptable),
        Some(_) => AssertUnwindSafe(execute(&server, parts, body, &correlation, started))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                tracing::error!(request_id = correlation.request_id, panic = text_of(&*panic), "panicked");
                Err(Refusal::Internal)
            }),
    };
    let media = media.unwrap_or(MediaType::Json);
    match outcome {
        Ok(response) => {
            let answer = answer(media, &correlation, &response);
            record.answered(answer.status(), &response);
            answer
        }
        Err(refusal) => {
            let answer = refuse(media, &correlation, &refusal);
            record.refused(answer.status(), refusal.code());
            answer
        }
    }
}

async fn execute(
    server: &Server,
    parts: Parts,
    body: Body,
    correlation: &Correlation,
    started: Instant,
) -> Result<Response, Refusal> {
    let deadline = started + server.config.request_timeout;
    let _permit = server.in_flight.try_acquire().map_err(|_| Refusal::Overloaded)?;
    let (request, caller) = admit(server, parts, body, correlation, deadline).await?;
    let engine = server.engine();
    let answer = engine.execute(request, caller, deadline);
    tokio::time::timeout_at((deadline + HANDOVER).into(), answer).await.map_err(|_| Refusal::DeadlinePassed)
}

/// Reads a request and finds out who calls.
pub(super) async fn admit(
    server: &Server,
    parts: Parts,
    body: Body,
    correlation: &Correlation,
    deadline: Instant,
) -> Result<(Request, Arc<Caller>), Refusal> {
    let request = match parts.method {
        Method::POST => {
            let limit = server.config.max_body_bytes.get();
            request::from_body(&parts.headers, body, limit, deadline).await?
        }
        Method::GET | Method::HEAD => request::from_uri(&parts.uri)?,
        _ => return Err(Refusal::Method),
    };
    let claims = match &server.verifier {
        Some(verifier) => verifier.authenticate(&parts.headers, SystemTime::now()).map_err(Refusal::Unauthenticated)?,
        None => None,
    };
    let caller = Caller {
        claims,
        headers: parts.headers,
        request_id: correlation.request_id.clone(),
        traceparent: correlation.traceparent.clone(),
    };
    Ok((request, Arc::new(caller)))
}

/// What a panic said, for the log.
pub(super) fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

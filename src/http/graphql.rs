//! `/graphql`: handles one request from its head to its answer.

use super::answer::{answer, refuse};
use super::caching::Conditions;
use super::caller::caller;
use super::correlation::Correlation;
use super::negotiate::MediaType;
use super::refusal::Refusal;
use super::request;
use super::server::Server;
use super::site::Site;
use super::stream::{StreamFormat, StreamRequestParts};
use super::upload::{self, BodyLimits};
use super::websocket;
use crate::config::ServerConfig;
use crate::engine::{Request, Response};
use crate::observe::RequestRecord;
use crate::policy::Caller;
use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderMap, Method};
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// How long after the deadline an engine may still return the answer that it has by then.
const HANDOVER: Duration = Duration::from_millis(100);

/// A timer that is at least this late shows that the process was held up.
const HELD_UP: Duration = Duration::from_millis(20);

/// Answers one request. Dropping the future, as when the client leaves, cancels the request and logs 499.
///
/// Rare branches are boxed, because the future is moved for each request and is as large as its largest branch.
pub(super) async fn graphql(site: &Site, server: Arc<Server>, request: http::Request<Body>) -> http::Response<Body> {
    let started = Instant::now();
    let (mut parts, mut body) = request.into_parts();
    if websocket::is_upgrade(&parts) {
        return websocket::upgrade(site.clone(), &server, parts);
    }
    let correlation = Correlation::of(&parts.headers);
    let record = RequestRecord::begin(Arc::clone(&server.metrics), correlation.request_id.clone(), started);
    let media = MediaType::negotiate(&parts.headers);
    let conditions = Conditions::of(&parts);
    if let Some(accepted) = StreamFormat::negotiate(&parts.headers) {
        let streaming = StreamRequestParts { server, correlation, record, media, accepted, started };
        return Box::pin(streaming.respond(parts, body)).await;
    }
    let outcome = match media {
        None => Err(Refusal::NotAcceptable),
        Some(_) => AssertUnwindSafe(execute(&server, &mut parts, &mut body, &correlation, started))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                tracing::error!(request_id = correlation.request_id.as_str(), panic = text_of(&*panic), "panicked");
                Err(Refusal::Internal)
            }),
    };
    let media = media.unwrap_or(MediaType::Json);
    match outcome {
        Ok(response) => {
            let answer = answer(media, &correlation, &response, conditions.as_ref());
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
    parts: &mut Parts,
    body: &mut Body,
    correlation: &Correlation,
    started: Instant,
) -> Result<Response, Refusal> {
    let deadline = started + server.config.request_timeout;
    let body = receive(server, parts, body, started).await?;
    let _place = server.admission.enter().ok_or(Refusal::Overloaded)?;
    let (request, caller) = understand(server, parts, body, correlation, deadline).await?;
    let engine = server.engine();
    let answer = engine.execute(request, caller, deadline);
    handed_over(deadline, answer).await.ok_or(Refusal::DeadlinePassed)
}

/// Waits for the answer that an engine returns at its deadline at the latest; `None` if it returns none in time.
///
/// If the process is held up during that time, the engine's timer and this one expire together, and the engine has no
/// chance to answer. Then the engine gets the same time once more, because a partial answer is better than none.
pub(super) async fn handed_over<T>(deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, end) = (pin!(work), deadline + HANDOVER);
    if let Some(done) = within(end, work.as_mut()).await {
        return Some(done);
    }
    let now = Instant::now();
    if now < end + HELD_UP { None } else { within(now + HANDOVER, work).await }
}

/// Refuses a request because of its head. It is recorded as a request that has just begun.
pub(super) fn refused(server: &Server, headers: &HeaderMap, refusal: &Refusal) -> http::Response<Body> {
    let correlation = Correlation::of(headers);
    let request_id = correlation.request_id.clone();
    let record = RequestRecord::begin(Arc::clone(&server.metrics), request_id, Instant::now());
    let media = MediaType::negotiate(headers).unwrap_or(MediaType::Json);
    let answer = refuse(media, &correlation, refusal);
    record.refused(answer.status(), refusal.code());
    answer
}

/// Reads the body of a POST; `None` for GET and HEAD, which have none.
pub(super) async fn receive(
    server: &Server,
    parts: &Parts,
    body: &mut Body,
    began: Instant,
) -> Result<Option<Bytes>, Refusal> {
    if !server.admission.is_in_time() {
        return Err(Refusal::Overloaded);
    }
    match parts.method {
        Method::POST => {}
        Method::GET | Method::HEAD => return Ok(None),
        _ => return Err(Refusal::Method),
    }
    let ServerConfig { max_body_bytes, min_body_rate: rate, request_timeout, .. } = server.config;
    let bytes = max_body_bytes.get();
    request::check_head(&parts.headers, bytes)?;
    let limits = BodyLimits { bytes, rate, began, deadline: began + request_timeout };
    let whole = upload::read(body, limits, server.admission.uploads()).await;
    if matches!(whole, Err(Refusal::Overloaded)) {
        server.admission.count_upload_shed();
    }
    whole.map(Some)
}

/// Parses a request that has been read, and identifies its caller. The headers are moved into the caller.
pub(super) async fn understand(
    server: &Server,
    parts: &mut Parts,
    body: Option<Bytes>,
    correlation: &Correlation,
    deadline: Instant,
) -> Result<(Request, Arc<Caller>), Refusal> {
    let request = match body {
        Some(body) => request::from_json(&body)?,
        None => request::from_uri(&parts.uri)?,
    };
    let caller = caller(server, std::mem::take(&mut parts.headers), correlation, deadline).await?;
    Ok((request, Arc::new(caller)))
}

/// Waits for `work` until the instant `end`; `None` if `end` comes first.
///
/// This is Tokio's `timeout_at`, except that it makes no timer for work that is ready at once.
pub(super) async fn within<T>(end: Instant, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut timer) = (pin!(work), pin!(None));
    poll_fn(|cx| {
        if let Poll::Ready(value) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        if timer.is_none() {
            timer.set(Some(sleep_until(end.into())));
        }
        timer.as_mut().as_pin_mut().map_or(Poll::Pending, |timer| timer.poll(cx).map(|()| None))
    })
    .await
}

/// The message of a panic, for the log.
pub(super) fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_has_its_turn_after_the_process_was_held_up() {
        let deadline = Instant::now() + Duration::from_millis(50);
        let (sender, answer) = tokio::sync::oneshot::channel();
        let engine = tokio::spawn(async move {
            sleep_until(deadline.into()).await;
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            sender.send("a part").unwrap();
        });
        let waiting = tokio::spawn(handed_over(deadline, answer));
        tokio::task::yield_now().await;
        // No task runs until both times have passed.
        #[expect(clippy::disallowed_methods, reason = "holding up the thread is what this is about")]
        std::thread::sleep(Duration::from_millis(250));
        assert_eq!(waiting.await.unwrap(), Some(Ok("a part")));
        engine.await.unwrap();
        let never = std::future::pending::<()>();
        assert_eq!(handed_over(Instant::now(), never).await, None);
    }
}

//! The record of one request: its line in the log, and its counts.

use super::metrics::Metrics;
use crate::engine::Response;
use crate::policy::RequestId;
use crate::report::CallRecord;
use http::StatusCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The status in the log if the client left before the answer; it is never sent.
const CLIENT_GONE: u16 = 499;

/// A request that has begun. Its record ends by [`answered`](Self::answered), by [`refused`](Self::refused), or by
/// being dropped, which means that the client left. Each of them counts the request once and writes one line.
#[derive(Debug)]
pub struct RequestRecord {
    metrics: Arc<Metrics>,
    request_id: RequestId,
    started: Instant,
    /// Whether the request counts as one in flight.
    is_in_flight: bool,
    has_ended: bool,
}

impl RequestRecord {
    /// Begins the record of a request.
    #[must_use]
    pub fn begin(metrics: Arc<Metrics>, request_id: RequestId, started: Instant) -> Self {
        metrics.request_begins();
        Self { metrics, request_id, started, is_in_flight: true, has_ended: false }
    }

    /// Ends the record with the engine's answer.
    pub fn answered(mut self, status: StatusCode, response: &Response) {
        self.has_ended = true;
        let elapsed = self.started.elapsed();
        self.metrics.count_answer(status.as_u16(), elapsed, response);
        let kept = response.calls.iter().filter(|call| call.cache.is_unasked());
        let made = response.calls.iter().filter(|call| call.is_upstream());
        let slowest = response.calls.iter().max_by_key(|call| call.elapsed);
        tracing::info!(
            target: "bespoke::request",
            request_id = self.request_id.as_str(),
            operation = response.operation_name.as_deref(),
            calls = made.count(),
            cached = kept.count(),
            ms = milliseconds(elapsed),
            slowest_service = slowest.map(|call: &CallRecord| &*call.service),
            status = status.as_u16(),
            errors = response.errors,
            "request"
        );
    }

    /// Notes that the request has become a subscription. A subscription may last for days, so it no longer counts as a
    /// request in flight.
    pub fn subscribed(&mut self) {
        if std::mem::replace(&mut self.is_in_flight, false) {
            self.metrics.request_ends();
        }
    }

    /// Ends the record of a subscription. `events` is the number of its events, and `total` sums up their answers.
    pub fn subscription_ended(mut self, events: u64, total: &Response) {
        self.has_ended = true;
        let elapsed = self.started.elapsed();
        self.metrics.count_subscription(elapsed, total);
        tracing::info!(
            target: "bespoke::request",
            request_id = self.request_id.as_str(),
            operation = total.operation_name.as_deref(),
            events,
            seconds = elapsed.as_secs_f64().round(),
            calls = total.calls.iter().filter(|call| call.is_upstream()).count(),
            errors = total.errors,
            "subscription"
        );
    }

    /// Ends the record of a request that the engine did not answer; `code` says why.
    pub fn refused(mut self, status: StatusCode, code: &'static str) {
        self.end_refused(status.as_u16(), code);
    }

    fn end_refused(&mut self, status: u16, code: &'static str) {
        self.has_ended = true;
        self.metrics.count_refusal(status, code);
        tracing::info!(
            target: "bespoke::request",
            request_id = self.request_id.as_str(),
            calls = 0,
            ms = milliseconds(self.started.elapsed()),
            status,
            errors = 1,
            code,
            "request"
        );
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end_refused(CLIENT_GONE, "CLIENT_GONE");
        }
        self.subscribed();
    }
}

/// Milliseconds with one decimal place, for people who read the log.
fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}

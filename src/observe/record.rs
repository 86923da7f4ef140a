//! One request's line in the log, and its counts.

use super::metrics::Metrics;
use crate::engine::Response;
use crate::policy::RequestId;
use crate::report::CallRecord;
use http::StatusCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Status in the log of a request whose client left before the answer; it is never sent.
const CLIENT_GONE: u16 = 499;

/// A request that has begun; it ends by [`answered`](Self::answered), [`refused`](Self::refused) or by being dropped,
/// which means that the client left. Each of them counts it once and writes one line.
#[derive(Debug)]
pub struct RequestRecord {
    metrics: Arc<Metrics>,
    request_id: RequestId,
    started: Instant,
    /// Does it count among the requests in flight?
    is_in_flight: bool,
    has_ended: bool,
}

impl RequestRecord {
    /// Begins a record.
    #[must_use]
    pub fn begin(metrics: Arc<Metrics>, request_id: RequestId, started: Instant) -> Self {
        metrics.request_begins();
        Self { metrics, request_id, started, is_in_flight: true, has_ended: false }
    }

    /// Ends it with the engine's answer.
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

    /// Says that it has become a subscription, which may last for days: it is no request in flight any more.
    pub fn subscribed(&mut self) {
        if std::mem::replace(&mut self.is_in_flight, false) {
            self.metrics.request_ends();
        }
    }

    /// Ends a subscription, with what all of its events had, and how many there were.
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

    /// Ends it without an answer of the engine; `code` says why.
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

/// Milliseconds to a tenth, for people who read the log.
fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}

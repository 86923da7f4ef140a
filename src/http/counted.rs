//! Records a streamed answer as one line in the log and as one request in the metrics.

use crate::engine::{Response, ResponseKind, ResponsePart};
use crate::observe::RequestRecord;
use bytes::Bytes;
use http::StatusCode;

/// Most calls, and most error codes, that are recorded of one streamed answer. The bound exists because a subscription
/// may last for days.
const MAX_CALLS: usize = 1_000;

/// Sums up the parts of an answer. If it is dropped before the last part, a subscription counts as ended, and any other
/// answer as one whose client left.
#[derive(Debug)]
pub(super) struct CountedStream {
    record: Option<RequestRecord>,
    total: Option<Response>,
    /// The number of parts so far. The parts of a subscription are its events.
    parts: u64,
}

impl CountedStream {
    pub(super) fn new(record: RequestRecord) -> Self {
        Self { record: Some(record), total: None, parts: 0 }
    }

    /// Adds a part. The last part writes the log line.
    pub(super) fn add(&mut self, part: &ResponsePart) {
        let response = &part.response;
        self.parts = self.parts.saturating_add(1);
        if response.is_subscription()
            && response.kind == ResponseKind::Executed
            && let Some(record) = &mut self.record
        {
            record.subscribed();
        }
        match &mut self.total {
            None => self.total = Some(Response { body: Bytes::new(), ..response.clone() }),
            Some(total) => {
                let room = MAX_CALLS.saturating_sub(total.calls.len());
                total.calls.extend(response.calls.iter().take(room).cloned());
                total.errors = total.errors.saturating_add(response.errors);
                let room = MAX_CALLS.saturating_sub(total.error_codes.len());
                total.error_codes.extend(response.error_codes.iter().take(room).cloned());
            }
        }
        if part.is_last {
            self.end();
        }
    }

    /// Ends the record. Before the last part, this means that the client or this process has ended the answer.
    pub(super) fn end(&mut self) {
        match (self.record.take(), &self.total) {
            (Some(record), Some(total)) if self.is_subscription() => record.subscription_ended(self.parts, total),
            (Some(record), Some(total)) => record.answered(StatusCode::OK, total),
            _ => {}
        }
    }

    /// Whether the answer is a subscription that has begun, which its first part says.
    pub(super) fn is_subscription(&self) -> bool {
        self.total.as_ref().is_some_and(|total| total.is_subscription() && total.kind == ResponseKind::Executed)
    }
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        // A subscription usually ends because its client leaves, so that is no failure.
        if self.is_subscription() {
            self.end();
        }
    }
}

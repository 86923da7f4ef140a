//! A streamed answer as one line in the log, and in the metrics.

use crate::engine::{Response, ResponseKind, ResponsePart};
use crate::observe::RequestRecord;
use bytes::Bytes;
use http::StatusCode;

/// Most calls that one streamed answer is counted with; a subscription may last for days.
const MAX_CALLS: usize = 1_000;

/// Sums up the parts of an answer; dropped before the last, it counts as one whose client left.
#[derive(Debug)]
pub(super) struct Counted {
    record: Option<RequestRecord>,
    total: Option<Response>,
    /// Parts so far; those of a subscription are its events.
    parts: u64,
}

impl Counted {
    pub(super) fn new(record: RequestRecord) -> Self {
        Self { record: Some(record), total: None, parts: 0 }
    }

    /// Adds a part; the last one writes the line.
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

    /// Ends it before its last part, as the client or this process wants.
    pub(super) fn end(&mut self) {
        match (self.record.take(), &self.total) {
            (Some(record), Some(total)) if self.is_subscription() => record.subscription_ended(self.parts, total),
            (Some(record), Some(total)) => record.answered(StatusCode::OK, total),
            _ => {}
        }
    }

    /// Is it a subscription that has begun? Its first part tells.
    pub(super) fn is_subscription(&self) -> bool {
        self.total.as_ref().is_some_and(|total| total.is_subscription() && total.kind == ResponseKind::Executed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A subscription ends when its client has enough of it.
        if self.is_subscription() {
            self.end();
        }
    }
}

//! What is told of one call.

use super::Cause;
use crate::cache::CacheStatus;
use std::sync::Arc;
use std::time::Duration;

/// One call to a source: one that was made, or one that was shared.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// The source's name.
    pub service: Arc<str>,
    /// The `operationId`; without one, a text such as `GET /path` or `_entities`.
    pub operation_id: Arc<str>,
    /// How many keys were in the call; 1 if it was no batch.
    pub keys: u32,
    /// From the start to the last byte.
    pub elapsed: Duration,
    /// The HTTP status, or the code of the error.
    pub status: Result<u16, &'static str>,
    /// How often it was sent: 2 after a retry, 0 if it was refused before it was sent.
    pub attempts: u32,
    /// Whether the answer is that of another request's call in flight.
    pub is_shared: bool,
    /// Whether code of this process answered, so that no service was called.
    pub is_in_process: bool,
    /// Whether it was a read.
    pub is_safe: bool,
    /// What the cache did with it.
    pub cache: CacheStatus,
    /// Why it failed; for operators and developers, never for clients in production.
    pub cause: Option<Arc<Cause>>,
}

impl CallRecord {
    /// Whether this answer cost a service anything.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        !self.is_shared && !self.is_in_process && self.attempts > 0
    }
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCall {
    /// The source's name.
    pub service: Arc<str>,
    /// What was called, as in [`CallRecord::operation_id`].
    pub endpoint: Arc<str>,
    /// The code, as in `extensions.code`.
    pub code: &'static str,
    /// Why it failed.
    pub cause: Arc<Cause>,
}

impl FailedCall {
    /// The failure of a recorded call; `None` if it did not fail.
    pub(crate) fn of_record(call: &CallRecord) -> Option<Self> {
        let (service, endpoint) = (Arc::clone(&call.service), Arc::clone(&call.operation_id));
        let code = call.status.err().unwrap_or("UPSTREAM_STATUS");
        Some(Self { service, endpoint, code, cause: Arc::clone(call.cause.as_ref()?) })
    }
}

//! What is told of one call.

use super::Cause;
use crate::cache::CacheStatus;
use std::sync::Arc;
use std::time::Duration;

/// One upstream call that was made, or shared.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// The source's name.
    pub service: Arc<str>,
    /// The `operationId`, else `GET /path`, `_entities`, …
    pub operation_id: Arc<str>,
    /// Keys in the call; 1 when unbatched.
    pub keys: u32,
    /// From start to last byte.
    pub elapsed: Duration,
    /// HTTP status, or the error's code.
    pub status: Result<u16, &'static str>,
    /// How often it was sent: 2 after a retry, 0 when it was refused before.
    pub attempts: u32,
    /// Did another request's call in flight answer?
    pub is_shared: bool,
    /// Did code of this process answer? Then it went to no service.
    pub is_in_process: bool,
    /// Was it a read?
    pub is_safe: bool,
    /// What the cache had to do with it.
    pub cache: CacheStatus,
    /// Why it came to nothing: for operators and developers, never for clients in production.
    pub cause: Option<Arc<Cause>>,
}

impl CallRecord {
    /// Whether this answer cost a service anything.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        !self.is_shared && !self.is_in_process && self.attempts > 0
    }
}

/// A call that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCall {
    /// The source's name.
    pub service: Arc<str>,
    /// What was asked, as in [`CallRecord::operation_id`].
    pub endpoint: Arc<str>,
    /// The stable code, as in `extensions.code`.
    pub code: &'static str,
    /// Why it came to nothing.
    pub cause: Arc<Cause>,
}

impl FailedCall {
    /// The same of a call that was recorded; `None`: it did not fail.
    pub(crate) fn of_record(call: &CallRecord) -> Option<Self> {
        let (service, endpoint) = (Arc::clone(&call.service), Arc::clone(&call.operation_id));
        let code = call.status.err().unwrap_or("UPSTREAM_STATUS");
        Some(Self { service, endpoint, code, cause: Arc::clone(call.cause.as_ref()?) })
    }
}

//! The caller of one GraphQL request.

use super::request_id::RequestId;
use crate::json::Map;
use http::{HeaderMap, HeaderValue};
use std::time::{Duration, SystemTime};

/// The caller on whose behalf a request runs: verified claims, and the headers that bindings may forward.
#[derive(Clone, Default)]
pub struct Caller {
    /// The claims of a verified token; `None` if the caller is anonymous. Numbers have the
    /// digits that they have in the token.
    pub claims: Option<Map>,
    /// The headers of the request, as they came. Only those that a source's rules name are ever forwarded.
    pub headers: HeaderMap,
    /// The request's id for correlation (`x-request-id`); it is made here if the caller sent none.
    pub request_id: RequestId,
    /// The value of `traceparent` for correlation, if the caller sent a valid one.
    pub traceparent: Option<String>,
    /// The value of `tracestate` for correlation, if the caller sent a valid one beside `traceparent`. Without
    /// `traceparent` it is not forwarded.
    pub tracestate: Option<HeaderValue>,
}

impl Caller {
    /// How long the caller's token is still valid; `None` if there is no token.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Option<Duration> {
        let expiry = self.claims.as_ref()?.get("exp")?.as_f64()?;
        let expiry = Duration::try_from_secs_f64(expiry.max(0.0)).ok()?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Timers cannot wait longer than this, and no connection lasts so long.
        Some(expiry.saturating_sub(now).min(Duration::from_secs(365 * 24 * 3_600)))
    }
}

impl std::fmt::Debug for Caller {
    /// Leaves out the claims and the headers, because both can be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("is_anonymous", &self.claims.is_none())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

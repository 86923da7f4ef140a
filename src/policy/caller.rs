//! The caller of one GraphQL request.

use super::request_id::RequestId;
use crate::json::Map;
use http::{HeaderMap, HeaderValue};
use std::time::{Duration, SystemTime};

/// On whose behalf a request runs: verified claims, and the headers that bindings may forward.
#[derive(Clone, Default)]
pub struct Caller {
    /// Claims of a verified token; `None`: anonymous. Numbers have the digits of the token.
    pub claims: Option<Map>,
    /// The request's headers, as they came; only those that a source's rules name are ever forwarded.
    pub headers: HeaderMap,
    /// Correlation: `x-request-id`, made up if the caller sent none.
    pub request_id: RequestId,
    /// Correlation: `traceparent`, if the caller sent a valid one.
    pub traceparent: Option<String>,
    /// Correlation: `tracestate`, if the caller sent a valid one beside `traceparent`; without the latter it is not
    /// sent on.
    pub tracestate: Option<HeaderValue>,
}

impl Caller {
    /// How long its token is still valid; `None`: it has none.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Option<Duration> {
        let expiry = self.claims.as_ref()?.get("exp")?.as_f64()?;
        let expiry = Duration::try_from_secs_f64(expiry.max(0.0)).ok()?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Timers reach no further than this; nobody stays so long.
        Some(expiry.saturating_sub(now).min(Duration::from_secs(365 * 24 * 3_600)))
    }
}

impl std::fmt::Debug for Caller {
    /// Holds back claims and headers: both can be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("is_anonymous", &self.claims.is_none())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

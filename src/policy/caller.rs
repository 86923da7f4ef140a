//! The caller of one GraphQL request.

use http::HeaderMap;
use serde_json::{Map, Value};

/// On whose behalf a request runs: verified claims, and the headers that bindings may forward.
#[derive(Clone, Default)]
pub struct Caller {
    /// Claims of a verified token; `None`: anonymous.
    pub claims: Option<Map<String, Value>>,
    /// The request's headers, as they came; only those that a source's rules name are ever forwarded.
    pub headers: HeaderMap,
    /// Correlation: `x-request-id`, made up if the caller sent none.
    pub request_id: String,
    /// Correlation: `traceparent`, if the caller sent a valid one.
    pub traceparent: Option<String>,
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

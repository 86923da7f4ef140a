//! Handles with which tests watch a running service, delay its answers and make it fail.
//!
//! In: each request that an operation received. Out: counts per `operationId`, and the last requests as they were sent.
//! A [`Probe`] is a handle: its clones see and change the same service.
//!
//! Always true: the log holds at most [`MAX_LOGGED`] requests, and the oldest is dropped first; `/healthz` and
//! `/__calls` are neither counted nor logged.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};

/// The number of requests that the log of a service keeps.
pub const MAX_LOGGED: usize = 1_000;

/// The name under which requests are counted and logged if no operation has their path.
pub const UNMATCHED: &str = "unmatched";

/// The request headers that the log keeps if a request has them, in this order.
pub const LOGGED_HEADERS: [&str; 11] = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "cookie",
    "idempotency-key",
    "if-none-match",
    "traceparent",
    "user-agent",
    "x-request-id",
    "x-tenant",
];

/// A request as the service received it.
///
/// `Display` writes `GET /users?id=1`, or `POST /v1/stock/query {"productIds":[1]}`: method, path and
/// query byte for byte, then the body if there is one. Headers are left out.
#[derive(Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The contract's `operationId`; `graphql` for the GraphQL service, or [`UNMATCHED`].
    pub operation: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path and query as sent, still percent-encoded.
    pub target: String,
    /// Those of [`LOGGED_HEADERS`] that were sent. A repeated header is in the list as often as it was sent.
    pub headers: Vec<(&'static str, String)>,
    /// The request body.
    pub body: Bytes,
}

impl SeenRequest {
    /// The first value of header `name`, which must be one of [`LOGGED_HEADERS`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(logged, _)| *logged == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)?;
        if !self.body.is_empty() {
            write!(f, " {}", String::from_utf8_lossy(&self.body))?;
        }
        Ok(())
    }
}

impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Header values may be credentials, so only the names are written.
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        write!(f, "{self} {headers:?}")
    }
}

/// A handle on one running service.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: BTreeMap<&'static str, u64>,
    log: VecDeque<SeenRequest>,
    delay: Duration,
    failures: Option<(u32, StatusCode)>,
}

impl Probe {
    /// Makes a handle for a service whose answers wait for `delay`.
    pub fn new(delay: Duration) -> Self {
        let probe = Self::default();
        probe.set_delay(delay);
        probe
    }

    /// The number of requests since the start or the last [`Self::reset`], by `operationId`.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.seen().calls.clone()
    }

    /// The last [`MAX_LOGGED`] requests since the start or the last [`Self::reset`], oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.seen().log.iter().cloned().collect()
    }

    /// Sets all counts to zero and empties the log.
    pub fn reset(&self) {
        let mut seen = self.seen();
        seen.calls.clear();
        seen.log.clear();
    }

    /// Delays each answer from now on by `delay`. Zero means no delay.
    pub fn set_delay(&self, delay: Duration) {
        self.seen().delay = delay;
    }

    /// Answers the next `times` requests with `status` and a problem, instead of doing what they ask.
    pub fn fail_next(&self, times: u32, status: StatusCode) {
        self.seen().failures = Some((times, status));
    }

    pub(crate) fn delay(&self) -> Duration {
        self.seen().delay
    }

    /// Counts and logs a request. Returns the status of the planned failure, if there is one.
    pub(crate) fn note(&self, operation: &'static str, parts: &Parts, body: &Bytes) -> Option<StatusCode> {
        let target = parts.uri.path_and_query().map_or_else(|| parts.uri.to_string(), ToString::to_string);
        let request =
            SeenRequest { operation, method: parts.method.clone(), target, headers: logged(parts), body: body.clone() };
        let mut seen = self.seen();
        *seen.calls.entry(operation).or_default() += 1;
        if seen.log.len() == MAX_LOGGED {
            seen.log.pop_front();
        }
        seen.log.push_back(request);
        let (times, status) = seen.failures.take()?;
        seen.failures = (times > 1).then_some((times - 1, status));
        (times > 0).then_some(status)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn logged(parts: &Parts) -> Vec<(&'static str, String)> {
    let values = |name| {
        let values = parts.headers.get_all(name).iter();
        values.map(move |value| (name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    };
    LOGGED_HEADERS.into_iter().flat_map(values).collect()
}

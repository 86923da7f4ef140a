//! The handle by which a resolver of an in-process source calls other services.
//!
//! In: the name of a service, a path, and what to send. Out: the body, or a [`HandleError`].
//! Elsewhere: running the resolvers ([`super::in_process`]); the call itself with its flights and limits (the source of
//! the named service).
//!
//! Always true:
//! - calls are made with the request's caller, its deadline and its place in a mutation, and under
//!   the limits of the named service;
//! - a request makes no more calls than its source declares;
//! - calls of code under `Mutation` are writes, and calls of code under `Query` are reads, whatever the method: a write
//!   is sent once and never shared, and a read may be shared and sent again;
//! - a call after a write joins no call that began before that write was over;
//! - a call sends only those headers of the caller that the configuration names for its service.

use super::cause::BAD_STATUS;
use super::domain::{BatchDomain, CredentialScope};
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use super::write::Write;
use crate::cache::{Bypass, CacheStatus};
use crate::compose::WayId;
use crate::prefixed;
use crate::report::{CallRecord, Cause};
use async_graphql::ErrorExtensions as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A service that resolvers may call.
#[derive(Debug, Clone)]
pub struct HandleService {
    /// The service, with its flights and limits around it.
    pub subgraph: Arc<dyn Subgraph>,
    /// The headers of the caller that are forwarded.
    pub forwarded: Vec<ForwardedHeader>,
    /// The headers that every call carries.
    pub fixed: Vec<(HeaderName, HeaderValue)>,
}

/// A header of the caller that is forwarded to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedHeader {
    /// The name that the caller sends it under.
    pub from: HeaderName,
    /// The name that the service gets it under.
    pub name: HeaderName,
}

/// The services that resolvers may call, by name.
pub type HandleServices = Arc<HashMap<Arc<str>, HandleService>>;

/// Why a resolver gets no answer. The text may be shown to the caller.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HandleError {
    /// The configuration has no service of this name.
    #[error("service `{0}` is not configured")]
    UnknownService(String),
    /// The source has already made as many calls for this request as it declares.
    #[error("`{source_name}` makes more than the {max_calls} calls that it declares")]
    TooManyCalls {
        /// The name of the in-process source.
        source_name: Arc<str>,
        /// The number of calls that the source declares.
        max_calls: u32,
    },
    /// The service has answered with a status that is not a success.
    #[error("{service}: status {status}")]
    Status {
        /// The name of the service.
        service: Arc<str>,
        /// The HTTP status of its answer.
        status: u16,
    },
    /// The call got no answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl HandleError {
    /// The stable `extensions.code` of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownService(_) => "UPSTREAM_NOT_CONFIGURED",
            Self::TooManyCalls { .. } => "UPSTREAM_REFUSED",
            Self::Status { .. } => "UPSTREAM_STATUS",
            Self::Call(error) => error.kind.code(),
        }
    }

    /// The error as a resolver returns it, with its code.
    #[must_use]
    pub fn to_graphql(&self) -> async_graphql::Error {
        self.extend_with(|_, extensions| extensions.set("code", self.code()))
    }
}

/// Calls services by name, on behalf of one request to one in-process source.
///
/// A resolver gets the handle by `ctx.data::<UpstreamHandle>()`. Clones share the number of calls that are left.
#[derive(Debug, Clone)]
pub struct UpstreamHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Arc<str>,
    services: HandleServices,
    /// The context of the request to the source. Its deadline is already limited by the source's timeout.
    ctx: Context,
    max_calls: u32,
    calls_left: AtomicU32,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    /// The calls in the order in which they began; at most `max_calls`.
    calls: Vec<BegunCall>,
    /// When the last write began or ended. Later calls join no flight that began before it.
    not_before: Option<std::time::Instant>,
    /// The write that the calls of this handle belong to, until it has ended.
    write: Option<Write>,
}

/// A call that has begun.
#[derive(Debug)]
struct BegunCall {
    started: Instant,
    /// The record of the call. Until the call ends, it says that the call timed out.
    record: CallRecord,
    has_ended: bool,
}

impl BegunCall {
    fn new(service: &Arc<str>, operation_id: &Arc<str>, is_safe: bool) -> Self {
        let record = CallRecord {
            service: Arc::clone(service),
            operation_id: Arc::clone(operation_id),
            keys: 1,
            elapsed: Duration::ZERO,
            status: Err(CallErrorKind::Timeout.code()),
            attempts: 1,
            is_shared: false,
            is_in_process: false,
            is_safe,
            cache: CacheStatus::Bypass(Bypass::Off),
            cause: Some(Arc::new("the code that made the call ended before the answer came".into())),
        };
        Self { started: Instant::now(), record, has_ended: false }
    }
}

impl Progress {
    /// Begins a call. Returns its index, its [`Context::not_before`], and the write that it belongs to.
    fn begin(&mut self, call: BegunCall) -> (usize, Option<std::time::Instant>, Option<Write>) {
        let (not_before, write) = (self.not_before, self.write.clone());
        if !call.record.is_safe {
            // The write may be sent, and nobody may ever learn of its end.
            self.not_before = Some(call.started.into_std());
        }
        self.calls.push(call);
        (self.calls.len() - 1, not_before, write)
    }

    /// Ends a call and completes its record.
    fn end(&mut self, at: usize, result: &Result<Answer, CallError>, wanted: AcceptedAnswers) {
        // The records are gone if code of a resolver goes on after the resolver's answer.
        let Some(BegunCall { started, record, has_ended }) = self.calls.get_mut(at) else { return };
        record.elapsed = started.elapsed();
        record.status = result.as_ref().map(|answer| answer.status).map_err(|error| error.kind.code());
        record.attempts = result.as_ref().map_or_else(|error| error.attempts, |answer| answer.attempts);
        record.is_shared = result.as_ref().is_ok_and(|answer| answer.is_shared);
        record.cause = wanted.failure(result);
        *has_ended = true;
        if !record.is_safe {
            // This holds for every result, because a write that has timed out may have taken effect.
            self.not_before = Some(Instant::now().into_std());
        }
    }
}

impl UpstreamHandle {
    pub(super) fn new(source: Arc<str>, services: HandleServices, ctx: Context, max_calls: u32) -> Self {
        let (not_before, write) = (ctx.not_before, ctx.write.clone());
        let progress = Mutex::new(Progress { calls: Vec::new(), not_before, write });
        let ctx = Context { write: None, ..ctx };
        let calls_left = AtomicU32::new(max_calls);
        Self { inner: Arc::new(Inner { source, services, ctx, max_calls, calls_left, progress }) }
    }

    /// Gets the body of `path` with `query`. Each name and value of the query is percent-encoded here. Under `Query`,
    /// equal calls in flight are made once.
    ///
    /// `path` starts with `/` and is percent-encoded already (see [`encode`]).
    ///
    /// # Errors
    /// - [`HandleError::Status`] for any status but 2xx; [`Self::get`] returns such answers;
    /// - the errors of [`Self::get`].
    pub async fn get_json(&self, service: &str, path: &str, query: &[(&str, &str)]) -> Result<Bytes, HandleError> {
        success(service, self.send(service, Method::GET, target(path, query), None, AcceptedAnswers::Success).await?)
    }

    /// Gets the answer for `path` with `query`, whatever its status is.
    ///
    /// # Errors
    /// - [`HandleError::TooManyCalls`] and [`HandleError::UnknownService`], in which case nothing was sent;
    /// - [`HandleError::Call`] if there is no answer.
    pub async fn get(&self, service: &str, path: &str, query: &[(&str, &str)]) -> Result<Answer, HandleError> {
        self.send(service, Method::GET, target(path, query), None, AcceptedAnswers::Answer).await
    }

    /// Posts a JSON body to `path`. Under `Mutation` it is sent once. Under `Query` every call is a read (GraphQL
    /// §6.2.1), so equal posts in flight are made once and a failed one may be sent again.
    ///
    /// # Errors
    /// The errors of [`Self::get_json`].
    pub async fn post_json(&self, service: &str, path: &str, body: Bytes) -> Result<Bytes, HandleError> {
        success(
            service,
            self.send(service, Method::POST, target(path, &[]), Some(body), AcceptedAnswers::Success).await?,
        )
    }

    /// Posts a JSON body to `path` as [`Self::post_json`] does, and returns the answer whatever its status is.
    ///
    /// # Errors
    /// The errors of [`Self::get`].
    pub async fn post(&self, service: &str, path: &str, body: Bytes) -> Result<Answer, HandleError> {
        self.send(service, Method::POST, target(path, &[]), Some(body), AcceptedAnswers::Answer).await
    }

    /// Takes the records of the calls that have begun so far; nobody waits any more for those that have not ended.
    /// Calls that are made later belong to no write, because the write has ended.
    pub(super) fn end(&self) -> Vec<CallRecord> {
        let mut progress = self.inner.progress();
        progress.write = None;
        let calls = std::mem::take(&mut progress.calls);
        drop(progress);
        let record = |call: BegunCall| match call.has_ended {
            true => call.record,
            false => CallRecord { elapsed: call.started.elapsed(), ..call.record },
        };
        calls.into_iter().map(record).collect()
    }

    async fn send(
        &self,
        service: &str,
        method: Method,
        target: String,
        body: Option<Bytes>,
        wanted: AcceptedAnswers,
    ) -> Result<Answer, HandleError> {
        let inner = &*self.inner;
        let Some((name, entry)) = inner.services.get_key_value(service) else {
            return Err(HandleError::UnknownService(service.to_owned()));
        };
        inner.take_call()?;
        let is_safe = inner.ctx.is_safe;
        let (forwarded, scope) = inner.forwarded(&entry.forwarded);
        let operation_id = operation_id(&method, &target);
        let begun = BegunCall::new(name, &operation_id, is_safe);
        let (at, not_before, write) = inner.progress().begin(begun);
        let ctx = Context {
            domain: BatchDomain { way: NO_WAY, inputs: Arc::from([]), scope },
            endpoint: operation_id,
            not_before,
            condition: None,
            write,
            ..inner.ctx.clone()
        };
        let headers = entry.fixed.iter().cloned().chain(forwarded).collect();
        let result = entry.subgraph.call(Request::Http { method, target, headers, body }, ctx).await;
        inner.progress().end(at, &result, wanted);
        Ok(result?)
    }
}

/// Which answers a method accepts.
#[derive(Debug, Clone, Copy)]
enum AcceptedAnswers {
    /// Any status is accepted. Only a status of 500 or more is recorded as a failure, because by it the service itself
    /// says that it has failed (RFC 9110 §15.6).
    Answer,
    /// Only a status of 2xx is accepted; any other is a failure.
    Success,
}

impl AcceptedAnswers {
    /// Why a call has failed; `None` if it has not.
    fn failure(self, result: &Result<Answer, CallError>) -> Option<Arc<Cause>> {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => return Some(error.cause.clone().unwrap_or_default()),
        };
        let is_failure = match self {
            Self::Answer => answer.status >= 500,
            Self::Success => !(200..300).contains(&answer.status),
        };
        is_failure.then(|| Arc::new(Cause::of_answer(BAD_STATUS, answer)))
    }
}

/// The way in the batch domain of every call of a handle, because these calls belong to no way of the graph. Everything
/// that they send is in the request itself.
const NO_WAY: WayId = WayId(u32::MAX);

impl Inner {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_call(&self) -> Result<(), HandleError> {
        let taken = self.calls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let (source_name, max_calls) = (Arc::clone(&self.source), self.max_calls);
        taken.map(|_| ()).map_err(|_| HandleError::TooManyCalls { source_name, max_calls })
    }

    /// The caller's headers of these names, and the credential scope that they make,
    /// which holds the headers themselves.
    fn forwarded(&self, forwarded: &[ForwardedHeader]) -> (Vec<(HeaderName, HeaderValue)>, CredentialScope) {
        let mut scope = Vec::new();
        let mut headers = Vec::new();
        for ForwardedHeader { from, name } in forwarded {
            for value in self.ctx.caller.headers.get_all(from) {
                prefixed::push(&mut scope, &[name.as_str().as_bytes(), value.as_bytes()]);
                headers.push((name.clone(), value.clone()));
            }
        }
        let scope = if scope.is_empty() { CredentialScope::Public } else { CredentialScope::Caller(scope.into()) };
        (headers, scope)
    }
}

fn success(service: &str, answer: Answer) -> Result<Bytes, HandleError> {
    match answer.status {
        200..=299 => Ok(answer.body),
        status => Err(HandleError::Status { service: service.into(), status }),
    }
}

/// All characters but the unreserved ones (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes one segment of a path.
///
/// ```
/// assert_eq!(format!("/users/{}", bespoke::internals::upstream::encode("a/b?c")), "/users/a%2Fb%3Fc");
/// ```
pub fn encode(segment: &str) -> PercentEncode<'_> {
    utf8_percent_encode(segment, RESERVED)
}

fn target(path: &str, query: &[(&str, &str)]) -> String {
    // A `?` in the path would turn a part of a value into query parameters.
    let mut target = path.replace('?', "%3F");
    for (index, (name, value)) in query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.extend(encode(name));
        target.push('=');
        target.extend(encode(value));
    }
    target
}

/// A name for the called endpoint, such as `GET /users/{}`. Segments with digits or percent-encoded bytes are taken for
/// ids, so that there are few names.
fn operation_id(method: &Method, target: &str) -> Arc<str> {
    let path = target.split('?').next().unwrap_or_default();
    let is_id = |segment: &str| segment.bytes().any(|byte| byte.is_ascii_digit() || byte == b'%');
    let names = path.split('/').map(|segment| if is_id(segment) { "{}" } else { segment });
    format!("{method} {}", names.collect::<Vec<_>>().join("/")).into()
}

//! Requests, answers and errors of calls to sources.

use super::domain::{BatchDomain, CredentialScope};
use super::in_process::InProcess;
use super::write::Write;
use crate::compose::WayId;
use crate::policy::Caller;
use crate::report::{CallRecord, CallTarget, Cause, ServiceReport};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A request to one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// An HTTP request, relative to the source's base URL.
    Http {
        /// The HTTP method.
        method: Method,
        /// Path and query, percent-encoded, starting with `/`.
        target: String,
        /// The headers: those of the source's rules, and those forwarded from the caller.
        headers: Vec<(HeaderName, HeaderValue)>,
        /// The body, which is JSON; `None` if the request has no body.
        body: Option<Bytes>,
    },
    /// A GraphQL request. Over HTTP it is sent as a POST to the source's URL.
    GraphQl {
        /// The document, with one operation.
        query: Arc<str>,
        /// The variables, as the text of a JSON object.
        variables: Bytes,
        /// The headers, as for [`Request::Http`].
        headers: Vec<(HeaderName, HeaderValue)>,
    },
}

/// The circumstances of a call.
#[derive(Debug, Clone)]
pub struct Context {
    /// The batch domain of the call; calls with different domains are never shared.
    pub domain: BatchDomain,
    /// What is called, as in [`CallRecord::operation_id`]. Each endpoint has a circuit breaker of its own.
    pub endpoint: Arc<str>,
    /// The caller on whose behalf the call is made. In-process sources and the headers for correlation use it.
    pub caller: Arc<Caller>,
    /// The instant after which nobody waits for the answer.
    pub deadline: Instant,
    /// Whether the call is a read, so that an equal call in flight may answer it and it may be sent twice. A write is
    /// sent once and then finished: its deadline ends the waiting, not the call.
    pub is_safe: bool,
    /// The call joins no call that began before this instant; `None` if it may join any call in flight. It is set for
    /// what runs after a mutation, because an older call may have read what the mutation has changed since.
    pub not_before: Option<Instant>,
    /// The condition of a conditional request (RFC 9110 §13), if it is one: then 304 is an answer, without a body.
    pub condition: Option<Condition>,
    /// Whether a redirect is an answer rather than a failure, because it is a declared
    /// outcome (such as 303 after a POST).
    pub takes_redirects: bool,
    /// The write that the call belongs to; `None` if it is a read, or if nobody needs to know when it is over.
    pub write: Option<Write>,
}

impl Context {
    /// The context of a read that is not shared.
    pub(super) fn unshared(endpoint: Arc<str>, caller: Arc<Caller>, deadline: Instant) -> Self {
        let domain = BatchDomain { way: WayId(u32::MAX), inputs: Arc::from([]), scope: CredentialScope::Public };
        Self {
            domain,
            endpoint,
            caller,
            deadline,
            is_safe: true,
            not_before: None,
            condition: None,
            takes_redirects: false,
            write: None,
        }
    }

    /// The instant at which the call is ended because its deadline has passed; `None` if it goes
    /// on, as a write that was sent does.
    pub(super) fn cut(&self) -> Option<tokio::time::Instant> {
        self.is_safe.then(|| tokio::time::Instant::from_std(self.deadline))
    }
}

/// The headers of a conditional request, such as `If-None-Match`.
pub type Condition = Arc<[(HeaderName, HeaderValue)]>;

/// An answer with its status. Its body is JSON if its status is one that has a body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status; always 200 for a GraphQL source in this process.
    pub status: u16,
    /// The body, decompressed and no longer than its cap. Its content type has been checked
    /// to be JSON, unless it is empty.
    pub body: Bytes,
    /// The headers about caching; empty if nobody asks for them.
    pub headers: HeaderMap,
    /// Whether a call in flight answered, so that no call was made for this answer.
    pub is_shared: bool,
    /// How often the request was sent.
    pub attempts: u32,
    /// How long the service asks not to be called, if it says so (`Retry-After`, RFC 9110 §10.2.3).
    pub retry_after: Option<Duration>,
    /// The media type of a body that is not JSON and so was not read, because the status alone is the outcome.
    /// Descriptions of causes use it.
    pub media_type: Option<Box<str>>,
    /// What was called, for descriptions of causes; `None` if nothing was called or the answer was kept from before.
    pub called: Option<Arc<CallTarget>>,
    /// The calls that an in-process source made to other services for this answer; empty for sources over HTTP.
    pub calls: Vec<CallRecord>,
}

impl Answer {
    /// An answer to a call that was not shared, made without further calls.
    #[must_use]
    pub fn new(status: u16, body: Bytes) -> Self {
        let headers = HeaderMap::new();
        Self {
            status,
            body,
            headers,
            is_shared: false,
            attempts: 1,
            retry_after: None,
            media_type: None,
            called: None,
            calls: Vec::new(),
        }
    }
}

/// The error of a call. It is cheap to clone, because all callers of a shared call get the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}: {kind}")]
pub struct CallError {
    /// The name of the source.
    pub service: Arc<str>,
    /// What went wrong.
    pub kind: CallErrorKind,
    /// What happened, and in which call. Only operators may see it.
    pub cause: Option<Arc<Cause>>,
    /// How often the request was sent.
    pub attempts: u32,
    /// Whether an answer had begun. Such a call is not repeated, because it would cost a whole answer again.
    pub has_begun: bool,
    /// Whether the service certainly has seen nothing of the request. Then the call can safely be
    /// repeated, even if it is a write.
    pub is_unsent: bool,
    /// The calls that an in-process source made to other services before it failed; empty for sources over HTTP.
    pub calls: Vec<CallRecord>,
}

impl CallError {
    /// An error with a cause for the log, of a request that was sent once.
    pub(crate) fn new(service: &Arc<str>, kind: CallErrorKind, cause: impl Into<Cause>) -> Self {
        let cause = Some(Arc::new(cause.into()));
        let (service, calls) = (Arc::clone(service), Vec::new());
        Self { service, kind, cause, attempts: 1, has_begun: false, is_unsent: false, calls }
    }

    /// The same error, with the call's target in its cause.
    pub(super) fn of_call(mut self, called: Arc<CallTarget>) -> Self {
        if let Some(cause) = &mut self.cause {
            Arc::make_mut(cause).called = Some(called);
        }
        self
    }

    /// Whether this process held the call back: there was no room in the queue of its service, or no turn before the
    /// deadline. The next call may be sent.
    pub(crate) fn is_held_back(&self) -> bool {
        self.is_unsent && matches!(self.kind, CallErrorKind::Refused | CallErrorKind::Timeout)
    }

    /// The same error, for a request that was not sent.
    pub(super) fn unsent(self) -> Self {
        Self { attempts: 0, is_unsent: true, ..self }
    }

    /// Whether the service is to blame for the error; `None` if the error says nothing about the service. `cut` is
    /// [`Context::cut`].
    pub(super) fn is_of_service(&self, cut: Option<tokio::time::Instant>) -> Option<bool> {
        match self.kind {
            // If the caller's own time ran out, the service is not to blame.
            CallErrorKind::Timeout if cut.is_some_and(|cut| tokio::time::Instant::now() >= cut) => None,
            CallErrorKind::Timeout | CallErrorKind::Unreachable => Some(true),
            // The service answers: calling it less would not correct what it says.
            CallErrorKind::Malformed | CallErrorKind::TooLarge => Some(false),
            CallErrorKind::NotConfigured
            | CallErrorKind::Refused
            | CallErrorKind::Unsendable
            | CallErrorKind::CircuitOpen => None,
        }
    }
}

/// What went wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CallErrorKind {
    /// There was no connection, or it broke.
    #[error("unreachable")]
    Unreachable,
    /// The call's timeout or the request's deadline passed.
    #[error("timed out")]
    Timeout,
    /// The answer is not HTTP or not JSON, has another content coding, is a redirect, or has a broken body.
    #[error("malformed answer")]
    Malformed,
    /// The body, its nesting, or the head of the answer is over its cap.
    #[error("answer too large")]
    TooLarge,
    /// The source is not known or not configured.
    #[error("not configured")]
    NotConfigured,
    /// Nothing was sent: too many calls wait already.
    #[error("refused")]
    Refused,
    /// Nothing was sent: the request is not one that may be sent, now or later.
    #[error("not a request that may be sent")]
    Unsendable,
    /// Nothing was sent: the endpoint has failed too often recently.
    #[error("circuit open")]
    CircuitOpen,
}

impl CallErrorKind {
    /// The stable `extensions.code` of the error.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "UPSTREAM_UNREACHABLE",
            Self::Timeout => "UPSTREAM_TIMEOUT",
            Self::Malformed => "UPSTREAM_MALFORMED",
            Self::TooLarge => "UPSTREAM_TOO_LARGE",
            Self::NotConfigured => "UPSTREAM_NOT_CONFIGURED",
            Self::Refused | Self::Unsendable => "UPSTREAM_REFUSED",
            Self::CircuitOpen => "UPSTREAM_CIRCUIT_OPEN",
        }
    }
}

/// A source that can be called: REST over HTTP, GraphQL over HTTP, or a subgraph in this process.
pub trait Subgraph: Send + Sync + std::fmt::Debug {
    /// Makes a call. Dropping the future cancels the call, unless somebody else waits for it too.
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>>;

    /// How many writes are over whose effects the source may show, whether or not they succeeded. What was read while
    /// the number was smaller may be stale. For a source that takes no part in sharing, the number stays 0.
    fn writes(&self) -> u64 {
        0
    }

    /// Notes that a write through another source is over whose effects this source may show.
    fn note_write(&self) {}

    /// The source itself, if it is a subgraph in this process.
    fn in_process(&self) -> Option<InProcess> {
        None
    }

    /// The state of the source for the metrics; `None` if it is not called over HTTP.
    fn report(&self) -> Option<ServiceReport> {
        None
    }
}

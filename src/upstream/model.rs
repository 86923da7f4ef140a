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

/// What is asked of one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// An HTTP request, relative to the source's base URL.
    Http {
        /// The method.
        method: Method,
        /// Path and query, percent-encoded, starting with `/`.
        target: String,
        /// Headers, those of the source's rules and the forwarded ones included.
        headers: Vec<(HeaderName, HeaderValue)>,
        /// A JSON body.
        body: Option<Bytes>,
    },
    /// A GraphQL request; over HTTP it is a POST to the source's URL.
    GraphQl {
        /// The document, with one operation.
        query: Arc<str>,
        /// Variables: a JSON object.
        variables: Bytes,
        /// Headers, as above.
        headers: Vec<(HeaderName, HeaderValue)>,
    },
}

/// What a call is made under.
#[derive(Debug, Clone)]
pub struct Context {
    /// What it may share.
    pub domain: BatchDomain,
    /// What is asked, as in [`CallRecord::operation_id`]: what has a circuit breaker of its own.
    pub endpoint: Arc<str>,
    /// On whose behalf; for in-process sources and correlation headers.
    pub caller: Arc<Caller>,
    /// When nobody waits any more.
    pub deadline: Instant,
    /// Is it a read, so that an equal call in flight may answer it, and that it may be sent twice? A write is sent once, and
    /// then finished: its deadline ends the waiting, not the call.
    pub is_safe: bool,
    /// Joins no call begun before this instant. Set for what runs after a mutation: an older call may have read
    /// what the mutation has changed since. `None`: any call in flight will do.
    pub not_before: Option<Instant>,
    /// Makes it conditional (RFC 9110 §13): then 304 is an answer, without a body.
    pub condition: Option<Condition>,
    /// Whether a redirect is an answer (a declared outcome, such as 303 after a POST), rather than a failure.
    pub takes_redirects: bool,
    /// The write that it belongs to; `None`: it is a read, or nobody wants to know when it is over.
    pub write: Option<Write>,
}

impl Context {
    /// The context of a read that shares with nobody.
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

    /// The instant at which the call ends because its caller's time is up; `None`: it goes on, as a write that was sent does.
    pub(super) fn cut(&self) -> Option<tokio::time::Instant> {
        self.is_safe.then(|| tokio::time::Instant::from_std(self.deadline))
    }
}

/// The headers of a conditional request, such as `If-None-Match`.
pub type Condition = Arc<[(HeaderName, HeaderValue)]>;

/// An answer with a status; its body is JSON only if the status is one that has a body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status; GraphQL sources: 200.
    pub status: u16,
    /// The body, decompressed and capped; its content type has been checked to be JSON unless it is empty.
    pub body: Bytes,
    /// What the service says of caching; empty where nobody asks for it.
    pub headers: HeaderMap,
    /// Did a call in flight answer, so that none was made for this one?
    pub is_shared: bool,
    /// How often the request was sent.
    pub attempts: u32,
    /// How long the service wants to be left alone, if it says so (`Retry-After`, RFC 9110 §10.2.3).
    pub retry_after: Option<Duration>,
    /// The media type of a body that is no JSON and so was not read, beside a status that is the outcome: for causes.
    pub media_type: Option<Box<str>>,
    /// What was called, for causes; `None`: nothing was, or the answer was kept.
    pub called: Option<Arc<CallTarget>>,
    /// Calls that an in-process source made to other services for this answer; none for sources over HTTP.
    pub calls: Vec<CallRecord>,
}

impl Answer {
    /// An answer to a call of its own, made without further calls.
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

/// Why there is no answer. Cheap to clone: errors of shared calls are shared as they are.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}: {kind}")]
pub struct CallError {
    /// The source's name.
    pub service: Arc<str>,
    /// What went wrong.
    pub kind: CallErrorKind,
    /// For operators only: what happened, and to which call.
    pub cause: Option<Arc<Cause>>,
    /// How often the request was sent.
    pub attempts: u32,
    /// Had an answer begun? What breaks then is not asked for again: it would cost a whole answer once more.
    pub has_begun: bool,
    /// Is it certain that the service has seen nothing of the request? Then it is safe to repeat, also if it is a write.
    pub is_unsent: bool,
    /// Calls that an in-process source made to other services before it failed; none for sources over HTTP.
    pub calls: Vec<CallRecord>,
}

impl CallError {
    /// An error with a cause for the log.
    pub(crate) fn new(service: &Arc<str>, kind: CallErrorKind, cause: impl Into<Cause>) -> Self {
        let cause = Some(Arc::new(cause.into()));
        let (service, calls) = (Arc::clone(service), Vec::new());
        Self { service, kind, cause, attempts: 1, has_begun: false, is_unsent: false, calls }
    }

    /// The same error, with what was called.
    pub(super) fn of_call(mut self, called: Arc<CallTarget>) -> Self {
        if let Some(cause) = &mut self.cause {
            Arc::make_mut(cause).called = Some(called);
        }
        self
    }

    /// The same error, of a request that was not sent.
    pub(super) fn unsent(self) -> Self {
        Self { attempts: 0, is_unsent: true, ..self }
    }

    /// Is it the service's failure? `None`: it tells nothing about the service. `cut`: [`Context::cut`].
    pub(super) fn is_of_service(&self, cut: Option<tokio::time::Instant>) -> Option<bool> {
        match self.kind {
            // Whoever had so little time left cannot blame the service.
            CallErrorKind::Timeout if cut.is_some_and(|cut| tokio::time::Instant::now() >= cut) => None,
            CallErrorKind::Timeout | CallErrorKind::Unreachable => Some(true),
            // It answers: leaving it alone would not mend what it says.
            CallErrorKind::Malformed | CallErrorKind::TooLarge => Some(false),
            CallErrorKind::NotConfigured | CallErrorKind::Refused | CallErrorKind::CircuitOpen => None,
        }
    }
}

/// What went wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CallErrorKind {
    /// No connection, or it broke.
    #[error("unreachable")]
    Unreachable,
    /// The call's timeout or the request's deadline passed.
    #[error("timed out")]
    Timeout,
    /// No HTTP, not JSON, another encoding, a redirect, a broken body.
    #[error("malformed answer")]
    Malformed,
    /// The body, its nesting, or the head is over its cap.
    #[error("answer too large")]
    TooLarge,
    /// The source is not known or not configured.
    #[error("not configured")]
    NotConfigured,
    /// Nothing was sent: the request is not one that may be sent, or too many wait already.
    #[error("refused")]
    Refused,
    /// Nothing was sent: the endpoint has failed too often just now.
    #[error("circuit open")]
    CircuitOpen,
}

impl CallErrorKind {
    /// The stable `extensions.code`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "UPSTREAM_UNREACHABLE",
            Self::Timeout => "UPSTREAM_TIMEOUT",
            Self::Malformed => "UPSTREAM_MALFORMED",
            Self::TooLarge => "UPSTREAM_TOO_LARGE",
            Self::NotConfigured => "UPSTREAM_NOT_CONFIGURED",
            Self::Refused => "UPSTREAM_REFUSED",
            Self::CircuitOpen => "UPSTREAM_CIRCUIT_OPEN",
        }
    }
}

/// A source that answers: REST over HTTP, GraphQL over HTTP, or in this process.
pub trait Subgraph: Send + Sync + std::fmt::Debug {
    /// Asks. Dropping the future cancels the call, unless somebody else waits for it too.
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>>;

    /// How many writes are over that it may show, whatever came of them: what was read when there were fewer may be
    /// stale. Sources that take no part in sharing stay at 0.
    fn writes(&self) -> u64 {
        0
    }

    /// A write through another source is over that it may show.
    fn note_write(&self) {}

    /// The source itself, if it is one in this process.
    fn in_process(&self) -> Option<InProcess> {
        None
    }

    /// How calling it goes; `None` for sources that are not called over HTTP.
    fn report(&self) -> Option<ServiceReport> {
        None
    }
}

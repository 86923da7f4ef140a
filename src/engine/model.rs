//! What goes into an engine and what comes out.

use crate::execute::Wording;
use crate::operation::{GivenVariables, OperationKind};
use crate::policy::Caller;
use crate::report::{CallRecord, PollObserver, ServiceReport, WriteReport};
use crate::upstream::InProcess;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use http::HeaderName;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Answers GraphQL requests for one client.
///
/// What [`crate::http`] is written against: the engine proper, and small ones in tests.
pub trait GraphQlEngine: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// The answer comes by `deadline`, with errors for what was not there in time; [`crate::http`] gives up shortly
    /// after it. Dropping the future cancels the calls that nobody else waits for.
    fn execute(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> BoxFuture<'_, Response>;

    /// Answers one request in one or more parts: deferred fragments, events of a subscription. An engine that does not
    /// say how answers whole.
    ///
    /// Dropping the stream cancels the calls that nobody else waits for.
    fn stream(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, Streamed> {
        let StreamRequest { request, caller, deadline, .. } = request;
        let answer = async move { self.execute(request, caller, deadline).await };
        stream::once(answer.map(|response| Streamed { response, is_last: true })).boxed()
    }

    /// The client's schema, as SDL.
    fn sdl(&self) -> Arc<str>;

    /// Can it answer now? Behind `/readyz`.
    fn is_ready(&self) -> bool;

    /// What kept answers cost, in bytes.
    fn cache_bytes(&self) -> u64 {
        0
    }

    /// Tells this observer of the polls of subscriptions from now on, and no other one.
    fn tell_of_polls(&self, _observer: Arc<dyn PollObserver>) {}

    /// The writes that are being finished while nobody waits for them; read by the metrics.
    fn writes(&self) -> WriteReport {
        WriteReport::default()
    }

    /// Its subgraphs in this process, by name: in development each can be explored by itself.
    fn subgraphs(&self) -> Vec<(Arc<str>, InProcess)> {
        Vec::new()
    }

    /// How calling its services goes; read by the metrics.
    fn services(&self) -> Vec<ServiceReport> {
        Vec::new()
    }
}

/// A GraphQL request, as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The document.
    pub query: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// Variables as sent.
    pub variables: GivenVariables,
    /// GET: a mutation is refused with [`ResponseKind::MethodNotAllowed`].
    pub is_read_only: bool,
}

/// A request whose answer may come in parts.
#[derive(Debug, Clone)]
pub struct StreamRequest {
    /// The request.
    pub request: Request,
    /// On whose behalf.
    pub caller: Arc<Caller>,
    /// When an answer has to be complete, deferred fragments included.
    pub deadline: Instant,
    /// How the parts of a deferred answer are worded; `None`: the client takes it only whole.
    pub wording: Option<Wording>,
    /// How long each event of a subscription may take; `None`: subscriptions are refused.
    pub event_timeout: Option<Duration>,
}

/// One part of an answer.
#[derive(Debug, Clone)]
pub struct Streamed {
    /// The part: a whole response, or what a deferred fragment adds to it.
    pub response: Response,
    /// Does nothing follow?
    pub is_last: bool,
}

/// What kind of answer it is; decides the HTTP status (GraphQL over HTTP §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseKind {
    /// Executed: `data` is there, perhaps null, perhaps with errors.
    Executed,
    /// The document or operation is wrong: no `data`.
    DocumentError,
    /// The variables are wrong: no `data`.
    VariableError,
    /// A mutation by GET.
    MethodNotAllowed,
    /// Shed before any work (not the caller's fault).
    Unavailable,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// What kind.
    pub kind: ResponseKind,
    /// The whole JSON body: `data`, `errors`, in development `extensions.bespoke.calls`.
    pub body: Bytes,
    /// Number of entries in `errors`.
    pub errors: u32,
    /// Calls made for it.
    pub calls: Vec<CallRecord>,
    /// The operation's name, if it was found.
    pub operation_name: Option<Arc<str>>,
    /// The operation's kind, if it was found; a label of the metrics.
    pub operation_kind: Option<OperationKind>,
    /// The `extensions.code` of each entry in `errors`; counted by the metrics.
    pub error_codes: Vec<Cow<'static, str>>,
    /// How it may be kept by clients and by what stands between; `None`: not at all.
    pub caching: Option<Box<ClientCaching>>,
    /// Is it one that was kept whole, so that nothing was done for it?
    pub is_kept: bool,
}

/// How an answer may be kept outside of this process (RFC 9111).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCaching {
    /// Its freshness lifetime: that of the part which is stale first.
    pub lifetime: Duration,
    /// How old it is now: the age of its oldest part.
    pub age: Duration,
    /// For whom it may be kept.
    pub audience: Audience,
    /// What tells its bytes from others; visible ASCII without quotes.
    pub tag: Option<Arc<str>>,
}

/// For whom an answer may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// It does not depend on the caller.
    Everybody,
    /// Only for its caller, and only for requests that are alike in these headers.
    Alike(Arc<[HeaderName]>),
}

impl Response {
    /// Is it an event of a subscription, or what became of one?
    #[must_use]
    pub fn is_subscription(&self) -> bool {
        self.operation_kind == Some(OperationKind::Subscription)
    }
}

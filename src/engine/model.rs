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
/// The interface that [`crate::http`] uses. The engine implements it, and so do small engines in tests.
pub trait GraphQlEngine: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// The answer comes by `deadline`, with an error for each part that was not there in time. [`crate::http`] gives up
    /// shortly after it. Dropping the future cancels the calls that nobody else waits for.
    fn execute(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> BoxFuture<'_, Response>;

    /// Answers one request in one or more parts, which are deferred fragments or events of a subscription. By default
    /// an engine answers in one part.
    ///
    /// Dropping the stream cancels the calls that nobody else waits for.
    fn stream(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, ResponsePart> {
        let StreamRequest { request, caller, deadline, .. } = request;
        let answer = async move { self.execute(request, caller, deadline).await };
        stream::once(answer.map(|response| ResponsePart { response, is_last: true })).boxed()
    }

    /// The client's schema, as SDL.
    fn sdl(&self) -> Arc<str>;

    /// Whether it can answer now; `/readyz` asks.
    fn is_ready(&self) -> bool;

    /// The memory of all answers that are kept, in bytes.
    fn cache_bytes(&self) -> u64 {
        0
    }

    /// Sets the observer that is told of the polls of subscriptions. It replaces the one before.
    fn tell_of_polls(&self, _observer: Arc<dyn PollObserver>) {}

    /// The writes that are being finished while no request waits for them; the metrics read it.
    fn writes(&self) -> WriteReport {
        WriteReport::default()
    }

    /// Its subgraphs in this process, with their names; in development each can be explored by itself.
    fn subgraphs(&self) -> Vec<(Arc<str>, InProcess)> {
        Vec::new()
    }

    /// The state of its services; the metrics read it.
    fn services(&self) -> Vec<ServiceReport> {
        Vec::new()
    }
}

/// A GraphQL request, as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The document.
    pub query: String,
    /// The name of the operation to run, if the document has several.
    pub operation_name: Option<String>,
    /// The variables, as they were sent.
    pub variables: GivenVariables,
    /// Whether it came by GET, so that a mutation is refused with [`ResponseKind::MethodNotAllowed`].
    pub is_read_only: bool,
}

/// A request whose answer may come in parts.
#[derive(Debug, Clone)]
pub struct StreamRequest {
    /// The request.
    pub request: Request,
    /// On whose behalf it runs.
    pub caller: Arc<Caller>,
    /// When the answer has to be complete, deferred fragments included.
    pub deadline: Instant,
    /// The format of the parts of a deferred answer; `None` if the client takes only whole answers.
    pub wording: Option<Wording>,
    /// How long each event of a subscription may take; `None` if subscriptions are refused.
    pub event_timeout: Option<Duration>,
}

/// One part of an answer.
#[derive(Debug, Clone)]
pub struct ResponsePart {
    /// A whole response, or what a deferred fragment adds to it.
    pub response: Response,
    /// Whether no part follows.
    pub is_last: bool,
}

/// The kind of an answer, which decides the HTTP status (GraphQL over HTTP §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseKind {
    /// The operation was executed: `data` is there. It may be null, and errors may stand beside it.
    Executed,
    /// The document or the operation is wrong; there is no `data`.
    DocumentError,
    /// The variables are wrong; there is no `data`.
    VariableError,
    /// A mutation was sent by GET.
    MethodNotAllowed,
    /// The request was shed before any work was done, through no fault of the caller.
    Unavailable,
}

/// An answer to a request, or a part of one.
#[derive(Debug, Clone)]
pub struct Response {
    /// The kind of the answer.
    pub kind: ResponseKind,
    /// The whole JSON body: `data`, `errors`, and in development `extensions.bespoke.calls`.
    pub body: Bytes,
    /// How many entries `errors` has.
    pub errors: u32,
    /// The calls that were made for it.
    pub calls: Vec<CallRecord>,
    /// The operation's name, if it was found.
    pub operation_name: Option<Arc<str>>,
    /// The operation's kind, if it was found; the metrics use it as a label.
    pub operation_kind: Option<OperationKind>,
    /// The `extensions.code` of each entry in `errors`; the metrics count them.
    pub error_codes: Vec<Cow<'static, str>>,
    /// How clients and proxies may keep it; `None` if they may not.
    pub caching: Option<Box<ClientCaching>>,
    /// Whether the whole answer was kept from before, so that nothing was done for it.
    pub is_kept: bool,
}

/// How an answer may be kept outside of this process (RFC 9111).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCaching {
    /// Its freshness lifetime, which is that of the part that becomes stale first.
    pub lifetime: Duration,
    /// Its age now, which is that of its oldest part.
    pub age: Duration,
    /// For whom it may be kept.
    pub audience: Audience,
    /// Its entity tag: visible ASCII characters, without the quotes around it.
    pub tag: Option<Arc<str>>,
}

/// For whom an answer may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// For everybody: it does not depend on the caller.
    Everybody,
    /// Only for its caller, and only for requests that have the same values in these headers.
    Alike(Arc<[HeaderName]>),
}

impl Response {
    /// Whether it is an event of a subscription, or an error of one.
    #[must_use]
    pub fn is_subscription(&self) -> bool {
        self.operation_kind == Some(OperationKind::Subscription)
    }
}

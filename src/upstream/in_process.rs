//! A source in this process: an `async-graphql` schema with federation enabled.
//!
//! In: a [`Request::GraphQl`]. Out: the response as JSON, with the calls that its resolvers have made.
//! Elsewhere: those calls ([`super::handle`]); sharing of equal requests ([`super::shared`]); how a client's program
//! adds such a source, and what to know about its resolvers ([`crate::bff`]).
//!
//! A resolver finds [`Arc<Caller>`](Caller), [`Deadline`] and [`UpstreamHandle`] in the data of its context. It sees
//! the whole caller. So the calls to such a source may be [shared](super::SharedSource) only if their credential scope
//! holds everything that its resolvers look at.
//!
//! Always true:
//! - execution ends with the source's timeout, and so does every read that it has begun. The execution of a read also
//!   ends with its deadline; the execution of a write goes on ([`super::finish`]);
//! - a panic of a resolver is an error of this call and does not end the process;
//! - however execution ends, the calls that it has begun are reported.

use super::finish::finish;
use super::handle::{HandleServices, UpstreamHandle};
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use crate::policy::Caller;
use crate::report::{CallRecord, Cause};
use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Variables};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use std::any::TypeId;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The limits of one in-process source.
#[derive(Debug, Clone)]
pub(super) struct InProcessConfig {
    /// The name of the source, for errors and logs.
    pub(super) name: Arc<str>,
    /// How long one execution may take. Default: 2 s. After that, the call fails with a timeout, and the calls that it
    /// has begun are cancelled, except the writes that it has sent.
    pub(super) timeout: Duration,
    /// The largest response, in bytes of JSON. Default: 8388608 (8 MiB).
    pub(super) max_response_bytes: usize,
    /// How many calls the resolvers of one request may make to other services. The proven bounds of operations use this
    /// number. Default: 0 calls. One call more fails with [`super::HandleError::TooManyCalls`].
    pub(super) max_calls: u32,
}

impl InProcessConfig {
    /// The default limits for a source of this name.
    #[must_use]
    pub(super) fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), timeout: Duration::from_secs(2), max_response_bytes: 8 << 20, max_calls: 0 }
    }
}

/// The instant after which nobody waits for the answer. Every in-process request has it in its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub std::time::Instant);

/// A source in this process.
#[derive(Clone)]
pub struct InProcess {
    inner: Arc<Inner>,
    add_data: Arc<AddData>,
}

struct Inner {
    config: InProcessConfig,
    execute: Arc<Execute>,
    services: HandleServices,
}

/// Runs one request.
pub(super) type Execute = dyn Fn(async_graphql::Request) -> BoxFuture<'static, async_graphql::Response> + Send + Sync;

/// Adds data to one request.
pub(super) type AddData = dyn Fn(async_graphql::Request, &UpstreamHandle) -> async_graphql::Request + Send + Sync;

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl InProcess {
    /// A source that runs its requests with `execute`, and whose resolvers may call `services`.
    pub(super) fn new(
        execute: Arc<Execute>,
        add_data: Arc<AddData>,
        services: HandleServices,
        config: InProcessConfig,
    ) -> Self {
        Self { inner: Arc::new(Inner { config, execute, services }), add_data }
    }
}

/// Runs the requests of a person who explores the source by itself. They run on behalf of the [`Caller`] in their data,
/// or of an anonymous caller if there is none. An answer may take as long as the source's timeout. A failure becomes an
/// error in the answer.
impl Executor for InProcess {
    async fn execute(&self, mut request: async_graphql::Request) -> async_graphql::Response {
        let caller = caller_in(&request.data).unwrap_or_default();
        let (name, deadline) = (Arc::clone(&self.inner.config.name), Instant::now() + self.inner.config.timeout);
        let is_safe = only_reads(&mut request);
        let ctx = Context { is_safe, ..Context::unshared(name, caller, deadline.into_std()) };
        let Self { inner, add_data } = self.clone();
        let work = async move { inner.run(request, ctx, &*add_data).await.0 };
        // A write goes on even if nobody waits for its answer any more.
        let ran = if is_safe { Ok(work.await) } else { tokio::spawn(work).await };
        match ran {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                failed(error.cause.map_or_else(|| error.kind.to_string(), |cause| cause.what.to_string()))
            }
            Err(_) => failed("a resolver panicked"),
        }
    }

    /// A stream of one answer, because an in-process source has no subscriptions.
    fn execute_stream(
        &self,
        request: async_graphql::Request,
        _: Option<Arc<async_graphql::Data>>,
    ) -> BoxStream<'static, async_graphql::Response> {
        let source = self.clone();
        stream::once(async move { source.execute(request).await }).boxed()
    }
}

/// The caller that was put into the data of a request or of a session, if one was.
pub(crate) fn caller_in(data: &async_graphql::Data) -> Option<Arc<Caller>> {
    data.get(&TypeId::of::<Arc<Caller>>())?.downcast_ref().map(Arc::clone)
}

/// Whether every operation of the document is a query. It is also true for a document that
/// cannot be parsed, which runs nothing.
fn only_reads(request: &mut async_graphql::Request) -> bool {
    let Ok(document) = request.parsed_query() else { return true };
    document.operations.iter().all(|(_, operation)| operation.node.ty == OperationType::Query)
}

/// An answer that holds only one error.
pub(crate) fn failed(message: impl Into<String>) -> async_graphql::Response {
    async_graphql::Response::from_errors(vec![async_graphql::ServerError::new(message, None)])
}

impl Subgraph for InProcess {
    fn in_process(&self) -> Option<InProcess> {
        Some(self.clone())
    }

    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let Self { inner, add_data } = self.clone();
        if ctx.is_safe {
            return Box::pin(async move { inner.call(request, ctx, &*add_data).await });
        }
        Box::pin(async move {
            let (name, of_work) = (Arc::clone(&inner.config.name), ctx.clone());
            let work = async move { inner.call(request, of_work, &*add_data).await };
            finish(&name, &ctx, true, work).await
        })
    }
}

impl Inner {
    async fn call(&self, request: Request, ctx: Context, add_data: &AddData) -> Result<Answer, CallError> {
        let Request::GraphQl { query, variables, .. } = request else {
            return Err(self.error(CallErrorKind::NotConfigured, "an in-process source speaks GraphQL only").unsent());
        };
        let variables = read_variables(&variables)
            .map_err(|_| self.error(CallErrorKind::Unsendable, "the variables are not a JSON object").unsent())?;
        let request = async_graphql::Request::new(&*query).variables(variables);
        let (ran, calls) = self.run(request, ctx, add_data).await;
        // The calls are reported however the request ends, because writes among them have taken place.
        match ran.and_then(|response| self.write(&response)) {
            Ok(body) => Ok(Answer { calls, ..Answer::new(200, body) }),
            Err(error) => Err(CallError { calls, ..error }),
        }
    }

    /// Executes a request, and reports the calls that its resolvers have made.
    async fn run(
        &self,
        request: async_graphql::Request,
        ctx: Context,
        add_data: &AddData,
    ) -> (Result<async_graphql::Response, CallError>, Vec<CallRecord>) {
        let (now, deadline) = (Instant::now(), Instant::from_std(ctx.deadline));
        let own = now + self.config.timeout;
        let limit = ctx.cut().map_or(own, |cut| cut.min(own));
        if deadline.min(own) <= now {
            let error = self.error(CallErrorKind::Timeout, "the deadline has passed before execution");
            return (Err(error.unsent()), Vec::new());
        }
        let ctx = Context { deadline: limit.into_std(), ..ctx };
        let request = request.data(Arc::clone(&ctx.caller)).data(Deadline(deadline.min(own).into_std()));
        let (name, services) = (Arc::clone(&self.config.name), Arc::clone(&self.services));
        let handle = UpstreamHandle::new(name, services, ctx, self.config.max_calls);
        let run = async {
            let request = add_data(request.data(handle.clone()), &handle);
            (self.execute)(request).await
        };
        let ran = match timeout_at(limit, AssertUnwindSafe(run).catch_unwind()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(self.error(CallErrorKind::Malformed, "a resolver panicked")),
            Err(_) => Err(self.error(CallErrorKind::Timeout, "not executed in time")),
        };
        (ran, handle.end())
    }

    fn write(&self, response: &async_graphql::Response) -> Result<Bytes, CallError> {
        let mut body = CappedWriter { bytes: Vec::new(), limit: self.config.max_response_bytes, is_full: false };
        match serde_json::to_writer(&mut body, response) {
            Ok(()) => Ok(body.bytes.into()),
            Err(_) if body.is_full => Err(self.error(CallErrorKind::TooLarge, "the response is over its cap")),
            Err(error) => Err(self.error(CallErrorKind::Malformed, error.to_string())),
        }
    }

    fn error(&self, kind: CallErrorKind, cause: impl Into<Cause>) -> CallError {
        CallError::new(&self.config.name, kind, cause)
    }
}

fn read_variables(json: &Bytes) -> serde_json::Result<Variables> {
    if json.is_empty() { Ok(Variables::default()) } else { serde_json::from_slice(json) }
}

/// A writer that accepts bytes up to a limit; more is an error.
struct CappedWriter {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl io::Write for CappedWriter {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.limit {
            self.is_full = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

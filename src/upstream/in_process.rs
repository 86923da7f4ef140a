//! A source in this process: an `async-graphql` schema with federation.
//!
//! In: a [`Request::GraphQl`]. Out: the response as JSON bytes, with the calls that its resolvers have made.
//! Elsewhere: those calls ([`super::handle`]); sharing of equal requests ([`super::shared`]).
//!
//! A resolver finds in its context's data: [`Arc<Caller>`](Caller), [`Deadline`] and [`UpstreamHandle`]. It sees the
//! whole caller: put [flights](super::Shared) around such a source only if the credential scope of its calls holds
//! all that its resolvers look at.
//!
//! Always true:
//! - execution ends with the source's timeout, and with it every read it has begun; that of a read ends with its deadline,
//!   too, and that of a write goes on ([`super::finish`]);
//! - a panic of a resolver is an error of this call, not of the process;
//! - however execution ends, the calls that it has begun are told.
//!
//! # Batching in resolvers
//! `_entities` resolves all representations at once, each by its own resolver; the crate `dataloader` turns their keys
//! into one call. What to know about it (0.18):
//! - one loader per request: [`InProcess::with_data`] makes it, holding that request's handle, so that no batch mixes
//!   callers and no error is kept;
//! - it has no timer: a load waits ten turns of its task (`yield_now`) for others to come, then the first one calls.
//!   Do not spawn resolvers as tasks of their own: on another thread they miss their batch;
//! - its lock is held across the load, so loads of one loader run one after the other: one loader per endpoint;
//! - keys come in hash order: sort them, or equal batches make different URLs and never share a flight;
//! - use `try_load`; `load` panics when a key has no answer. Answer unknown keys with `None`;
//! - use `cached::Loader`: in `non_cached` the others panic when the one that loads is dropped, as a resolver's own
//!   timeout or a failing representation beside it does. As the loader lives for one request, its cache does no harm.
//!
//! And about `async-graphql` (7.2): an error of one entity's resolver fails all of `_entities`, so entity resolvers
//! return their key and let fields load; a failing non-null field is left out of its object, which stays.
//!
//! ```
//! use async_graphql::{Context, EmptyMutation, EmptySubscription, ID, Object, Result, Schema};
//! use bespoke::upstream::{HandleError, InProcess, InProcessConfig, UpstreamHandle};
//! use dataloader::{BatchFn, cached::Loader};
//! use std::collections::HashMap;
//!
//! #[derive(Clone, serde::Deserialize)]
//! struct Score {
//!     user_id: String,
//!     points: i32,
//! }
//!
//! type Loaded = std::result::Result<Option<Score>, HandleError>;
//!
//! /// Batches keys into `GET /scores?user=1&user=2`.
//! struct ScoresByUser(UpstreamHandle);
//!
//! impl BatchFn<String, Loaded> for ScoresByUser {
//!     async fn load(&mut self, keys: &[String]) -> HashMap<String, Loaded> {
//!         let mut users: Vec<&str> = keys.iter().map(String::as_str).collect();
//!         users.sort_unstable();
//!         let query: Vec<_> = users.into_iter().map(|id| ("user", id)).collect();
//!         match self.0.get_json("scores", "/scores", &query).await {
//!             Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
//!             Ok(body) => {
//!                 let scores: Vec<Score> = serde_json::from_slice(&body).unwrap_or_default();
//!                 let mut scores: HashMap<_, _> = scores.into_iter().map(|s| (s.user_id.clone(), s)).collect();
//!                 keys.iter().map(|key| (key.clone(), Ok(scores.remove(key)))).collect()
//!             }
//!         }
//!     }
//! }
//!
//! type Scores = Loader<String, Loaded, ScoresByUser>;
//!
//! struct User(ID);
//!
//! #[Object]
//! impl User {
//!     async fn id(&self) -> &ID {
//!         &self.0
//!     }
//!
//!     async fn points(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
//!         let score = ctx.data::<Scores>()?.try_load(self.0.to_string()).await?;
//!         Ok(score.map_err(|error| error.to_graphql())?.map(|score| score.points))
//!     }
//! }
//!
//! struct Query;
//!
//! #[Object]
//! impl Query {
//!     #[graphql(entity)]
//!     async fn user_by_id(&self, id: ID) -> User {
//!         User(id)
//!     }
//! }
//!
//! let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
//! let services = Default::default();
//! let config = InProcessConfig { max_calls: 1, ..InProcessConfig::new("gamification") };
//! let source = InProcess::new(schema, services, config)
//!     .with_data(|request, handle| request.data(Scores::new(ScoresByUser(handle.clone()))));
//! ```

use super::finish::finish;
use super::handle::{HandleServices, UpstreamHandle};
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use crate::report::Cause;
use async_graphql::{Executor, Variables};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

#[cfg(doc)]
use crate::policy::Caller;

/// Limits of one in-process source.
#[derive(Debug, Clone)]
pub struct InProcessConfig {
    /// Its name, as in errors and logs.
    pub name: Arc<str>,
    /// Longest execution. Default: 2 s. At the limit: timeout, and what it has begun is cancelled, but for the writes that
    /// it has sent.
    pub timeout: Duration,
    /// Largest response, in bytes of JSON. Default: 8388608 (8 MiB).
    pub max_response_bytes: usize,
    /// Calls that the resolvers of one request may make to other services; proven bounds count on it. Default: 0 calls.
    /// At the limit [`super::HandleError::TooManyCalls`].
    pub max_calls: u32,
}

impl InProcessConfig {
    /// The defaults, for a name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), timeout: Duration::from_secs(2), max_response_bytes: 8 << 20, max_calls: 0 }
    }
}

const LINK: &str = r#"@link(url: "https://bespoke.example/connect/v1", import: ["@source"])"#;

/// The SDL by which a source declares how many calls it makes, so that bounds can be proven from its text alone.
///
/// ```
/// let sdl = bespoke::upstream::declare_calls("gamification", 1);
/// assert!(sdl.ends_with(r#"@source(name: "gamification", maxCalls: 1)"#));
/// ```
#[must_use]
pub fn declare_calls(name: &str, max_calls: u32) -> String {
    format!("extend schema {LINK}\n  @source(name: \"{name}\", maxCalls: {max_calls})")
}

/// The SDL by which a source declares that its answers depend on nothing but what it is asked: not on the caller, not on
/// time, not on other services. Only then equal operations in flight that touch it are run once.
///
/// ```
/// assert!(bespoke::upstream::declare_pure("labels").ends_with(r#"@source(name: "labels", pure: true)"#));
/// ```
#[must_use]
pub fn declare_pure(name: &str) -> String {
    format!("extend schema {LINK}\n  @source(name: \"{name}\", pure: true)")
}

/// When nobody waits for the answer any more; in the data of every in-process request.
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
    execute: Box<dyn Fn(async_graphql::Request) -> BoxFuture<'static, async_graphql::Response> + Send + Sync>,
    services: HandleServices,
}

type AddData = dyn Fn(async_graphql::Request, &UpstreamHandle) -> async_graphql::Request + Send + Sync;

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl InProcess {
    /// A source that runs `executor`, such as an `async_graphql::Schema` with federation enabled; its resolvers may call
    /// `services`.
    pub fn new(executor: impl Executor, services: HandleServices, config: InProcessConfig) -> Self {
        let execute = move |request| {
            let executor = executor.clone();
            async move { executor.execute(request).await }.boxed()
        };
        let inner = Inner { config, execute: Box::new(execute), services };
        Self { inner: Arc::new(inner), add_data: Arc::new(|request, _: &UpstreamHandle| request) }
    }

    /// Puts more into each request's data, instead of what an earlier call of this has put there: loaders, above all.
    #[must_use]
    pub fn with_data(
        self,
        add_data: impl Fn(async_graphql::Request, &UpstreamHandle) -> async_graphql::Request + Send + Sync + 'static,
    ) -> Self {
        Self { add_data: Arc::new(add_data), ..self }
    }
}

impl Subgraph for InProcess {
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
            .map_err(|_| self.error(CallErrorKind::Refused, "the variables are not a JSON object").unsent())?;
        let (now, deadline) = (Instant::now(), Instant::from_std(ctx.deadline));
        let own = now + self.config.timeout;
        let limit = ctx.cut().map_or(own, |cut| cut.min(own));
        if deadline.min(own) <= now {
            return Err(self.error(CallErrorKind::Timeout, "the deadline has passed before execution").unsent());
        }
        let ctx = Context { deadline: limit.into_std(), ..ctx };
        let request = async_graphql::Request::new(&*query)
            .variables(variables)
            .data(Arc::clone(&ctx.caller))
            .data(Deadline(deadline.min(own).into_std()));
        let (name, services) = (Arc::clone(&self.config.name), Arc::clone(&self.services));
        let handle = UpstreamHandle::new(name, services, ctx, self.config.max_calls);
        let run = async {
            let request = add_data(request.data(handle.clone()), &handle);
            (self.execute)(request).await
        };
        let ran = timeout_at(limit, AssertUnwindSafe(run).catch_unwind()).await;
        let calls = handle.end();
        let body = match ran {
            Ok(Ok(response)) => self.write(&response),
            Ok(Err(_)) => Err(self.error(CallErrorKind::Malformed, "a resolver panicked")),
            Err(_) => Err(self.error(CallErrorKind::Timeout, "not executed in time")),
        };
        // However it ends: what it has written to is written to.
        match body {
            Ok(body) => Ok(Answer { calls, ..Answer::new(200, body) }),
            Err(error) => Err(CallError { calls, ..error }),
        }
    }

    fn write(&self, response: &async_graphql::Response) -> Result<Bytes, CallError> {
        let mut body = Capped { bytes: Vec::new(), limit: self.config.max_response_bytes, is_full: false };
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

/// Bytes up to a limit; more is an error.
struct Capped {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl io::Write for Capped {
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
#[path = "in_process_tests.rs"]
mod tests;

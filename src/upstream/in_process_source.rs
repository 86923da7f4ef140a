//! A subgraph written in Rust that a client's program adds to its graph.
//!
//! In: an `async-graphql` schema and what is declared about it. Out: its federation SDL for the graph, and the source
//! that runs it once the other services are known.
//! Elsewhere: how a request runs ([`super::in_process`]).

use super::handle::{HandleServices, UpstreamHandle};
use super::in_process::{AddData, Execute, InProcess, InProcessConfig};
use async_graphql::{Executor, ObjectType, SDLExportOptions, Schema, SubscriptionType};
use futures_util::FutureExt as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const LINK: &str = r#"@link(url: "https://bespoke.example/connect/v1", import: ["@source"])"#;

/// A federation subgraph in this process: an `async-graphql` schema with a name.
///
/// ```
/// use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
/// use bespoke::bff::InProcessSource;
///
/// struct Query;
///
/// #[Object]
/// impl Query {
///     async fn greeting(&self) -> &str {
///         "hello"
///     }
/// }
///
/// let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
/// let source = InProcessSource::new("greetings", schema).pure();
/// assert!(source.sdl().contains(r#"@source(name: "greetings", pure: true)"#));
/// assert!(source.sdl().contains("greeting: String!"));
/// ```
pub struct InProcessSource {
    config: InProcessConfig,
    is_pure: bool,
    schema_sdl: String,
    execute: Arc<Execute>,
    add_data: Arc<AddData>,
}

impl fmt::Debug for InProcessSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessSource").field("config", &self.config).finish_non_exhaustive()
    }
}

impl InProcessSource {
    /// Makes a source from a schema with federation enabled (`enable_federation`), under the name that it
    /// has in the graph. By default it calls no other service, a request takes at most 2 s, and a
    /// response has at most 8 MiB of JSON.
    #[must_use]
    pub fn new<Q, M, S>(name: &str, schema: Schema<Q, M, S>) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let schema_sdl = schema.sdl_with_options(SDLExportOptions::new().federation().compose_directive());
        let execute = move |request| {
            let schema = schema.clone();
            async move { Executor::execute(&schema, request).await }.boxed()
        };
        Self {
            config: InProcessConfig::new(name),
            is_pure: false,
            schema_sdl,
            execute: Arc::new(execute),
            add_data: Arc::new(|request, _: &UpstreamHandle| request),
        }
    }

    /// Sets how many calls to other services the resolvers of one request may make. The proven bounds of operations use
    /// this number, and one call more fails with [`HandleError::TooManyCalls`](super::HandleError::TooManyCalls).
    /// Default: 0 calls.
    #[must_use]
    pub fn max_calls(mut self, calls: u32) -> Self {
        self.config.max_calls = calls;
        self
    }

    /// Sets how long one request may take. After that it is cancelled, except the writes
    /// that it has sent. Default: 2 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets how large one response may be, in bytes of JSON. Default: 8388608 bytes (8 MiB).
    #[must_use]
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.config.max_response_bytes = bytes;
        self
    }

    /// Declares that answers depend only on the request: not on the caller, on the time, or on other services. Then
    /// equal operations in flight that need this source are run once.
    #[must_use]
    pub fn pure(mut self) -> Self {
        self.is_pure = true;
        self
    }

    /// Adds data to each request, such as a loader that lives as long as the request. A second call replaces the first.
    #[must_use]
    pub fn with_data(
        mut self,
        add_data: impl Fn(async_graphql::Request, &UpstreamHandle) -> async_graphql::Request + Send + Sync + 'static,
    ) -> Self {
        self.add_data = Arc::new(add_data);
        self
    }

    /// The name of the source in the graph.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its federation SDL, with what the source declares of itself.
    ///
    /// Write it to `bff-<client>/<source>.graphql` in the project, by a test of yours that compares the two:
    /// `bespoke check` and `bespoke plan`, which do not run the program, read that file.
    #[must_use]
    pub fn sdl(&self) -> String {
        let Self { config: InProcessConfig { name, max_calls, .. }, is_pure, schema_sdl, .. } = self;
        let mut declared = format!("extend schema {LINK}\n  @source(name: \"{name}\"");
        if *max_calls > 0 {
            declared.push_str(&format!(", maxCalls: {max_calls}"));
        }
        if *is_pure {
            declared.push_str(", pure: true");
        }
        format!("{declared})\n{schema_sdl}")
    }

    /// Builds the source. Its resolvers may call these services.
    pub(crate) fn build(&self, services: HandleServices) -> InProcess {
        InProcess::new(Arc::clone(&self.execute), Arc::clone(&self.add_data), services, self.config.clone())
    }
}

//! An engine as async-graphql's `Executor`, so that the services and extractors of `async-graphql-axum` work over it.
//!
//! In: an `async_graphql::Request`. Out: the engine's answer as an `async_graphql::Response`, which is a tree of
//! values. Elsewhere: the BFF's own server, which sends the engine's bytes as they are ([`crate::http`]).

use super::model::{GraphQlEngine, Request, StreamRequest};
use crate::operation::GivenVariables;
use crate::upstream::{caller_in, failed};
use async_graphql::{Data, Executor, IntrospectionMode};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A client's engine for use in an axum application of your own; clones are the same engine.
///
/// A request runs on behalf of the `Arc<Caller>` in its data, or in the session's data for subscriptions. Without one,
/// the caller is anonymous.
///
/// All bounds of the client's configuration hold, except those of its HTTP server, which is not used: the application
/// limits bodies and connections itself. Uploads are refused, and so is a request that switches introspection off,
/// because `server.mode` rules that. An operation with `@defer` is answered whole.
#[derive(Clone)]
pub struct EngineExecutor {
    engine: Arc<dyn GraphQlEngine>,
    request_timeout: Duration,
}

impl fmt::Debug for EngineExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineExecutor").field("request_timeout", &self.request_timeout).finish_non_exhaustive()
    }
}

impl EngineExecutor {
    /// Wraps an engine. Each answer, and each event of a subscription, may take `request_timeout`.
    pub(crate) fn new(engine: Arc<dyn GraphQlEngine>, request_timeout: Duration) -> Self {
        Self { engine, request_timeout }
    }

    /// The client's schema, as SDL.
    #[must_use]
    pub fn sdl(&self) -> Arc<str> {
        self.engine.sdl()
    }
}

impl Executor for EngineExecutor {
    async fn execute(&self, request: async_graphql::Request) -> async_graphql::Response {
        let caller = caller_in(&request.data).unwrap_or_default();
        match read_request(request) {
            Ok(request) => {
                let deadline = Instant::now() + self.request_timeout;
                read_response(&self.engine.execute(request, caller, deadline).await.body)
            }
            Err(message) => failed(message),
        }
    }

    fn execute_stream(
        &self,
        request: async_graphql::Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, async_graphql::Response> {
        let session = session_data.unwrap_or_default();
        let caller = caller_in(&request.data).or_else(|| caller_in(&session)).unwrap_or_default();
        let request = match read_request(request) {
            Ok(request) => request,
            Err(message) => return stream::iter([failed(message)]).boxed(),
        };
        let deadline = Instant::now() + self.request_timeout;
        let event_timeout = Some(self.request_timeout);
        let request = StreamRequest { request, caller, deadline, wording: None, event_timeout };
        Arc::clone(&self.engine).stream(request).map(|part| read_response(&part.response.body)).boxed()
    }
}

/// Turns a request into one of the engine.
///
/// # Errors
/// A message about what the request asks for and the engine does not do.
fn read_request(request: async_graphql::Request) -> Result<Request, &'static str> {
    if !request.uploads.is_empty() {
        return Err("uploads are not supported");
    }
    if request.introspection_mode != IntrospectionMode::Enabled {
        return Err("introspection is switched by `server.mode` in the configuration, not by a request");
    }
    let variables = serde_json::to_vec(&request.variables).map_err(|_| "the variables are no JSON")?;
    let variables = GivenVariables::new(Bytes::from(variables));
    let (query, operation_name) = (request.query, request.operation_name);
    Ok(Request { query, operation_name, variables, is_read_only: false })
}

/// Reads the engine's answer into a tree of values.
fn read_response(body: &[u8]) -> async_graphql::Response {
    serde_json::from_slice(body).unwrap_or_else(|_| failed("the answer cannot be read"))
}

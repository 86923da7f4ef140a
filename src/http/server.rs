//! The server: what all routes share.

use super::admission::Admission;
use super::cors::cors;
use super::ending::Generation;
use super::playground::Playground;
use super::streams::Streams;
use crate::config::ServerConfig;
use crate::engine::GraphQlEngine;
use crate::observe::Metrics;
use crate::policy::Authenticators;
use crate::report::PollObserver;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tower_http::cors::CorsLayer;

/// Everything that a request uses: the engine, its configuration, the methods of authentication, and the metrics.
///
/// A server never changes; another one can take its place as a whole ([`super::Site::replace`]).
pub struct Server {
    pub(super) config: ServerConfig,
    pub(super) authenticators: Authenticators,
    pub(super) playground: Option<Playground>,
    pub(super) cors: Option<CorsLayer>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) admission: Arc<Admission>,
    pub(super) streams: Arc<Streams>,
    /// The number of this server in its process.
    pub(super) generation: Generation,
    engine: Arc<dyn GraphQlEngine>,
}

impl Server {
    /// Makes a server. It answers once it has routes ([`super::router`]) and connections ([`super::serve()`]).
    #[must_use]
    pub fn new(config: ServerConfig, engine: Arc<dyn GraphQlEngine>, metrics: Arc<Metrics>) -> Self {
        let admission = Arc::new(Admission::new(&config, Arc::clone(&metrics)));
        let (streams, cors) = (Streams::new(), cors(&config));
        engine.tell_of_polls(Arc::clone(&metrics) as Arc<dyn PollObserver>);
        let authenticators = Authenticators::default();
        Self { config, authenticators, playground: None, cors, metrics, admission, streams, generation: 0, engine }
    }

    /// Takes over from another server of the same process. Its metrics go on, and its open streams still count.
    ///
    /// Streams count against the new limits. If one of the bounds on requests and bodies has changed, requests that
    /// began under the old server do not count against the new bounds; they end within the request timeout.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        self.metrics = Arc::clone(&before.metrics);
        self.engine.tell_of_polls(Arc::clone(&self.metrics) as Arc<dyn PollObserver>);
        let limits = |config: &ServerConfig| {
            (config.max_in_flight, config.max_lateness, config.max_reading, config.max_reading_bytes)
        };
        self.admission = match limits(&self.config) == limits(&before.config) {
            true => Arc::clone(&before.admission),
            false => Arc::new(Admission::new(&self.config, Arc::clone(&self.metrics))),
        };
        (self.streams, self.generation) = (Arc::clone(&before.streams), before.generation + 1);
        self
    }

    /// Authenticates callers by these methods. Without any, every caller is anonymous.
    #[must_use]
    pub fn with_authenticators(mut self, authenticators: Authenticators) -> Self {
        self.authenticators = authenticators;
        self
    }

    /// Serves GraphiQL at `/`, but never in production.
    #[must_use]
    pub fn with_playground(mut self, playground: Playground) -> Self {
        self.playground = self.config.mode.is_development().then_some(playground);
        self
    }

    /// Ends subscriptions and closes WebSockets, because the process is to stop. The ends are spread over `spread`.
    /// Other operations of WebSockets may go on until `cut_off`.
    pub fn end_streams(&self, spread: Duration, cut_off: Instant) {
        self.streams.ends.stop(spread, cut_off);
    }

    /// Waits until the last WebSocket is closed.
    pub async fn sockets_closed(&self) {
        self.streams.closed().await;
    }

    /// The configuration of the server.
    #[must_use]
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// The metrics of the process.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The engine of the client.
    #[must_use]
    pub fn engine(&self) -> Arc<dyn GraphQlEngine> {
        Arc::clone(&self.engine)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

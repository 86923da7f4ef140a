//! What the routes share.

use super::cors::cors;
use super::door::Door;
use super::ending::Generation;
use super::playground::Playground;
use super::streams::Streams;
use crate::config::ServerConfig;
use crate::engine::GraphQlEngine;
use crate::observe::Metrics;
use crate::policy::JwtVerifier;
use crate::report::PollObserver;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tower_http::cors::CorsLayer;

/// Everything that a request reads: the engine, its configuration, who verifies callers, and what is counted.
///
/// It never changes; a whole other one can take its place ([`super::Site::replace`]).
pub struct Server {
    pub(super) config: ServerConfig,
    pub(super) verifier: Option<JwtVerifier>,
    pub(super) playground: Option<Playground>,
    pub(super) cors: Option<CorsLayer>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) door: Arc<Door>,
    pub(super) streams: Arc<Streams>,
    /// Which one of its process.
    pub(super) generation: Generation,
    engine: Arc<dyn GraphQlEngine>,
}

impl Server {
    /// Makes a server; it answers once it is routed ([`super::router`]) and served ([`super::serve()`]).
    #[must_use]
    pub fn new(config: ServerConfig, engine: Arc<dyn GraphQlEngine>, metrics: Arc<Metrics>) -> Self {
        let door = Arc::new(Door::new(&config, Arc::clone(&metrics)));
        let (streams, cors) = (Streams::new(), cors(&config));
        engine.tell_of_polls(Arc::clone(&metrics) as Arc<dyn PollObserver>);
        Self { config, verifier: None, playground: None, cors, metrics, door, streams, generation: 0, engine }
    }

    /// Takes over from another server of the same process: what was counted and what is under way go on counting.
    ///
    /// Streams count against the limits of now. Of other limits that differ, what began under the old one does not count
    /// against the new one: it is over within the request's timeout.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        self.metrics = Arc::clone(&before.metrics);
        self.engine.tell_of_polls(Arc::clone(&self.metrics) as Arc<dyn PollObserver>);
        let limits = |config: &ServerConfig| {
            (config.max_in_flight, config.max_lateness, config.max_reading, config.max_reading_bytes)
        };
        self.door = match limits(&self.config) == limits(&before.config) {
            true => Arc::clone(&before.door),
            false => Arc::new(Door::new(&self.config, Arc::clone(&self.metrics))),
        };
        (self.streams, self.generation) = (Arc::clone(&before.streams), before.generation + 1);
        self
    }

    /// Verifies bearer tokens; without it everybody is anonymous.
    #[must_use]
    pub fn verify_callers(mut self, verifier: JwtVerifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Serves GraphiQL at `/`; in production it stays hidden all the same.
    #[must_use]
    pub fn with_playground(mut self, playground: Playground) -> Self {
        self.playground = self.config.mode.is_development().then_some(playground);
        self
    }

    /// Ends subscriptions and closes WebSockets, spread over some time; for when the process is to stop. What they do
    /// besides is waited for until `cut_off`.
    pub fn end_streams(&self, spread: Duration, cut_off: Instant) {
        self.streams.ends.stop(spread, cut_off);
    }

    /// Waits until the last WebSocket is closed.
    pub async fn sockets_closed(&self) {
        self.streams.closed().await;
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The engine.
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

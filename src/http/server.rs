//! What the routes share.

use super::door::Door;
use super::playground::Playground;
use super::streams::Streams;
use crate::config::ServerConfig;
use crate::engine::GraphQlEngine;
use crate::observe::Metrics;
use crate::policy::JwtVerifier;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// A running server's shared state: the engine of now, who verifies callers, and what is counted.
pub struct Server {
    pub(super) config: ServerConfig,
    pub(super) verifier: Option<JwtVerifier>,
    pub(super) playground: Option<Playground>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) door: Door,
    pub(super) streams: Streams,
    engine: ArcSwap<Arc<dyn GraphQlEngine>>,
}

impl Server {
    /// Makes a server; it answers once it is routed ([`router`]) and served ([`super::serve`]).
    #[must_use]
    pub fn new(config: ServerConfig, engine: Arc<dyn GraphQlEngine>, metrics: Arc<Metrics>) -> Self {
        let engine = ArcSwap::from_pointee(engine);
        let door = Door::new(&config, Arc::clone(&metrics));
        let streams = Streams::new(config.max_subscriptions.get());
        Self { config, verifier: None, playground: None, metrics, door, streams, engine }
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

    /// Replaces the engine: requests that have begun end with the one they began with.
    pub fn swap_engine(&self, engine: Arc<dyn GraphQlEngine>) {
        self.engine.store(Arc::new(engine));
    }

    /// Ends subscriptions and closes WebSockets, and refuses further ones; for when the process is to stop.
    pub fn end_streams(&self) {
        self.streams.stop();
    }

    /// Waits until the last WebSocket is closed.
    pub async fn sockets_closed(&self) {
        self.streams.closed().await;
    }

    /// The engine of now.
    #[must_use]
    pub fn engine(&self) -> Arc<dyn GraphQlEngine> {
        Arc::clone(&self.engine.load())
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

//! The current server of a process, and its replacement.
//!
//! In: servers, one after the other, and the notice that this process is about to stop. Out: one server for each
//! request.
//!
//! Always true:
//! - a request uses one server from its beginning to its end, never the limits of one configuration and the schema of
//!   another;
//! - a WebSocket may outlive a server, but each of its operations is a request in this sense;
//! - a server that was replaced is dropped after its last request; its streams are ended, so that this happens soon
//!   ([`super::ending`]).

use super::server::Server;
use crate::engine::GraphQlEngine;
use arc_swap::ArcSwap;
use axum::extract::FromRef;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What a process serves: one [`Server`] at a time. Clones are the same site.
#[derive(Debug, Clone)]
pub struct Site {
    inner: Arc<Inner>,
}

struct Inner {
    server: ArcSwap<Server>,
    /// The engines of earlier servers. Those that have been dropped are removed from time to time.
    replaced: Mutex<Vec<Weak<dyn GraphQlEngine>>>,
    is_leaving: AtomicBool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("server", &self.server)
            .field("is_leaving", &self.is_leaving)
            .finish_non_exhaustive()
    }
}

impl Site {
    /// Makes a site whose first server is `server`.
    #[must_use]
    pub fn new(server: Arc<Server>) -> Self {
        let (server, replaced) = (ArcSwap::new(server), Mutex::default());
        Self { inner: Arc::new(Inner { server, replaced, is_leaving: AtomicBool::new(false) }) }
    }

    /// The current server. Call this once for each request.
    #[must_use]
    pub fn now(&self) -> Arc<Server> {
        self.inner.server.load_full()
    }

    /// Replaces the current server. The old server finishes its requests. Its streams end within `server.stream_drain`,
    /// so that their clients connect to the new one.
    pub fn replace(&self, server: Server) {
        let before = self.now();
        let server = Arc::new(server.succeeding(&before));
        self.inner.server.store(Arc::clone(&server));
        let mut replaced = self.inner.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.retain(|engine| engine.strong_count() > 0);
        replaced.push(Arc::downgrade(&before.engine()));
        drop(replaced);
        server.streams.ends.replace(server.generation, server.config.stream_drain());
    }

    /// How many engines are alive: the current one, and those that were replaced but still have requests or streams.
    #[must_use]
    pub fn engines(&self) -> usize {
        let mut replaced = self.inner.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.retain(|engine| engine.strong_count() > 0);
        replaced.len() + 1
    }

    /// Announces that this process is about to stop: `/readyz` answers 503, and each answer ends its connection. So
    /// load balancers and clients go elsewhere before any request is refused.
    pub fn leave(&self) {
        self.inner.is_leaving.store(true, Ordering::Release);
    }

    /// Whether this process is about to stop.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.inner.is_leaving.load(Ordering::Acquire)
    }
}

impl From<Arc<Server>> for Site {
    fn from(server: Arc<Server>) -> Self {
        Self::new(server)
    }
}

impl FromRef<Site> for Arc<Server> {
    fn from_ref(site: &Site) -> Self {
        site.now()
    }
}

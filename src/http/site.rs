//! The server of now, and how it is replaced.
//!
//! In: servers, one after the other, and that this process is to leave. Out: for each request, one server.
//!
//! Always true:
//! - a request reads one server from its beginning to its end: never the limits of one configuration and the schema of
//!   another;
//! - a WebSocket lives longer than that, but each of its operations is a request in this sense;
//! - what is replaced is let go with its last request; its streams are ended for that ([`super::ending`]).

use super::server::Server;
use crate::engine::GraphQlEngine;
use arc_swap::ArcSwap;
use axum::extract::FromRef;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What a process serves: a [`Server`] at a time. Clones are the same site.
#[derive(Debug, Clone)]
pub struct Site {
    inner: Arc<Inner>,
}

struct Inner {
    server: ArcSwap<Server>,
    /// The engines of earlier servers, those that are gone left out from time to time.
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
    /// Begins with a server.
    #[must_use]
    pub fn new(server: Arc<Server>) -> Self {
        let (server, replaced) = (ArcSwap::new(server), Mutex::default());
        Self { inner: Arc::new(Inner { server, replaced, is_leaving: AtomicBool::new(false) }) }
    }

    /// The server of now; whoever answers a request takes it once.
    #[must_use]
    pub fn now(&self) -> Arc<Server> {
        self.inner.server.load_full()
    }

    /// Puts another server in the place of the one of now. That one ends the requests that it has; its streams end over
    /// some time (`server.stream_drain`), so that they come back to the new one.
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

    /// How many engines are alive: that of now, and those that were replaced and still have requests or streams.
    #[must_use]
    pub fn engines(&self) -> usize {
        let mut replaced = self.inner.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.retain(|engine| engine.strong_count() > 0);
        replaced.len() + 1
    }

    /// Tells who asks that this process is about to stop: `/readyz` answers 503, and each answer ends its connection,
    /// so that load balancers and clients go elsewhere before anything is refused.
    pub fn leave(&self) {
        self.inner.is_leaving.store(true, Ordering::Release);
    }

    /// Is this process about to stop?
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

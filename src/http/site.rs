//! The server of now, and how it is replaced.
//!
//! In: servers, one after the other, and that this process is to leave. Out: for each request, one server.
//!
//! Always true:
//! - a request reads one server from its beginning to its end: never the limits of one configuration and the schema of
//!   another;
//! - a WebSocket lives longer than that, but each of its operations is a request in this sense;
//! - what is replaced is let go with its last request.

use super::server::Server;
use arc_swap::ArcSwap;
use axum::extract::FromRef;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process serves: a [`Server`] at a time. Clones are the same site.
#[derive(Debug, Clone)]
pub struct Site {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    server: ArcSwap<Server>,
    is_leaving: AtomicBool,
}

impl Site {
    /// Begins with a server.
    #[must_use]
    pub fn new(server: Arc<Server>) -> Self {
        Self { inner: Arc::new(Inner { server: ArcSwap::new(server), is_leaving: AtomicBool::new(false) }) }
    }

    /// The server of now; whoever answers a request takes it once.
    #[must_use]
    pub fn now(&self) -> Arc<Server> {
        self.inner.server.load_full()
    }

    /// Puts another server in the place of the one of now, which ends the requests that it has.
    pub fn replace(&self, server: Server) {
        let server = server.succeeding(&self.now());
        self.inner.server.store(Arc::new(server));
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

//! What becomes of a connection after its last request, when that was an upgrade.
//!
//! In: the future that serves the other protocol. Out: the same, for the task that has served the requests.
//!
//! Why not a task of its own: the connection goes on where it was accepted, keeps its place among the connections, and is
//! one of those that the end of the process waits for.

use super::idle::Idle;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Goes with a request that asks for an upgrade. Clones are the same.
#[derive(Clone)]
pub(super) struct Takeover {
    idle: Arc<Idle>,
    next: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

impl Takeover {
    pub(super) fn new(idle: Arc<Idle>) -> Self {
        Self { idle, next: Arc::default() }
    }

    /// What the connection waits for.
    pub(super) fn idle(&self) -> Arc<Idle> {
        Arc::clone(&self.idle)
    }

    /// Says what the connection does next.
    pub(super) fn put(&self, next: BoxFuture<'static, ()>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    /// What the connection does next; `None`: it ends.
    pub(super) fn take(&self) -> Option<BoxFuture<'static, ()>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}

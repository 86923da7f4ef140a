//! The door: which requests are let in.
//!
//! Two bounds: so many requests at once, whatever they do, for each holds memory; and no more than this process can
//! serve in time ([`super::overload`]). Who is not let in is told to come again (`503` with `Retry-After`), before
//! anything of the request is read. Health and metrics have no door: they must answer most of all then.

use super::overload::Overload;
use crate::config::ServerConfig;
use crate::observe::Metrics;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Lets requests in.
#[derive(Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    overload: Overload,
    metrics: Arc<Metrics>,
}

impl Door {
    pub(super) fn new(config: &ServerConfig, metrics: Arc<Metrics>) -> Self {
        let most = usize::try_from(config.max_in_flight.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(most)), overload: Overload::new(config.max_lateness), metrics }
    }

    /// A place for a request, until dropped.
    pub(super) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if self.is_in_time() { self.counted(self.places.try_acquire().ok()) } else { None }
    }

    /// The same, for an answer that outlives its request's handler.
    pub(super) fn enter_owned(&self) -> Option<OwnedSemaphorePermit> {
        if self.is_in_time() { self.counted(Arc::clone(&self.places).try_acquire_owned().ok()) } else { None }
    }

    /// May something begin that has a bound of its own?
    pub(super) fn is_in_time(&self) -> bool {
        let is_late = self.overload.refuses();
        if is_late {
            self.metrics.count_shed("late");
        }
        !is_late
    }

    fn counted<T>(&self, place: Option<T>) -> Option<T> {
        if place.is_none() {
            self.metrics.count_shed("in_flight");
        }
        place
    }
}

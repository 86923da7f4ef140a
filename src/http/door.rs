//! The door: which requests are let in.
//!
//! Three bounds: no more requests than this process can serve in time ([`super::overload`]), asked before anything of a
//! request is read; so many bodies that are being read ([`super::upload`]); and so many requests at once whose bodies
//! are there, whatever they do, for each holds memory. So a client that sends its body slowly takes the place of no
//! request that could be answered. A request that is not let in is told to come again (`503` with `Retry-After`).
//! Health and metrics have no door: they must answer most of all then.

use super::overload::Overload;
use super::upload::Uploads;
use crate::config::ServerConfig;
use crate::observe::Metrics;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Lets requests in.
#[derive(Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    overload: Overload,
    uploads: Arc<Uploads>,
    metrics: Arc<Metrics>,
}

impl Door {
    pub(super) fn new(config: &ServerConfig, metrics: Arc<Metrics>) -> Self {
        let most = usize::try_from(config.max_in_flight.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let (places, uploads) = (Arc::new(Semaphore::new(most)), Uploads::new(config));
        Self { places, overload: Overload::new(config.max_lateness), uploads, metrics }
    }

    /// May a request begin? To be asked once for each, before its body is read.
    pub(super) fn is_in_time(&self) -> bool {
        let is_late = self.overload.refuses();
        if is_late {
            self.metrics.count_shed("late");
        }
        !is_late
    }

    /// Where bodies are read.
    pub(super) fn uploads(&self) -> &Arc<Uploads> {
        &self.uploads
    }

    /// A place for a request whose body is there, until dropped.
    pub(super) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.counted(self.places.try_acquire().ok())
    }

    /// The same, for an answer that outlives its request's handler.
    pub(super) fn enter_owned(&self) -> Option<OwnedSemaphorePermit> {
        self.counted(Arc::clone(&self.places).try_acquire_owned().ok())
    }

    /// Counts a body that had to make room for others.
    pub(super) fn count_upload_shed(&self) {
        self.metrics.count_shed("reading");
    }

    fn counted<T>(&self, place: Option<T>) -> Option<T> {
        if place.is_none() {
            self.metrics.count_shed("in_flight");
        }
        place
    }
}

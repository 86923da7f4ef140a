//! Admission: decides which requests are accepted.
//!
//! There are three bounds. The first is the number of requests that this process can serve in time
//! ([`super::overload`]); it is checked before the body of a request is read. The second is the number of bodies that
//! are being read ([`super::upload`]). The third is the number of requests whose bodies have been read, whatever they
//! do, because each of them holds memory. So a client that sends its body slowly does not take the place of a request
//! that could be answered. A request that is not accepted is told to try again (`503` with `Retry-After`). Health and
//! metrics need no admission, because they are needed most during an overload.

use super::overload::Overload;
use super::upload::Uploads;
use crate::config::ServerConfig;
use crate::observe::Metrics;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The bounds on the requests of one server.
#[derive(Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    overload: Overload,
    uploads: Arc<Uploads>,
    metrics: Arc<Metrics>,
}

impl Admission {
    pub(super) fn new(config: &ServerConfig, metrics: Arc<Metrics>) -> Self {
        let most = usize::try_from(config.max_in_flight.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let (places, uploads) = (Arc::new(Semaphore::new(most)), Uploads::new(config));
        Self { places, overload: Overload::new(config.max_lateness), uploads, metrics }
    }

    /// Whether a request may begin. Call this once for each request, before its body is read.
    pub(super) fn is_in_time(&self) -> bool {
        let is_late = self.overload.refuses();
        if is_late {
            self.metrics.count_shed("late");
        }
        !is_late
    }

    /// The bodies that are being read.
    pub(super) fn uploads(&self) -> &Arc<Uploads> {
        &self.uploads
    }

    /// Takes a place for a request whose body has been read; dropping the permit frees it. `None` if all places are
    /// taken.
    pub(super) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.counted(self.places.try_acquire().ok())
    }

    /// Like [`enter`](Self::enter), for an answer that outlives the handler of its request.
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

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

/// With fewer in flight than this, nobody is refused for lateness: there is no queue to shorten, one of them is just
/// large, or the machine busy with something else.
const MIN_IN_FLIGHT: usize = 8;

/// Lets requests in.
#[derive(Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    most: usize,
    overload: Overload,
    metrics: Arc<Metrics>,
}

impl Door {
    pub(super) fn new(config: &ServerConfig, metrics: Arc<Metrics>) -> Self {
        let most = usize::try_from(config.max_in_flight.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(most)), most, overload: Overload::new(config.max_lateness), metrics }
    }

    /// A place for a request, until dropped.
    pub(super) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if self.is_in_time(self.in_flight()) { self.counted(self.places.try_acquire().ok()) } else { None }
    }

    /// The same, for an answer that outlives its request's handler.
    pub(super) fn enter_owned(&self) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(&self.places);
        if self.is_in_time(self.in_flight()) { self.counted(places.try_acquire_owned().ok()) } else { None }
    }

    /// May something begin that has a bound of its own, beside `in_flight` others of its kind?
    pub(super) fn is_in_time(&self, in_flight: usize) -> bool {
        // Asked in any case: the question is what is measured by.
        let is_late = self.overload.refuses() && in_flight >= MIN_IN_FLIGHT;
        if is_late {
            self.metrics.count_shed("late");
        }
        !is_late
    }

    fn in_flight(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }

    fn counted<T>(&self, place: Option<T>) -> Option<T> {
        if place.is_none() {
            self.metrics.count_shed("in_flight");
        }
        place
    }
}

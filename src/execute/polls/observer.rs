//! The observer to which polls report.

use crate::report::{CallRecord, MissedTick, PollObserver};
use std::sync::{Arc, PoisonError, RwLock};

/// The observer that is set now, if there is one.
#[derive(Debug, Default)]
pub(crate) struct ObserverSlot(RwLock<Option<Arc<dyn PollObserver>>>);

impl ObserverSlot {
    pub(super) fn tell(&self, observer: Arc<dyn PollObserver>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    fn with(&self, tell: impl FnOnce(&dyn PollObserver)) {
        if let Some(observer) = &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            tell(&**observer);
        }
    }

    pub(crate) fn called(&self, call: &CallRecord, is_poll: bool) {
        self.with(|observer| observer.called(call, is_poll));
    }

    pub(crate) fn event(&self) {
        self.with(|observer| observer.event());
    }

    pub(crate) fn missed(&self, why: MissedTick, ticks: u64) {
        if ticks > 0 {
            self.with(|observer| observer.missed(why, ticks));
        }
    }
}

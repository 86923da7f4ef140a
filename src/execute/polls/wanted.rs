//! Requests for an answer before the next tick, for the first event of a new subscriber.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The greatest age of the answer that a new subscriber gets first: 1 second. Subscribers who come at about the same
/// moment share it.
const WINDOW: Duration = Duration::from_secs(1);

/// The greatest age of the first answer of a subscription whose root is called once per `every`.
pub(in crate::execute) fn window(every: Duration) -> Duration {
    WINDOW.min(every)
}

/// What is wanted of a task.
#[derive(Debug, Default)]
pub(in crate::execute) struct PollRequest {
    state: Mutex<State>,
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The recency that the answer must have that is wanted at once. `None` if none is wanted.
    answer: Option<Recent>,
    /// Whether the next answer is wanted even if it equals the one before.
    next: bool,
}

/// The recency of an answer, as it is or as it must be.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Recent {
    /// When the answer was begun.
    pub(in crate::execute) began: Instant,
    /// For each source, how many writes were over then.
    pub(in crate::execute) writes: Box<[u64]>,
}

impl Recent {
    /// Whether this is at least as recent as `wanted`.
    pub(in crate::execute) fn serves(&self, wanted: &Self) -> bool {
        let mut writes = self.writes.iter().zip(&wanted.writes);
        self.began >= wanted.began && writes.all(|(own, wanted)| own >= wanted)
    }

    /// The recency that is enough for both.
    fn and(mut self, other: &Self) -> Self {
        self.began = self.began.max(other.began);
        self.writes.iter_mut().zip(&other.writes).for_each(|(own, other)| *own = (*own).max(*other));
        self
    }
}

impl PollRequest {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for an answer at once that is as recent as `wanted`.
    pub(in crate::execute) fn ask(&self, wanted: &Recent) {
        let mut state = self.state();
        let both = state.answer.take().map_or_else(|| wanted.clone(), |before| before.and(wanted));
        state.answer = Some(both);
        drop(state);
        self.asked.notify_one();
    }

    /// Asks for the next answer, without making it come sooner.
    pub(super) fn ask_next(&self) {
        self.state().next = true;
    }

    /// Waits until somebody asks.
    pub(in crate::execute) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// The recency of the answer that is wanted at once, if one is wanted.
    pub(in crate::execute) fn answer(&self) -> Option<Recent> {
        self.state().answer.clone()
    }

    /// Whether anybody waits for an answer even if it equals the one before.
    pub(super) fn is_any(&self) -> bool {
        let state = self.state();
        state.next || state.answer.is_some()
    }

    /// Notes an answer before it is published, and returns whether anybody has waited for it. A request that comes
    /// later is not served by this answer.
    pub(in crate::execute) fn given(&self, answer: &Recent) -> bool {
        let mut state = self.state();
        let is_served = state.answer.take_if(|wanted| answer.serves(wanted)).is_some();
        std::mem::take(&mut state.next) || is_served
    }

    /// Notes, before it is published, that the call for an answer was not sent. Whoever asked for the next answer still
    /// waits for it.
    pub(super) fn refused(&self, answer: &Recent) {
        self.state().answer.take_if(|wanted| answer.serves(wanted));
    }
}

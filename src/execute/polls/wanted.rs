//! Wanting an answer before the next tick: for a new subscriber's first event.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How old the answer may be that a new subscriber gets first, at most. Those who come at about the same moment share it.
const WINDOW: Duration = Duration::from_secs(1);

/// The same for a subscription that is polled so often.
pub(in crate::execute) fn window(every: Duration) -> Duration {
    WINDOW.min(every)
}

/// What is wanted of some work.
#[derive(Debug, Default)]
pub(in crate::execute) struct Wanted {
    state: Mutex<State>,
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// An answer at once.
    answer: Option<Recent>,
    /// The next answer, whatever it is.
    next: bool,
}

/// How recent an answer is, or has to be.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Recent {
    /// When it was begun.
    pub(in crate::execute) began: Instant,
    /// Of each source, how many writes were over then.
    pub(in crate::execute) writes: Box<[u64]>,
}

impl Recent {
    /// Whether it is as recent as wanted.
    pub(in crate::execute) fn serves(&self, wanted: &Self) -> bool {
        let mut writes = self.writes.iter().zip(&wanted.writes);
        self.began >= wanted.began && writes.all(|(own, wanted)| own >= wanted)
    }

    /// What serves both.
    fn and(mut self, other: &Self) -> Self {
        self.began = self.began.max(other.began);
        self.writes.iter_mut().zip(&other.writes).for_each(|(own, other)| *own = (*own).max(*other));
        self
    }
}

impl Wanted {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a recent answer, at once.
    pub(in crate::execute) fn ask(&self, wanted: &Recent) {
        let mut state = self.state();
        let both = state.answer.take().map_or_else(|| wanted.clone(), |before| before.and(wanted));
        state.answer = Some(both);
        drop(state);
        self.asked.notify_one();
    }

    /// Asks for the next answer, when it is due.
    pub(super) fn ask_next(&self) {
        self.state().next = true;
    }

    /// Waits until somebody asks.
    pub(in crate::execute) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// What is wanted at once.
    pub(in crate::execute) fn answer(&self) -> Option<Recent> {
        self.state().answer.clone()
    }

    /// Whether anybody waits for an answer, be it the same as before.
    pub(super) fn is_any(&self) -> bool {
        let state = self.state();
        state.next || state.answer.is_some()
    }

    /// Notes an answer before it is told. Has anybody waited for it? Whoever asks from now on has to be told of a later
    /// one.
    pub(in crate::execute) fn given(&self, answer: &Recent) -> bool {
        let mut state = self.state();
        let is_served = state.answer.take_if(|wanted| answer.serves(wanted)).is_some();
        std::mem::take(&mut state.next) || is_served
    }

    /// Notes, before it is told, that the call for an answer was refused here. Whoever asked for the next answer still
    /// waits for it.
    pub(super) fn refused(&self, answer: &Recent) {
        self.state().answer.take_if(|wanted| answer.serves(wanted));
    }
}

//! Polls: equal root calls of subscriptions are polled once, whoever has subscribed and by whatever operation.
//!
//! In: a rendered root call and the interval of its binding. Out: a [`Polled`], which tells the newest answer.
//! Here is the registry. One poll is `poll`, when it calls is `schedule`, what makes its calls conditional is `validator`,
//! and what it tells is `tick`; who wants an answer at once says so by `wanted`.
//! Elsewhere: what becomes of an answer ([`super::events`]); the call itself ([`crate::upstream`]).
//!
//! Always true:
//! - calls that share a poll send the same request for the same caller inputs to the same binding;
//! - a poll ends with its last subscription, and neither a panic nor a deadline ends it before;
//! - calls of one poll never overlap, and polls take at most [`PlacesOfSource`] calls of a service at once;
//! - no answer of a root is taken from the cache;
//! - at rest a poll keeps no body.

mod member;
mod observer;
mod poll;
mod schedule;
#[cfg(test)]
mod tests;
mod tick;
mod validator;
mod wanted;

pub(crate) use member::{Member, Table};
pub(super) use poll::KEPT;
pub(super) use tick::Tick;
pub(super) use wanted::{Recent, Wanted, window};

use crate::compose::{SourceId, WayId};
use crate::report::PollObserver;
use crate::upstream::{Context, CredentialScope, Request, Subgraph};
use observer::Observed;
use poll::{Poll, Polling};
use schedule::Schedule;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The calls of one service that subscriptions may have under way: half of those that the service may have, so that
/// requests have the other half whatever subscriptions do. At the limit a poll waits for its turn.
type PlacesOfSource = Arc<Semaphore>;

/// The calls that subscriptions may have under way of a source whose limit is not known.
const PLACES: usize = 128;

/// The polls of one engine.
#[derive(Debug)]
pub struct Polls {
    table: Arc<Table<PollKey, Poll>>,
    /// By [`SourceId`].
    places: Box<[PlacesOfSource]>,
    /// Are equal calls polled once?
    is_shared: bool,
    observed: Arc<Observed>,
}

/// What makes two polls equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PollKey {
    source: SourceId,
    way: WayId,
    scope: CredentialScope,
    request: Request,
    takes_redirects: bool,
    every: Duration,
}

/// A root call that is to be polled.
#[derive(Debug)]
pub(super) struct RootCall {
    pub(super) source: SourceId,
    pub(super) name: Arc<str>,
    pub(super) subgraph: Arc<dyn Subgraph>,
    pub(super) request: Request,
    pub(super) context: Context,
    pub(super) every: Duration,
    /// How long each call may take, and how long it may wait for its turn before.
    pub(super) timeout: Duration,
}

impl Default for Polls {
    fn default() -> Self {
        Self::new([], true)
    }
}

impl Polls {
    /// No polls yet. `max_in_flight`: the calls that each source may have under way, by [`SourceId`]; subscriptions have
    /// half of them. `is_shared`: whether equal calls are polled once.
    #[must_use]
    pub fn new(max_in_flight: impl IntoIterator<Item = u32>, is_shared: bool) -> Self {
        let places = max_in_flight.into_iter().map(|most| {
            let most = usize::try_from(most / 2).unwrap_or(usize::MAX);
            Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))
        });
        Self { table: Table::new(), places: places.collect(), is_shared, observed: Arc::default() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table.count()
    }

    /// Tells this observer of polls from now on, and no other one.
    pub fn tell(&self, observer: Arc<dyn PollObserver>) {
        self.observed.tell(observer);
    }

    /// Counts an event that a subscriber gets.
    pub fn count_event(&self) {
        self.observed.event();
    }

    pub(super) fn observed(&self) -> &Observed {
        &self.observed
    }

    fn places(&self, source: SourceId) -> PlacesOfSource {
        let known = self.places.get(source.index());
        known.map_or_else(|| Arc::new(Semaphore::new(PLACES)), Arc::clone)
    }

    /// Waits for a turn at each of these services. They are asked in order, so that nobody waits for each other.
    pub(super) async fn turn(&self, mut sources: Vec<SourceId>) -> Vec<OwnedSemaphorePermit> {
        sources.sort_unstable();
        sources.dedup();
        let mut turns = Vec::new();
        for source in sources {
            // It is never closed.
            turns.extend(self.places(source).acquire_owned().await);
        }
        turns
    }

    /// Joins the poll of an equal call, or begins one.
    pub(super) fn join(&self, call: RootCall) -> Polled {
        let key = PollKey {
            source: call.source,
            way: call.context.domain.way,
            scope: call.context.domain.scope.clone(),
            request: call.request.clone(),
            takes_redirects: call.context.takes_redirects,
            every: call.every,
        };
        let begin = |key: &PollKey| {
            let schedule = Schedule::new(call.every, key);
            let places = self.places(call.source);
            let (poll, polling) = Polling::new(call, schedule, places, Arc::clone(&self.observed));
            (poll, tokio::spawn(polling.run()).abort_handle())
        };
        let poll = match self.is_shared {
            true => self.table.join(key, begin),
            false => self.table.alone(begin(&key)),
        };
        Polled { ticks: poll.ticks(), poll }
    }
}

/// A subscription's part in a poll. Dropping the last one ends the poll.
pub(super) struct Polled {
    poll: Arc<Member<PollKey, Poll>>,
    ticks: watch::Receiver<Arc<Tick>>,
}

impl Polled {
    /// Waits until the poll tells something new; ends never, if the poll has ended with its runtime.
    pub(super) async fn changed(&mut self) -> Arc<Tick> {
        if self.ticks.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        Arc::clone(&self.ticks.borrow_and_update())
    }

    /// Waits for an answer that was begun at this moment or later, and after all writes that are over now. The poll calls
    /// at once if there is none.
    pub(super) async fn fresh(&mut self, began: Instant) -> Arc<Tick> {
        let wanted = Recent { began, writes: [self.poll.writes()].into() };
        loop {
            let tick = Arc::clone(&self.ticks.borrow_and_update());
            if tick.result.is_some() && self.poll.recent(&tick).serves(&wanted) {
                return tick;
            }
            self.poll.wanted().ask(&wanted);
            if self.ticks.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How recent a tick is, now.
    pub(super) fn recent(&self, tick: &Tick) -> Recent {
        self.poll.recent(tick)
    }

    /// Has the poll tell of its next call even if the answer is that of before.
    pub(super) fn tell_next(&self) {
        self.poll.wanted().ask_next();
    }
}

/// Waits until a moment; for ever, if there is none.
pub(super) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

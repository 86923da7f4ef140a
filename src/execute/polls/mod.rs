//! Polls: equal root calls of subscriptions are polled once, whoever has subscribed and with whatever operation.
//!
//! In: a rendered root call and the interval of its binding. Out: a [`PollShare`], which gives the newest answer.
//! Here is the registry. `poll` is one poll, `schedule` says when it calls, `validator` makes its calls conditional,
//! `tick` is the outcome of a call, and by `wanted` a subscriber asks for an answer before the next tick.
//! Elsewhere: how an answer becomes an event ([`super::events`]); the call itself ([`crate::upstream`]).
//!
//! Always true:
//! - calls that share a poll send the same request to the same binding, with the same inputs from the caller;
//! - a poll ends with its last subscription; neither a panic nor a deadline ends it earlier;
//! - calls of one poll never overlap, and polls have at most [`PlacesOfSource`] calls of a service in flight at once;
//! - no answer of a root comes from the cache;
//! - a poll keeps a body for at most one second, except that of a failure (at most 4 KiB) while the service wants no
//!   calls.

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
pub(super) use wanted::{PollRequest, Recent, window};

use crate::compose::{SourceId, WayId};
use crate::report::PollObserver;
use crate::upstream::{Context, CredentialScope, Request, Subgraph};
use observer::ObserverSlot;
use poll::{Poll, PollTask};
use schedule::Schedule;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many calls to one service subscriptions may have in flight: half of the service's own limit, so that the other
/// half is always left for requests. At the limit, a poll waits for its turn.
type PlacesOfSource = Arc<Semaphore>;

/// How many calls subscriptions may have in flight to a source whose limit is not known.
const PLACES: usize = 128;

/// The polls of one engine.
#[derive(Debug)]
pub struct Polls {
    table: Arc<Table<PollKey, Poll>>,
    /// The places of each source, by [`SourceId`].
    places: Box<[PlacesOfSource]>,
    /// Whether equal calls are polled once.
    is_shared: bool,
    observed: Arc<ObserverSlot>,
}

/// The properties by which two polls are equal.
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
    /// How long each call may take, and how long it may wait for its turn before that.
    pub(super) timeout: Duration,
}

impl Default for Polls {
    fn default() -> Self {
        Self::new([], true)
    }
}

impl Polls {
    /// A registry without polls. `max_in_flight`: the number of calls that each source may have in flight, by
    /// [`SourceId`]; subscriptions get half of them. `is_shared`: whether equal calls are polled once.
    #[must_use]
    pub fn new(max_in_flight: impl IntoIterator<Item = u32>, is_shared: bool) -> Self {
        let places = max_in_flight.into_iter().map(|most| {
            let most = usize::try_from(most / 2).unwrap_or(usize::MAX);
            Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))
        });
        Self { table: Table::new(), places: places.collect(), is_shared, observed: Arc::default() }
    }

    /// The number of polls that others can join.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table.count()
    }

    /// Sets the observer of polls. It replaces the one before.
    pub fn tell(&self, observer: Arc<dyn PollObserver>) {
        self.observed.tell(observer);
    }

    /// Reports an event that a subscriber gets.
    pub fn count_event(&self) {
        self.observed.event();
    }

    pub(super) fn observed(&self) -> &ObserverSlot {
        &self.observed
    }

    fn places(&self, source: SourceId) -> PlacesOfSource {
        let known = self.places.get(source.index());
        known.map_or_else(|| Arc::new(Semaphore::new(PLACES)), Arc::clone)
    }

    /// Waits for a turn at each of these services. They are always asked in the same order, so that there is no
    /// deadlock.
    pub(super) async fn turn(&self, mut sources: Vec<SourceId>) -> Vec<OwnedSemaphorePermit> {
        sources.sort_unstable();
        sources.dedup();
        let mut turns = Vec::new();
        for source in sources {
            // The semaphore is never closed, so this cannot fail.
            turns.extend(self.places(source).acquire_owned().await);
        }
        turns
    }

    /// Joins the poll of an equal call, or begins one.
    pub(super) fn join(&self, call: RootCall) -> PollShare {
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
            let (poll, polling) = PollTask::new(call, schedule, places, Arc::clone(&self.observed));
            (poll, tokio::spawn(polling.run()).abort_handle())
        };
        let poll = match self.is_shared {
            true => self.table.join(key, begin),
            false => self.table.alone(begin(&key)),
        };
        PollShare { ticks: poll.ticks(), poll }
    }
}

/// A subscription's share in a poll. The poll ends when the last share is dropped.
pub(super) struct PollShare {
    poll: Arc<Member<PollKey, Poll>>,
    ticks: watch::Receiver<Arc<Tick>>,
}

impl PollShare {
    /// Waits until the poll gives a new tick. If the poll has ended with its runtime, this never returns.
    pub(super) async fn changed(&mut self) -> Arc<Tick> {
        if self.ticks.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        Arc::clone(&self.ticks.borrow_and_update())
    }

    /// Waits for an answer that was begun at this moment or later, and after all writes that are over now. If there is
    /// none, the poll calls at once.
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

    /// The recency that a tick has now.
    pub(super) fn recent(&self, tick: &Tick) -> Recent {
        self.poll.recent(tick)
    }

    /// Makes the poll give a tick for its next call even if the answer is the same as before.
    pub(super) fn tell_next(&self) {
        self.poll.wanted().ask_next();
    }
}

/// Waits until a moment. Without one, this never returns.
pub(super) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

//! Flights: equal reads in flight become one call.
//!
//! In: a source, and calls to it. Out: the same answers, with fewer calls; those who joined get
//! [`Answer::is_shared`].
//! Elsewhere: what an equal call is made of ([`BatchDomain`]: the planner); the call itself (the wrapped source).
//!
//! A flight belongs to its table, not to its first caller: it runs in a task of its own, is limited by
//! [`FlightOptions::timeout`] and is cancelled when its last waiter leaves. Every waiter keeps its own deadline.
//! Correlation (`x-request-id`, `traceparent`) goes out as that of the first caller.
//!
//! Always true:
//! - who shares an answer has asked for the same bytes in the same batch domain, credential scope included;
//! - only reads are shared; errors are shared as they are, and nothing outlives its flight: a call that comes after
//!   the answer is a new call;
//! - a call with [`Context::not_before`] joins no flight begun before that.

use super::domain::{BatchDomain, CredentialScope};
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How calls are shared: `services.<name>.flights` in the configuration file.
#[derive(Debug, Clone)]
pub struct FlightOptions {
    /// Are equal reads in flight shared at all? Default: yes.
    pub enabled: bool,
    /// Flights at once; when there are so many, further calls are made unshared. Default: 4096 flights.
    pub max_flights: usize,
    /// Longest life of a flight, whatever its waiters' deadlines: the service's timeout and the longest wait for a
    /// slot. Default: 3 s. At the limit all waiters get a timeout.
    pub timeout: Duration,
    /// **For the isolation test only**: shares between credential scopes, which is the one thing that must never
    /// happen. The test sets it to prove that it would notice. Default: no.
    pub ignore_scope: bool,
}

impl Default for FlightOptions {
    fn default() -> Self {
        Self { enabled: true, max_flights: 4096, timeout: Duration::from_secs(3), ignore_scope: false }
    }
}

/// A source whose equal reads in flight are shared. Clones share one table; two sources never do.
#[derive(Debug)]
pub struct Shared<S: ?Sized> {
    flights: Arc<Flights>,
    source: Arc<S>,
}

impl<S: ?Sized> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self { flights: Arc::clone(&self.flights), source: Arc::clone(&self.source) }
    }
}

impl<S: Subgraph + ?Sized> Shared<S> {
    /// Shares the calls to `source`, named `service` in errors.
    #[must_use]
    pub fn new(service: impl Into<Arc<str>>, source: Arc<S>, options: FlightOptions) -> Self {
        let flights = Flights { service: service.into(), options, table: Mutex::default() };
        Self { flights: Arc::new(flights), source }
    }

    /// How many flights are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.table().under_way
    }
}

impl<S: Subgraph + ?Sized + 'static> Subgraph for Shared<S> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        if !ctx.is_safe || !self.flights.options.enabled {
            return self.source.call(request, ctx);
        }
        let (flights, source) = (Arc::clone(&self.flights), Arc::clone(&self.source));
        // Boarding happens when the future is first polled: one that is never polled makes no call.
        Box::pin(async move {
            let deadline = Instant::from_std(ctx.deadline);
            if deadline <= Instant::now() {
                return Err(flights.error(CallErrorKind::Timeout, "the deadline has passed before sending"));
            }
            match flights.board(&request, &ctx) {
                None => source.call(request, ctx).await,
                Some(Boarded { outcome, begun: Some(pilot) }) => {
                    tokio::spawn(pilot.fly(source, request, ctx));
                    wait(&flights, outcome, deadline).await
                }
                Some(Boarded { outcome, begun: None }) => {
                    let mut answer = wait(&flights, outcome, deadline).await?;
                    mark_shared(&mut answer);
                    Ok(answer)
                }
            }
        })
    }
}

/// What makes two calls equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FlightKey {
    domain: BatchDomain,
    /// With its headers: whatever is sent is compared, even if a scope should forget it.
    request: Request,
}

impl FlightKey {
    fn new(request: &Request, domain: &BatchDomain, ignore_scope: bool) -> Self {
        let mut key = Self { domain: domain.clone(), request: request.clone() };
        if ignore_scope {
            key.domain.scope = CredentialScope::Public;
            match &mut key.request {
                Request::Http { headers, .. } | Request::GraphQl { headers, .. } => headers.clear(),
            }
        }
        key
    }
}

type Outcome = Option<Result<Answer, CallError>>;

/// What the table knows of a flight that can be joined.
#[derive(Debug)]
struct Flight {
    /// Tells a flight from a later one under the same key.
    id: u64,
    began: Instant,
    /// Its receivers are the waiters.
    outcome: Arc<watch::Sender<Outcome>>,
}

#[derive(Debug, Default)]
struct Table {
    flights: HashMap<Arc<FlightKey>, Flight>,
    /// Tasks under way: the flights above, and those that a younger one has replaced under their key.
    under_way: usize,
    next_id: u64,
}

#[derive(Debug)]
struct Flights {
    service: Arc<str>,
    options: FlightOptions,
    /// Held for a few map operations at a time, never over an await, a spawn or code of others.
    table: Mutex<Table>,
}

impl Flights {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, kind: CallErrorKind, cause: &str) -> CallError {
        CallError::new(&self.service, kind, cause)
    }

    /// Joins an equal flight, or begins one; `None`: there are too many.
    fn board(self: &Arc<Self>, request: &Request, ctx: &Context) -> Option<Boarded> {
        let key = Arc::new(FlightKey::new(request, &ctx.domain, self.options.ignore_scope));
        let not_before = ctx.not_before.map(Instant::from_std);
        let mut table = self.table();
        if let Some(flight) = table.flights.get(&key)
            && not_before.is_none_or(|instant| flight.began >= instant)
        {
            return Some(Boarded { outcome: flight.outcome.subscribe(), begun: None });
        }
        if table.under_way >= self.options.max_flights {
            return None;
        }
        let (sender, receiver) = watch::channel(None);
        let (id, began, sender) = (table.next_id, Instant::now(), Arc::new(sender));
        table.next_id += 1;
        table.under_way += 1;
        table.flights.insert(Arc::clone(&key), Flight { id, began, outcome: Arc::clone(&sender) });
        let pilot =
            Pilot { flights: Arc::clone(self), key, id, limit: began + self.options.timeout, sender, result: None };
        Some(Boarded { outcome: receiver, begun: Some(pilot) })
    }
}

/// A waiter's place, and the flight itself if it has just begun.
struct Boarded {
    outcome: watch::Receiver<Outcome>,
    begun: Option<Pilot>,
}

/// The task's side of a flight. Dropping it ends the flight: nobody can join any more, all waiters get the result.
struct Pilot {
    flights: Arc<Flights>,
    key: Arc<FlightKey>,
    id: u64,
    limit: Instant,
    sender: Arc<watch::Sender<Outcome>>,
    result: Outcome,
}

impl Pilot {
    /// Makes the call, unless and until nobody waits for it.
    async fn fly<S: Subgraph + ?Sized>(mut self, source: Arc<S>, request: Request, ctx: Context) {
        let ctx = Context { deadline: self.limit.into_std(), not_before: None, ..ctx };
        let mut call = pin!(timeout_at(self.limit, source.call(request, ctx)));
        let result = loop {
            tokio::select! {
                biased;
                result = &mut call => break result,
                () = self.sender.closed() => if self.is_abandoned() { return },
            }
        };
        let passed = |_| Err(self.flights.error(CallErrorKind::Timeout, "the flight's timeout passed"));
        self.result = Some(result.unwrap_or_else(passed));
    }

    /// Has the last waiter left? Then the flight is taken out, so that nobody boards what is being cancelled.
    fn is_abandoned(&self) -> bool {
        let mut table = self.flights.table();
        // Waiters board under the lock: with the lock held and none there, none can come.
        let is_empty = self.sender.receiver_count() == 0;
        if is_empty {
            table.remove(&self.key, self.id);
        }
        is_empty
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        table.remove(&self.key, self.id);
        table.under_way -= 1;
        drop(table);
        // Without a result the call has panicked, or the runtime shuts down.
        let lost = || Err(self.flights.error(CallErrorKind::Unreachable, "the call was given up"));
        let result = self.result.take().unwrap_or_else(lost);
        self.sender.send_replace(Some(result));
    }
}

impl Table {
    /// Takes a flight out, unless a younger one has its place.
    fn remove(&mut self, key: &Arc<FlightKey>, id: u64) {
        if self.flights.get(key).is_some_and(|flight| flight.id == id) {
            self.flights.remove(key);
        }
    }
}

/// Waits for the end of a flight. Dropping the receiver, here or by dropping this future, leaves the flight.
async fn wait(
    flights: &Flights,
    mut outcome: watch::Receiver<Outcome>,
    deadline: Instant,
) -> Result<Answer, CallError> {
    match timeout_at(deadline, outcome.wait_for(Option::is_some)).await {
        Ok(Ok(landed)) => match &*landed {
            Some(result) => result.clone(),
            None => Err(flights.error(CallErrorKind::Unreachable, "the flight was lost")),
        },
        Ok(Err(_)) => Err(flights.error(CallErrorKind::Unreachable, "the flight was lost")),
        Err(_) => Err(flights.error(CallErrorKind::Timeout, "the deadline passed in flight")),
    }
}

fn mark_shared(answer: &mut Answer) {
    answer.is_shared = true;
    answer.calls.iter_mut().for_each(|call| call.is_shared = true);
}

#[cfg(test)]
#[path = "flights_tests.rs"]
mod tests;

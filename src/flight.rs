//! Flights: equal work that is under way is done once.
//!
//! In: a key, which holds everything that could change the outcome, and the work. Out: one outcome for all who wait.
//! Elsewhere: what an equal call is ([`crate::upstream`]); what an equal operation is ([`crate::engine`]).
//!
//! A flight belongs to its table, not to the waiter that began it. It runs in a task of its own, ends at its limit, and
//! is cancelled when its last waiter leaves. Each waiter keeps its own deadline.
//!
//! Always true:
//! - waiters share an outcome only if their keys are equal;
//! - an outcome ends its flight: a waiter that comes later begins a new one;
//! - a waiter can demand that the flight began no earlier than some instant.

use crate::defaults;
use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How equal work in flight is shared.
#[derive(Debug, Clone)]
pub struct FlightOptions {
    /// Whether equal work is shared. Default: yes.
    pub enabled: bool,
    /// How many flights there may be at once. Further work is done without sharing. Default: 4096 flights.
    pub max_flights: usize,
    /// How long a shared call may take, whatever the deadlines of its waiters are: the service's timeout and the
    /// longest wait for a slot. At this limit all waiters get a timeout. Shared operations end with the deadline under
    /// which they began instead. Default: 3 s.
    pub timeout: Duration,
    /// **For the isolation test only**: shares between credential scopes, which is the one thing that must never
    /// happen. The test sets it to prove that it would notice. Default: no.
    #[cfg(any(test, feature = "ignore-scope"))]
    pub ignore_scope: bool,
}

impl Default for FlightOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            max_flights: 4096,
            timeout: defaults::REQUEST_TIMEOUT,
            #[cfg(any(test, feature = "ignore-scope"))]
            ignore_scope: false,
        }
    }
}

impl FlightOptions {
    /// Whether credential scopes are left out of keys: only a test can ask for it.
    #[cfg(any(test, feature = "ignore-scope"))]
    pub(crate) fn ignores_scope(&self) -> bool {
        self.ignore_scope
    }

    /// Whether credential scopes are left out of keys: never, in a program.
    #[cfg(not(any(test, feature = "ignore-scope")))]
    pub(crate) fn ignores_scope(&self) -> bool {
        false
    }
}

/// Why a waiter has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlightError {
    /// The flight's limit passed.
    Limit,
    /// The waiter's deadline passed.
    Deadline,
    /// The work has panicked, or the runtime shuts down.
    GivenUp,
}

/// The terms of a waiter: which flights it may join, and how long a new one may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// A flight that is joined began no earlier than this.
    pub(crate) not_before: Option<Instant>,
    /// A flight that is joined ends no later than this.
    pub(crate) ends_by: Option<Instant>,
    /// When a new flight ends.
    pub(crate) limit: Instant,
}

/// How a waiter came on board.
pub(crate) enum Boarding<K: Eq + Hash, T> {
    /// It joined a flight that another waiter began.
    Joined(Seat<T>),
    /// It began a flight, whose work the pilot does.
    Begun(Seat<T>, Pilot<K, T>),
}

type Outcome<T> = Option<Result<T, FlightError>>;

/// A waiter's place. Dropping it leaves the flight.
pub(crate) struct Seat<T>(watch::Receiver<Outcome<T>>);

impl<T: Clone> Seat<T> {
    /// Waits for the outcome.
    pub(crate) async fn wait(mut self, deadline: Instant) -> Result<T, FlightError> {
        match timeout_at(deadline, self.0.wait_for(Option::is_some)).await {
            Ok(Ok(landed)) => landed.clone().unwrap_or(Err(FlightError::GivenUp)),
            Ok(Err(_)) => Err(FlightError::GivenUp),
            Err(_) => Err(FlightError::Deadline),
        }
    }
}

/// A flight that can be joined, as the table holds it.
#[derive(Debug)]
struct Flight<T> {
    /// Tells a flight from a later one under the same key.
    id: u64,
    began: Instant,
    limit: Instant,
    /// Sends the outcome; each waiter holds a receiver.
    outcome: Arc<watch::Sender<Outcome<T>>>,
}

#[derive(Debug)]
struct Table<K, T> {
    flights: HashMap<Arc<K>, Flight<T>, ahash::RandomState>,
    /// How many tasks run: those of the flights above, and those of flights that were replaced by younger ones.
    under_way: usize,
    next_id: u64,
}

impl<K: Eq + Hash, T> Table<K, T> {
    /// Takes a flight out, unless a younger one has its place.
    fn remove(&mut self, key: &Arc<K>, id: u64) {
        if self.flights.get(key).is_some_and(|flight| flight.id == id) {
            self.flights.remove(key);
        }
    }
}

/// The flights of one kind.
#[derive(Debug)]
pub(crate) struct Flights<K, T> {
    max: usize,
    /// Locked for a few operations on the map at a time; never across an await, a spawn or a callback.
    table: Mutex<Table<K, T>>,
}

impl<K: Eq + Hash, T> Flights<K, T> {
    /// Makes an empty table for `max` flights at once.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let table = Table { flights: HashMap::default(), under_way: 0, next_id: 0 };
        Arc::new(Self { max, table: Mutex::new(table) })
    }

    /// How many are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.table().under_way
    }

    fn table(&self) -> MutexGuard<'_, Table<K, T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins an equal flight, or begins one; `None` if there are too many.
    pub(crate) fn board(self: &Arc<Self>, key: K, terms: Terms) -> Option<Boarding<K, T>> {
        let mut table = self.table();
        if let Some(flight) = table.flights.get(&key)
            && terms.not_before.is_none_or(|instant| flight.began >= instant)
            && terms.ends_by.is_none_or(|instant| flight.limit <= instant)
        {
            return Some(Boarding::Joined(Seat(flight.outcome.subscribe())));
        }
        if table.under_way >= self.max {
            return None;
        }
        let (key, (sender, receiver)) = (Arc::new(key), watch::channel(None));
        let (id, sender) = (table.next_id, Arc::new(sender));
        let flight = Flight { id, began: Instant::now(), limit: terms.limit, outcome: Arc::clone(&sender) };
        table.next_id += 1;
        table.under_way += 1;
        table.flights.insert(Arc::clone(&key), flight);
        let pilot = Pilot { flights: Arc::clone(self), key, id, limit: terms.limit, sender, result: None };
        Some(Boarding::Begun(Seat(receiver), pilot))
    }
}

/// The side of a flight that does its work. When it is dropped, the flight ends: nobody can join it any more, and all
/// waiters get the result.
pub(crate) struct Pilot<K: Eq + Hash, T> {
    flights: Arc<Flights<K, T>>,
    key: Arc<K>,
    id: u64,
    limit: Instant,
    sender: Arc<watch::Sender<Outcome<T>>>,
    result: Outcome<T>,
}

impl<K: Eq + Hash, T> Pilot<K, T> {
    /// Does the work, and stops when nobody waits for it any more.
    pub(crate) async fn fly(mut self, work: impl Future<Output = T>) {
        let mut work = pin!(timeout_at(self.limit, work));
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                () = self.sender.closed() => if self.is_abandoned() { return },
            }
        };
        self.result = Some(result.map_err(|_| FlightError::Limit));
    }

    /// Takes the flight out of the table if its last waiter has left, and returns whether it did. So nobody joins a
    /// flight that is being cancelled.
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

impl<K: Eq + Hash, T> Drop for Pilot<K, T> {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        table.remove(&self.key, self.id);
        table.under_way -= 1;
        drop(table);
        let result = self.result.take().unwrap_or(Err(FlightError::GivenUp));
        self.sender.send_replace(Some(result));
    }
}

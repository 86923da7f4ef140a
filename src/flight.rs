//! Flights: equal work that is under way is done once.
//!
//! In: a key, which holds everything that could change the outcome, and the work. Out: one outcome for all who wait.
//! Elsewhere: what an equal call is ([`crate::upstream`]); what an equal operation is ([`crate::engine`]).
//!
//! A flight belongs to its table, not to who began it: it runs in a task of its own, ends at its limit, and is cancelled
//! when its last waiter leaves. Every waiter keeps its own deadline.
//!
//! Always true:
//! - who shares an outcome has brought an equal key;
//! - nothing outlives its flight: who comes after the outcome begins a new one;
//! - who boards with an earliest beginning joins nothing begun before that.

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
    /// Is it shared at all? Default: yes.
    pub enabled: bool,
    /// Flights at once; when there are so many, further work is done unshared. Default: 4096 flights.
    pub max_flights: usize,
    /// Longest life of a shared call, whatever its waiters' deadlines: the service's timeout and the longest wait for a
    /// slot. Default: 3 s. At the limit all waiters get a timeout. Operations end with the deadline they began under.
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

/// Why a waiter has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The flight's limit passed.
    Limit,
    /// The waiter's deadline passed.
    Deadline,
    /// The work has panicked, or the runtime shuts down.
    GivenUp,
}

/// What a flight must be like to be joined, and how long one lives that has to be begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// It began no earlier than this.
    pub(crate) not_before: Option<Instant>,
    /// Its limit is no later than this.
    pub(crate) ends_by: Option<Instant>,
    /// The limit of a new one.
    pub(crate) limit: Instant,
}

/// What was found on board.
pub(crate) enum Boarded<K: Eq + Hash, T> {
    /// Somebody else's flight.
    Joined(Seat<T>),
    /// A new one, and the task's side of it.
    Begun(Seat<T>, Pilot<K, T>),
}

type Outcome<T> = Option<Result<T, Lost>>;

/// A waiter's place. Dropping it leaves the flight.
pub(crate) struct Seat<T>(watch::Receiver<Outcome<T>>);

impl<T: Clone> Seat<T> {
    /// Waits for the outcome.
    pub(crate) async fn wait(mut self, deadline: Instant) -> Result<T, Lost> {
        match timeout_at(deadline, self.0.wait_for(Option::is_some)).await {
            Ok(Ok(landed)) => landed.clone().unwrap_or(Err(Lost::GivenUp)),
            Ok(Err(_)) => Err(Lost::GivenUp),
            Err(_) => Err(Lost::Deadline),
        }
    }
}

/// What the table knows of a flight that can be joined.
#[derive(Debug)]
struct Flight<T> {
    /// Tells a flight from a later one under the same key.
    id: u64,
    began: Instant,
    limit: Instant,
    /// Its receivers are the waiters.
    outcome: Arc<watch::Sender<Outcome<T>>>,
}

#[derive(Debug)]
struct Table<K, T> {
    flights: HashMap<Arc<K>, Flight<T>, ahash::RandomState>,
    /// Tasks under way: the flights above, and those that a younger one has replaced under their key.
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
    /// Held for a few map operations at a time, never over an await, a spawn or code of others.
    table: Mutex<Table<K, T>>,
}

impl<K: Eq + Hash, T> Flights<K, T> {
    /// An empty table; `max` flights at once.
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

    /// Joins an equal flight, or begins one; `None`: there are too many.
    pub(crate) fn board(self: &Arc<Self>, key: K, terms: Terms) -> Option<Boarded<K, T>> {
        let mut table = self.table();
        if let Some(flight) = table.flights.get(&key)
            && terms.not_before.is_none_or(|instant| flight.began >= instant)
            && terms.ends_by.is_none_or(|instant| flight.limit <= instant)
        {
            return Some(Boarded::Joined(Seat(flight.outcome.subscribe())));
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
        Some(Boarded::Begun(Seat(receiver), pilot))
    }
}

/// The task's side of a flight. Dropping it ends the flight: nobody can join any more, all waiters get the result.
pub(crate) struct Pilot<K: Eq + Hash, T> {
    flights: Arc<Flights<K, T>>,
    key: Arc<K>,
    id: u64,
    limit: Instant,
    sender: Arc<watch::Sender<Outcome<T>>>,
    result: Outcome<T>,
}

impl<K: Eq + Hash, T> Pilot<K, T> {
    /// Does the work, unless and until nobody waits for it.
    pub(crate) async fn fly(mut self, work: impl Future<Output = T>) {
        let mut work = pin!(timeout_at(self.limit, work));
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                () = self.sender.closed() => if self.is_abandoned() { return },
            }
        };
        self.result = Some(result.map_err(|_| Lost::Limit));
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

impl<K: Eq + Hash, T> Drop for Pilot<K, T> {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        table.remove(&self.key, self.id);
        table.under_way -= 1;
        drop(table);
        let result = self.result.take().unwrap_or(Err(Lost::GivenUp));
        self.sender.send_replace(Some(result));
    }
}

//! The open connections of one listener: how many there may be, and which one ends for a new one.
//!
//! In: connections that the system has handed over. Out: a place for each.
//! Elsewhere: how long a connection has waited for its client ([`super::idle`]); serving it ([`super::serve()`]).
//!
//! When all places are taken, the connection that has waited for its client the longest is ended: for its next request,
//! for the rest of a head or of a body, or for the client to take its answer. So a crowd of silent or slow connections
//! keeps nobody out. Connections that wait for us, streams among them, are never ended for another: when no other place
//! becomes free for [`WAIT`], new connections get none.
//!
//! Always true: there are never more connections with a place than may be.

use super::idle::Idle;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long a client may take at least, however many others come.
const PATIENCE: Duration = Duration::from_millis(250);

/// How soon a new connection without a place looks for one again.
const AGAIN: Duration = Duration::from_millis(20);

/// How long new connections wait for a place, from the moment on at which all were taken. Then they are refused, until
/// there is one.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// The pause between two lines in the log that say that all places are taken.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// The open connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    /// What the times of all of them are measured from.
    epoch: Instant,
    places: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Arc<Idle>, ahash::RandomState>,
    /// Since when there has been no place for a new one.
    full: Option<Instant>,
    warned: Option<Instant>,
}

impl Connections {
    /// Room for so many.
    pub(super) fn new(most: u32) -> Arc<Self> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        Arc::new(Self { epoch: Instant::now(), places, table: Mutex::default() })
    }

    /// A place, if one is free.
    pub(super) fn try_admit(self: &Arc<Self>) -> Option<Connection> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(|place| self.open(place))
    }

    /// Waits for a place; while there is none, connections that wait for their clients are told to end. `None`: all are
    /// taken, and have been for [`WAIT`].
    pub(super) async fn admit(self: &Arc<Self>) -> Option<Connection> {
        loop {
            if let Some(connection) = self.try_admit() {
                return Some(connection);
            }
            let (is_ending, has_waited) = (self.end_idlest(), self.has_been_full());
            if has_waited && !is_ending {
                return None;
            }
            if let Ok(Ok(place)) = timeout(AGAIN, Arc::clone(&self.places).acquire_owned()).await {
                return Some(self.open(place));
            }
            if has_waited {
                return None;
            }
        }
    }

    /// Has there been no place for long?
    fn has_been_full(&self) -> bool {
        let now = Instant::now();
        now.saturating_duration_since(*self.table().full.get_or_insert(now)) >= WAIT
    }

    fn open(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Connection {
        let idle = Idle::new(self.epoch);
        let mut table = self.table();
        table.full = None;
        let number = table.next;
        table.next += 1;
        table.open.insert(number, Arc::clone(&idle));
        Connection { idle, number, connections: Arc::clone(self), _place: place }
    }

    /// Tells the connection to end that has waited for its client the longest, if one has waited long enough.
    fn end_idlest(&self) -> bool {
        let mut table = self.table();
        let now = Instant::now();
        let waiting = table.open.values().filter_map(|idle| Some((idle.waiting_since()?, idle)));
        let longest = waiting.min_by_key(|(since, _)| *since);
        let Some((_, idle)) = longest.filter(|(since, _)| now.saturating_duration_since(*since) >= PATIENCE) else {
            return false;
        };
        idle.end();
        if table.warned.is_none_or(|warned| now.saturating_duration_since(warned) >= WARN_EVERY) {
            table.warned = Some(now);
            tracing::warn!(
                connections = table.open.len(),
                "all connections are taken: the idlest ends for the new one (`server.max_connections`)"
            );
        }
        true
    }

    /// Held for a walk over numbers, never over an await.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection with a place, which it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    idle: Arc<Idle>,
    number: u64,
    connections: Arc<Connections>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn idle(&self) -> &Arc<Idle> {
        &self.idle
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::time::advance;

    async fn admit(connections: &Arc<Connections>) -> Connection {
        connections.admit().await.expect("a place")
    }

    async fn told(connection: &Connection) -> bool {
        connection.idle().told_to_end().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_has_waited_the_longest_ends_for_a_new_one() {
        let connections = Connections::new(3);
        let oldest = admit(&connections).await;
        advance(Duration::from_secs(1)).await;
        let (busy, last) = (admit(&connections).await, admit(&connections).await);
        let _request = busy.idle().request();
        // Its request ends now: so it waits for the next one from now on.
        drop(oldest.idle().request());
        advance(Duration::from_secs(1)).await;
        drop(last.idle().request());
        advance(Duration::from_secs(1)).await;
        assert!(timeout(Duration::from_millis(50), connections.admit()).await.is_err(), "nobody has left");
        assert!(told(&oldest).await && !told(&busy).await && !told(&last).await);
        drop(oldest);
        assert!(connections.admit().now_or_never().flatten().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_its_answer_is_waited_for_too() {
        let connections = Connections::new(1);
        let only = admit(&connections).await;
        let _request = only.idle().request();
        assert!(connections.admit().await.is_none(), "its request is being answered");
        only.idle().stalls();
        assert!(connections.admit().await.is_none());
        assert!(!told(&only).await, "it has just begun to");
        only.idle().flows();
        assert!(connections.admit().await.is_none());
        assert!(!told(&only).await, "it took some");
        only.idle().stalls();
        advance(PATIENCE).await;
        assert!(connections.admit().await.is_none());
        assert!(told(&only).await);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_have_just_come_are_given_time() {
        let connections = Connections::new(1);
        let first = admit(&connections).await;
        assert!(timeout(PATIENCE - 2 * AGAIN, connections.admit()).await.is_err());
        assert!(!told(&first).await);
        assert!(timeout(4 * AGAIN, connections.admit()).await.is_err());
        assert!(told(&first).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_while_all_places_have_been_taken_for_long_is_refused_at_once() {
        let connections = Connections::new(1);
        let only = admit(&connections).await;
        let request = only.idle().request();
        let (began, waiting) = (Instant::now(), connections.admit());
        assert!(waiting.await.is_none() && began.elapsed() >= WAIT);
        assert!(connections.admit().now_or_never().is_some_and(|place| place.is_none()), "at once");
        drop((request, only));
        let next = admit(&connections).await;
        let _request = next.idle().request();
        let began = Instant::now();
        assert!(connections.admit().await.is_none() && began.elapsed() >= WAIT, "it waits anew");
    }
}

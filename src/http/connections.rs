//! The open connections of one listener: how many there may be, and which one is ended to make room for a new one.
//!
//! In: accepted connections. Out: a place for each of them.
//! Elsewhere: how long a connection has waited for its client ([`super::idle`]); serving connections
//! ([`super::serve()`]).
//!
//! When all places are taken, the connection that has waited longest for its client is ended. It may have waited for
//! the next request, for the rest of a head or of a body, or for the client to read its answer. Therefore even a crowd
//! of silent or slow connections keeps no client out. A connection whose client waits for this process, such as a
//! stream, is never ended for another one. When no place becomes free for [`WAIT`], new connections get none.
//!
//! Always true: the number of connections with a place never exceeds the limit.

use super::idle::Idle;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long a connection may wait for its client before it can be ended for a new one.
const PATIENCE: Duration = Duration::from_millis(250);

/// The pause between two attempts to find a place for a new connection.
const AGAIN: Duration = Duration::from_millis(20);

/// How long new connections wait for a place, counted from the moment at which all places were taken. After that, new
/// connections are refused until a place is free.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// The least pause between two log lines that say that all places are taken.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// The open connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    /// The instant from which the times of all connections are measured.
    epoch: Instant,
    places: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Arc<Idle>, ahash::RandomState>,
    /// Since when there has been no place for a new connection.
    full: Option<Instant>,
    warned: Option<Instant>,
}

impl Connections {
    /// Makes room for `most` connections.
    pub(super) fn new(most: u32) -> Arc<Self> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        Arc::new(Self { epoch: Instant::now(), places, table: Mutex::default() })
    }

    /// Takes a place, if one is free.
    pub(super) fn try_admit(self: &Arc<Self>) -> Option<Connection> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(|place| self.open(place))
    }

    /// Waits for a place. While there is none, connections that wait for their clients are told to end. `None` if all
    /// places have been taken for [`WAIT`].
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

    /// Whether all places have been taken for [`WAIT`].
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

    /// Tells the connection that has waited longest for its client to end. Returns false if none has waited for
    /// [`PATIENCE`].
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

    /// Locks the table. The lock is held for a walk over the connections, never across an await.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection, which becomes free when this is dropped.
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
        // Its request ends now, so it waits for the next one only from now on.
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

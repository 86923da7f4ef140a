//! The connections to one host that no call uses at the moment.
//!
//! Always true: no call gets a connection that is older than `max_age`, or that has been idle for `idle_timeout`.

use super::super::client::{ClientOptions, HYPER_MAX_HEADERS};
use super::DirectError;
use super::connect::Connect;
use super::connection::Connection;
use hyper::client::conn::http1;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

/// The longest pause between two searches for connections to close. It is limited because a connection that is put back
/// during the pause may have to be closed before those that were there.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) connect: Connect,
    idle_timeout: Duration,
    max_age: Duration,
    max_idle: usize,
    builder: http1::Builder,
    /// The lock is held for a push or a pop, never across an await.
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
pub(super) struct Idle {
    /// The idle connections; the one that was used last is at the end. A call takes the last one that belongs to its
    /// own runtime: with a connection of another runtime, each answer would have to wake a second thread.
    pub(super) connections: VecDeque<Box<Connection>>,
    has_reaper: bool,
}

impl Pool {
    pub(super) fn new(connect: Connect, options: &ClientOptions) -> Self {
        let mut builder = http1::Builder::new();
        // The builder adapts how much it reads at once to earlier reads, which suits a host
        // whose answers are similar in size.
        builder.max_header_size(options.max_header_bytes);
        if options.max_headers != HYPER_MAX_HEADERS {
            builder.max_headers(options.max_headers);
        }
        Self {
            connect,
            idle_timeout: options.idle_timeout,
            max_age: options.max_age,
            max_idle: options.max_idle_per_host,
            builder,
            idle: Mutex::default(),
        }
    }

    /// Takes a connection that is still open and has been idle for at most `max_idle`.
    pub(super) fn take(&self, max_idle: Duration) -> Option<Box<Connection>> {
        let here = Handle::current().id();
        loop {
            let mut idle = self.idle();
            let last = idle.connections.iter().rposition(|connection| connection.runtime == here)?;
            if idle.connections[last].idle_since.elapsed() > max_idle {
                return None;
            }
            let mut connection = idle.connections.remove(last)?;
            drop(idle);
            if Instant::now() < self.end_of(&connection) && connection.is_free() {
                return Some(connection);
            }
        }
    }

    /// Makes a new connection.
    pub(super) async fn connect(&self) -> Result<Box<Connection>, DirectError> {
        Connection::begin(self.connect.connect().await?, &self.builder).await
    }

    /// Keeps a connection for the next call, if it may be used again and there are not too many idle ones.
    pub(super) fn put(self: &Arc<Self>, mut connection: Box<Connection>) {
        if connection.born.elapsed() >= self.max_age || !connection.is_free() {
            return;
        }
        connection.idle_since = Instant::now();
        let mut idle = self.idle();
        if idle.connections.len() >= self.max_idle {
            return;
        }
        let end = self.end_of(&connection);
        idle.connections.push_back(connection);
        if !std::mem::replace(&mut idle.has_reaper, true) {
            drop(idle);
            tokio::spawn(reap(Arc::downgrade(self), end));
        }
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time at which a connection is closed if it stays idle.
    fn end_of(&self, connection: &Connection) -> Instant {
        (connection.idle_since + self.idle_timeout).min(connection.born + self.max_age)
    }

    /// Closes the connections that are too old or have been idle for too long. Returns when to search again; `None` if
    /// no connection is left.
    fn close_old(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.connections.retain(|connection| now < self.end_of(connection));
        let next = idle.connections.iter().map(|connection| self.end_of(connection)).min();
        idle.has_reaper = next.is_some();
        next.map(|next| next.min(now + LONGEST_PAUSE))
    }
}

/// Closes old and idle connections when they are due, until none is left or the pool is gone.
async fn reap(pool: Weak<Pool>, first: Instant) {
    let mut next = Some(first.min(Instant::now() + LONGEST_PAUSE));
    while let Some(at) = next {
        sleep_until(at).await;
        next = pool.upgrade().and_then(|pool| pool.close_old());
    }
}

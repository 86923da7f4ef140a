//! The connections to one host that no call has at the moment.
//!
//! Always true: nobody gets a connection that is older than `max_age`, or has been idle for `idle_timeout`.

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

/// Longest pause between two looks for connections to close: one that is put back meanwhile may come of age before those
/// that were there.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) connect: Connect,
    idle_timeout: Duration,
    max_age: Duration,
    max_idle: usize,
    builder: http1::Builder,
    /// Held for a push or a pop, never over an await.
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
pub(super) struct Idle {
    /// The one used last is at the end, and is used first, on the runtime that its socket belongs to: on another one,
    /// each answer would have to wake a second thread.
    pub(super) connections: VecDeque<Box<Connection>>,
    has_reaper: bool,
}

impl Pool {
    pub(super) fn new(connect: Connect, options: &ClientOptions) -> Self {
        let mut builder = http1::Builder::new();
        // It learns how much to read at once from what came before, which suits hosts whose answers are much alike.
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

    /// A connection that still stands and has not been idle for longer than `max_idle`.
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

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Box<Connection>, DirectError> {
        Connection::begin(self.connect.connect().await?, &self.builder).await
    }

    /// Keeps a connection for the next call, if it may be used again and is not one too many.
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

    /// When a connection that stays idle is closed.
    fn end_of(&self, connection: &Connection) -> Instant {
        (connection.idle_since + self.idle_timeout).min(connection.born + self.max_age)
    }

    /// Closes connections whose end has come; when to look again, unless none is left.
    fn close_old(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.connections.retain(|connection| now < self.end_of(connection));
        let next = idle.connections.iter().map(|connection| self.end_of(connection)).min();
        idle.has_reaper = next.is_some();
        next.map(|next| next.min(now + LONGEST_PAUSE))
    }
}

/// Closes connections in time, until there are none or nobody can ask for them.
async fn reap(pool: Weak<Pool>, first: Instant) {
    let mut next = Some(first.min(Instant::now() + LONGEST_PAUSE));
    while let Some(at) = next {
        sleep_until(at).await;
        next = pool.upgrade().and_then(|pool| pool.close_old());
    }
}

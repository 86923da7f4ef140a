//! The direct path: HTTP/1.1 without TLS, each connection driven by the call that has it.
//!
//! In: a request to a service's host. Out: the response, chunk by chunk.
//! Elsewhere: TLS ([`super::client`]); what may be sent, and for how long ([`super::http_service`]).
//!
//! Why it is there beside the client proper: a pooled client gives each connection a task of its own, and passes the
//! request, the head and each chunk between that task and the caller's, mostly across threads. Here a call polls its
//! connection itself, and nothing wakes anybody but the socket.
//!
//! Always true:
//! - a connection has one call at a time; a call that is dropped before the end of its body closes it;
//! - only a request of which nothing was sent goes to a second connection;
//! - idle connections have a bound and an end.

use super::bounded_head::{BoundedHead, HeadLimit};
use super::client::{ClientOptions, HYPER_MAX_HEADERS};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::{TrySendError, http1};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, timeout};
use tower::Service;

type Outgoing = Request<Full<Bytes>>;
type Driver = http1::Connection<TokioIo<BoundedHead<TcpStream>>, Full<Bytes>>;

/// Why an exchange came to nothing.
#[derive(Debug)]
pub(super) enum DirectError {
    /// No connection within the connect timeout.
    Slow,
    /// No connection.
    Connect(Box<dyn Error + Send + Sync>),
    /// It broke before the head was read.
    Head(hyper::Error),
    /// It broke in the body.
    Body(hyper::Error),
}

/// Connections to one host. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Direct {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    origin: Uri,
    connector: HttpConnector,
    connect_timeout: Duration,
    idle_timeout: Duration,
    max_age: Duration,
    max_idle: usize,
    builder: http1::Builder,
    /// Held for a push or a pop, never over an await.
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The one used last is at the end, and is used first. With the runtime that its socket belongs to: on another one,
    /// each answer would have to wake a second thread.
    connections: VecDeque<(Id, Box<Connection>)>,
    has_reaper: bool,
}

#[derive(Debug)]
struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// None once the connection has ended.
    driver: Option<Driver>,
    born: Instant,
    head: HeadLimit,
    idle_since: Instant,
    runtime: Id,
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub(super) struct Open {
    pool: Arc<Pool>,
    /// Boxed: it is large, and moves from call to pool and back.
    connection: Option<Box<Connection>>,
    response: Response<Incoming>,
}

impl Direct {
    /// No connections yet; `origin` is scheme and authority.
    pub(super) fn new(origin: Uri, options: &ClientOptions) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Shared among the addresses of a name, so that one that is silent leaves time for the next.
        connector.set_connect_timeout(Some(options.connect_timeout));
        let mut builder = http1::Builder::new();
        // It learns how much to read at once from what came before, which suits hosts whose answers are much alike.
        builder.max_header_size(options.max_header_bytes);
        if options.max_headers != HYPER_MAX_HEADERS {
            builder.max_headers(options.max_headers);
        }
        let pool = Pool {
            origin,
            connector,
            connect_timeout: options.connect_timeout,
            idle_timeout: options.idle_timeout,
            max_age: options.max_age,
            max_idle: options.max_idle_per_host,
            builder,
            idle: Mutex::default(),
        };
        Self { pool: Arc::new(pool) }
    }

    /// Scheme and authority of the host.
    pub(super) fn origin(&self) -> &Uri {
        &self.pool.origin
    }

    /// Sends a request whose URI is in origin form and that has a `host`. Dropping the future closes the connection.
    pub(super) async fn send(&self, mut request: Outgoing) -> Result<Open, DirectError> {
        while let Some(mut connection) = self.pool.take() {
            match connection.send(request).await {
                Ok(response) => return Ok(self.opened(connection, response)),
                // The host had closed it meanwhile, and nothing was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(DirectError::Head(error.into_error())),
                },
            }
        }
        let mut connection = self.pool.connect().await?;
        let sent = connection.send(request).await;
        let response = sent.map_err(|error| DirectError::Head(error.into_error()))?;
        Ok(self.opened(connection, response))
    }

    fn opened(&self, connection: Box<Connection>, response: Response<Incoming>) -> Open {
        Open { pool: Arc::clone(&self.pool), connection: Some(connection), response }
    }
}

impl Open {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Bytes of the body that are still to come, if the host has said so.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.response.body().size_hint().exact()
    }

    /// The next piece of the body; `None` at its end, where the connection goes back to the pool.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, DirectError> {
        loop {
            let Some(connection) = &mut self.connection else { return Ok(None) };
            let body = self.response.body_mut();
            let frame = match body.is_end_stream() {
                true => None,
                false => connection.drive(|cx| Pin::new(&mut *body).poll_frame(cx)).await,
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    // Trailers: nobody asked for them.
                    Err(_) => continue,
                },
                Some(Err(error)) => return Err(DirectError::Body(error)),
                None => {
                    if let Some(connection) = self.connection.take() {
                        self.pool.put(connection);
                    }
                    return Ok(None);
                }
            }
        }
    }
}

impl Connection {
    async fn send(&mut self, request: Outgoing) -> Result<Response<Incoming>, TrySendError<Outgoing>> {
        self.head.begin();
        let mut answered = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let answered = poll_fn(|cx| poll_driven(driver, cx, |cx| answered.as_mut().poll(cx))).await;
        self.head.end();
        answered
    }

    async fn drive<T>(&mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        poll_fn(|cx| poll_driven(&mut self.driver, cx, &mut poll)).await
    }

    /// Is it between two calls, as far as this end knows? Sees to what has come in meanwhile, such as its end.
    fn is_free(&mut self) -> bool {
        let Some(driver) = &mut self.driver else { return false };
        let has_ended = Pin::new(driver).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        !has_ended && self.sender.is_ready()
    }
}

/// Polls a connection, then what waits for it. Only the connection can make that ready, so only the connection gets
/// the waker; whoever else got it would wake this task for what it sees here anyway.
fn poll_driven<T>(
    driver: &mut Option<Driver>,
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    if let Some(connection) = driver {
        if Pin::new(connection).poll(cx).is_pending() {
            return poll(&mut Context::from_waker(Waker::noop()));
        }
        // Its error, if any, has gone to the response or the body.
        *driver = None;
    }
    poll(cx)
}

impl Pool {
    /// An idle connection that still stands.
    fn take(&self) -> Option<Box<Connection>> {
        let here = Handle::current().id();
        loop {
            let mut idle = self.idle();
            let last = idle.connections.iter().rposition(|(runtime, _)| *runtime == here)?;
            let (_, mut connection) = idle.connections.remove(last)?;
            drop(idle);
            if connection.idle_since.elapsed() < self.idle_timeout && connection.is_free() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Box<Connection>, DirectError> {
        let connecting = async {
            let mut connector = self.connector.clone();
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            connector.call(self.origin.clone()).await
        };
        // The connector's own timeout does not cover the look-up of the name.
        let connected = timeout(self.connect_timeout, connecting).await.map_err(|_| DirectError::Slow)?;
        let stream = connected.map_err(|error| DirectError::Connect(error.into()))?;
        let (stream, head) = BoundedHead::new(stream.into_inner());
        let handshake = self.builder.handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(DirectError::Head)?;
        Ok(Box::new(Connection {
            sender,
            driver: Some(driver),
            born: Instant::now(),
            head,
            idle_since: Instant::now(),
            runtime: Handle::current().id(),
        }))
    }

    /// Keeps a connection for the next call, if it may be used again and is not one too many.
    fn put(self: &Arc<Self>, mut connection: Box<Connection>) {
        if connection.born.elapsed() >= self.max_age || !connection.is_free() {
            return;
        }
        connection.idle_since = Instant::now();
        let mut idle = self.idle();
        if idle.connections.len() >= self.max_idle {
            return;
        }
        idle.connections.push_back((connection.runtime, connection));
        if !std::mem::replace(&mut idle.has_reaper, true) {
            drop(idle);
            tokio::spawn(reap(Arc::downgrade(self), self.idle_timeout));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody has used for `timeout`, until there are none or nobody can ask for them.
async fn reap(pool: Weak<Pool>, timeout: Duration) {
    loop {
        tokio::time::sleep(timeout).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        while idle.connections.front().is_some_and(|(_, oldest)| oldest.idle_since.elapsed() >= timeout) {
            idle.connections.pop_front();
        }
        if idle.connections.is_empty() {
            idle.has_reaper = false;
            return;
        }
    }
}

#[cfg(test)]
#[path = "direct_tests.rs"]
mod tests;

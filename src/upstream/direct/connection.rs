//! One connection, driven by the call that uses it.

use super::super::bounded_head::{BoundedHead, HeadLimit};
use super::transport::Transport;
use super::{DirectError, OutgoingRequest};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

type Driver = http1::Connection<TokioIo<BoundedHead<Transport>>, Full<Bytes>>;

#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// The HTTP/1.1 state machine over the transport; `None` once the connection has ended.
    driver: Option<Driver>,
    head: HeadLimit,
    pub(super) born: Instant,
    pub(super) idle_since: Instant,
    /// The runtime to which the socket of the connection belongs.
    pub(super) runtime: Id,
}

/// Why the head of an answer did not come.
#[derive(Debug)]
pub(super) struct NoHead {
    pub(super) error: TrySendError<OutgoingRequest>,
    /// Whether no byte of an answer came, not even of an interim answer.
    pub(super) is_silent: bool,
}

impl Connection {
    /// Begins to speak HTTP/1.1 over a transport.
    pub(super) async fn begin(transport: Transport, builder: &http1::Builder) -> Result<Box<Self>, DirectError> {
        let (stream, head) = BoundedHead::new(transport);
        let (sender, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(DirectError::Head)?;
        let now = Instant::now();
        let runtime = Handle::current().id();
        Ok(Box::new(Self { sender, driver: Some(driver), head, born: now, idle_since: now, runtime }))
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: OutgoingRequest) -> Result<Response<Incoming>, NoHead> {
        self.head.begin();
        let mut answered = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let answered = poll_fn(|cx| poll_driven(driver, cx, |cx| answered.as_mut().poll(cx))).await;
        let is_silent = self.head.has_seen_nothing();
        self.head.end();
        answered.map_err(|error| NoHead { error, is_silent })
    }

    /// Waits for something that only progress of the connection can make ready.
    pub(super) async fn drive<T>(&mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        poll_fn(|cx| poll_driven(&mut self.driver, cx, &mut poll)).await
    }

    /// Whether the connection is between two calls, as far as this end knows. It also handles what has come in
    /// meanwhile, such as the end of the connection.
    pub(super) fn is_free(&mut self) -> bool {
        let Some(driver) = &mut self.driver else { return false };
        let has_ended = Pin::new(driver).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        !has_ended && self.sender.is_ready()
    }
}

/// Polls a connection, and then the future that waits for it. Only the connection can make that future ready, so only
/// the connection gets the waker. Another waker would only wake this task for what is seen here anyway.
fn poll_driven<T>(
    driver: &mut Option<Driver>,
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    if let Some(connection) = driver {
        if Pin::new(connection).poll(cx).is_pending() {
            return poll(&mut Context::from_waker(Waker::noop()));
        }
        // If the connection ended with an error, the response or the body has got it.
        *driver = None;
    }
    poll(cx)
}

//! Whether a connection waits for its client, or the client waits for this process.
//!
//! In: when its requests begin and end, and when it waits for the rest of a body or for the client to read its answer.
//! Out: since when it has waited for its client, and a signal when that has taken too long.
//!
//! The timeout of the HTTP library is not used, because it sets and clears a timer for each request. Here each
//! connection has one timer for its whole life.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The value of a time while the connection does not wait for its client.
const NOT: u64 = u64::MAX;

/// Nobody waits for a flush.
const NOT_AWAITED: u8 = 0;

/// Somebody waits until all bytes are flushed.
const AWAITED: u8 = 1;

/// All bytes were flushed after somebody had begun to wait for that.
const FLUSHED: u8 = 2;

/// What one connection waits for. Times are in milliseconds after `epoch`, which many connections share.
#[derive(Debug)]
pub(super) struct Idle {
    epoch: Instant,
    /// Since when the connection has waited for a request, or [`NOT`].
    request: AtomicU64,
    /// Since when the connection has waited for the rest of a body or for its client to read more of an answer, or
    /// [`NOT`].
    stalled: AtomicU64,
    /// Whether the body of the last request was not read to its end.
    has_unread: AtomicBool,
    has_had_request: AtomicBool,
    /// [`NOT_AWAITED`], [`AWAITED`] or [`FLUSHED`].
    flush: AtomicU8,
    end: Notify,
}

impl Idle {
    /// The state of a connection that waits for its first request.
    pub(super) fn new(epoch: Instant) -> Arc<Self> {
        let idle = Self {
            epoch,
            request: AtomicU64::new(NOT),
            stalled: AtomicU64::new(NOT),
            has_unread: AtomicBool::new(false),
            has_had_request: AtomicBool::new(false),
            flush: AtomicU8::new(NOT_AWAITED),
            end: Notify::new(),
        };
        idle.request.store(idle.now(), Ordering::Relaxed);
        Arc::new(idle)
    }

    /// Notes that a request has begun. It lasts until the returned value is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InRequest {
        self.request.store(NOT, Ordering::Relaxed);
        self.has_unread.store(false, Ordering::Relaxed);
        self.has_had_request.store(true, Ordering::Relaxed);
        InRequest(Arc::clone(self))
    }

    /// Notes that from now on the connection waits for the client within a request.
    pub(super) fn stalls(&self) {
        self.stalled.store(self.now(), Ordering::Relaxed);
    }

    /// Notes that the connection no longer waits for the client within the request.
    pub(super) fn flows(&self) {
        self.stalled.store(NOT, Ordering::Relaxed);
    }

    /// Begins to watch for the moment when all bytes that are to be written now have been given to the operating
    /// system.
    pub(super) fn awaits_flush(&self) {
        self.flush.store(AWAITED, Ordering::Relaxed);
    }

    /// Notes that a flush has succeeded. All bytes were then given to the operating system, because the HTTP library
    /// flushes only after it has written them.
    pub(super) fn flushed(&self) {
        if self.flush.load(Ordering::Relaxed) == AWAITED {
            self.flush.store(FLUSHED, Ordering::Relaxed);
        }
    }

    /// Whether all bytes were flushed since [`awaits_flush`](Self::awaits_flush) was called.
    pub(super) fn is_flushed(&self) -> bool {
        self.flush.load(Ordering::Relaxed) == FLUSHED
    }

    /// Notes that a body was not read to its end.
    pub(super) fn leaves_unread(&self) {
        self.has_unread.store(true, Ordering::Relaxed);
    }

    /// Whether the body of the last request was not read to its end.
    pub(super) fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }

    /// Whether any request has begun on this connection.
    pub(super) fn has_had_request(&self) -> bool {
        self.has_had_request.load(Ordering::Relaxed)
    }

    /// Since when the connection has waited for its client; `None` if the client waits for this process.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let since = match self.request.load(Ordering::Relaxed) {
            NOT => self.stalled.load(Ordering::Relaxed),
            since => since,
        };
        (since != NOT).then(|| self.epoch + Duration::from_millis(since))
    }

    /// Tells the connection to end.
    pub(super) fn end(&self) {
        self.end.notify_one();
    }

    /// Waits until the connection is told to end.
    pub(super) async fn told_to_end(&self) {
        self.end.notified().await;
    }

    /// Waits until the connection is told to end at a time when it waits for its client.
    pub(super) async fn ended_while_waiting(&self) {
        loop {
            self.told_to_end().await;
            if self.waiting_since().is_some() {
                return;
            }
        }
    }

    /// Waits until the connection has been without a request for as long as `patience`.
    pub(super) async fn too_long(&self, patience: Duration) {
        loop {
            let since = match self.request.load(Ordering::Relaxed) {
                NOT => Instant::now(),
                since => self.epoch + Duration::from_millis(since),
            };
            if since.elapsed() >= patience {
                return;
            }
            sleep_until(since + patience).await;
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(0)
    }
}

/// A request under way, up to the last byte of its answer.
#[derive(Debug)]
pub(super) struct InRequest(Arc<Idle>);

impl InRequest {
    /// The state of the request's connection.
    pub(super) fn connection(&self) -> &Idle {
        &self.0
    }

    /// Wraps the body of the answer; the request ends when that body is dropped.
    pub(super) fn until_end_of<B>(self, body: B) -> AnswerBody<B> {
        AnswerBody { body, _request: self }
    }
}

impl Drop for InRequest {
    fn drop(&mut self) {
        self.0.request.store(self.0.now(), Ordering::Relaxed);
    }
}

/// The body of an answer, with the request that it answers.
#[derive(Debug)]
pub(super) struct AnswerBody<B> {
    body: B,
    _request: InRequest,
}

impl<B: Body<Data = Bytes> + Unpin> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request. It tells its connection when it begins and ceases to wait for the client, and when it is
/// dropped before its end, because the client may then still be sending.
#[derive(Debug)]
pub(super) struct IncomingBody<B: Body> {
    body: B,
    is_over: bool,
    /// Whether the connection waits for the client. Once this is true, it stays true until the end of the body, because
    /// a client that sends little by little keeps the connection waiting as well.
    is_waiting: bool,
    idle: Arc<Idle>,
}

impl<B: Body> IncomingBody<B> {
    pub(super) fn new(body: B, idle: Arc<Idle>) -> Self {
        Self { body, is_over: false, is_waiting: false, idle }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for IncomingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.is_over |= matches!(frame, Poll::Ready(None)) || self.body.is_end_stream();
        match (frame.is_pending(), self.is_waiting, self.is_over) {
            (true, false, _) => {
                self.is_waiting = true;
                self.idle.stalls();
            }
            (false, true, true) => {
                self.is_waiting = false;
                self.idle.flows();
            }
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> Drop for IncomingBody<B> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.idle.flows();
        }
        if !self.is_over && !self.body.is_end_stream() {
            self.idle.leaves_unread();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body as AnyBody;
    use http_body_util::BodyExt;
    use tokio::time::{advance, timeout};

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_too_long_only_without_a_request() {
        let idle = Idle::new(Instant::now());
        let opened = Instant::now();
        advance(Duration::from_secs(20)).await;
        let request = idle.request();
        assert!(timeout(Duration::from_secs(3_600), idle.too_long(PATIENCE)).await.is_err(), "it has a request");
        drop(request);
        let ended = Instant::now();
        idle.too_long(PATIENCE).await;
        // Timers have a resolution of one millisecond.
        assert!((PATIENCE..PATIENCE + Duration::from_millis(3)).contains(&ended.elapsed()), "{:?}", ended.elapsed());
        assert!(opened.elapsed() > Duration::from_secs(3_600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_any_request_is_idle_from_the_start() {
        let epoch = Instant::now();
        advance(Duration::from_secs(100)).await;
        let idle = Idle::new(epoch);
        let opened = Instant::now();
        idle.too_long(PATIENCE).await;
        assert!((PATIENCE..PATIENCE + Duration::from_millis(3)).contains(&opened.elapsed()));
    }

    #[tokio::test]
    async fn a_body_that_is_dropped_before_its_end_is_left_unread() {
        let idle = || Idle::new(Instant::now());
        let pieces = || AnyBody::from_stream(futures_util::stream::iter(["ab", "c"].map(Ok::<_, std::io::Error>)));
        let (empty, whole, half) = (idle(), idle(), idle());
        drop(IncomingBody::new(AnyBody::empty(), Arc::clone(&empty)));
        let read = IncomingBody::new(pieces(), Arc::clone(&whole)).collect().await.unwrap().to_bytes();
        IncomingBody::new(pieces(), Arc::clone(&half)).frame().await.unwrap().unwrap();
        assert_eq!((empty.has_unread(), whole.has_unread(), half.has_unread()), (false, false, true), "{read:?}");
    }

    #[tokio::test]
    async fn the_rest_of_a_body_is_waited_for_until_it_is_there() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
        let pieces = futures_util::stream::unfold(receiver, async |mut pieces| Some((pieces.recv().await?, pieces)));
        let idle = Idle::new(Instant::now());
        let _request = idle.request();
        let mut body = IncomingBody::new(AnyBody::from_stream(pieces), Arc::clone(&idle));
        assert!(futures_util::poll!(body.frame()).is_pending());
        assert!(idle.waiting_since().is_some());
        sender.send(Ok("a")).await.unwrap();
        assert!(body.frame().await.is_some() && idle.waiting_since().is_some(), "there may be more");
        drop(sender);
        assert!(body.frame().await.is_none() && idle.waiting_since().is_none());
        let mut broken = IncomingBody::new(
            AnyBody::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>()),
            Arc::clone(&idle),
        );
        assert!(futures_util::poll!(broken.frame()).is_pending());
        drop(broken);
        assert!(idle.waiting_since().is_none(), "it was given up, and is answered");
    }
}

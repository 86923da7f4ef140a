//! How long a connection may be without a request.
//!
//! In: when its requests begin and end. Out: the moment at which it has been without one for too long.
//!
//! Why not the HTTP library's own timeout: that one sets a timer for each request, and takes it away again. Here each
//! connection has one timer for all of its life.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A request is under way.
const BUSY: u64 = u64::MAX;

/// Since when a connection waits for a request.
#[derive(Debug)]
pub(super) struct Idle {
    opened: Instant,
    /// Milliseconds after `opened`, or [`BUSY`].
    since: AtomicU64,
}

impl Idle {
    /// A connection that waits for its first request.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), since: AtomicU64::new(0) })
    }

    /// A request has begun; it lasts until this is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InRequest {
        self.since.store(BUSY, Ordering::Relaxed);
        InRequest(Arc::clone(self))
    }

    /// Waits until the connection has been without a request for so long.
    pub(super) async fn too_long(&self, patience: Duration) {
        loop {
            let since = match self.since.load(Ordering::Relaxed) {
                BUSY => Instant::now(),
                since => self.opened + Duration::from_millis(since),
            };
            if since.elapsed() >= patience {
                return;
            }
            sleep_until(since + patience).await;
        }
    }
}

/// A request under way, up to the last byte of its answer.
#[derive(Debug)]
pub(super) struct InRequest(Arc<Idle>);

impl InRequest {
    /// An answer's body, whose end is the request's end.
    pub(super) fn until_end_of<B>(self, body: B) -> Answering<B> {
        Answering { body, _request: self }
    }
}

impl Drop for InRequest {
    fn drop(&mut self) {
        let since = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(0);
        self.0.since.store(since, Ordering::Relaxed);
    }
}

/// A body with the request that it answers.
#[derive(Debug)]
pub(super) struct Answering<B> {
    body: B,
    _request: InRequest,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answering<B> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_too_long_only_without_a_request() {
        let idle = Idle::new();
        let opened = Instant::now();
        advance(Duration::from_secs(20)).await;
        let request = idle.request();
        assert!(timeout(Duration::from_secs(3_600), idle.too_long(PATIENCE)).await.is_err(), "it has a request");
        drop(request);
        let ended = Instant::now();
        idle.too_long(PATIENCE).await;
        // Timers are as coarse as a millisecond.
        assert!((PATIENCE..PATIENCE + Duration::from_millis(3)).contains(&ended.elapsed()), "{:?}", ended.elapsed());
        assert!(opened.elapsed() > Duration::from_secs(3_600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_any_request_is_idle_from_the_start() {
        let idle = Idle::new();
        let opened = Instant::now();
        idle.too_long(PATIENCE).await;
        assert!((PATIENCE..PATIENCE + Duration::from_millis(3)).contains(&opened.elapsed()));
    }
}

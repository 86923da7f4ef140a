//! Takes a connection over from the HTTP library: after an upgrade, and for an answer that is an event stream.
//!
//! In: the future or the events that the connection goes on with. Out: the same, for the task that has served the
//! requests.
//! Elsewhere: serving requests ([`super::serve()`]); WebSockets and event streams themselves ([`super::websocket`],
//! [`super::event_stream`]).
//!
//! The connection does not get a new task. So it stays on its worker, keeps its place among the connections, and is
//! waited for when the process stops.
//!
//! After an upgrade, the library hands the connection over by itself. For an event stream, the connection is taken from
//! the library: it puts the head of the answer into its buffer, asks for the body ([`HeadOnly`]), then writes its
//! buffer and flushes. After that flush, the library holds no bytes of the answer, and the connection is taken.

use super::event_stream::{EventStream, Events};
use super::idle::Idle;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::body::{Body, Frame};
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Takes one connection over. Clones share their state; each request that asks for an upgrade carries one.
#[derive(Clone)]
pub(super) struct Takeover {
    idle: Arc<Idle>,
    next: Arc<Mutex<Option<Next>>>,
}

/// What a connection does after its requests.
enum Next {
    /// This future serves the connection once it is upgraded.
    Upgrade(BoxFuture<'static, ()>),
    /// These events are sent once the head of their answer is flushed.
    Events(Events),
}

impl Takeover {
    pub(super) fn new(idle: Arc<Idle>) -> Self {
        Self { idle, next: Arc::default() }
    }

    /// The state of the connection: what it waits for.
    pub(super) fn idle(&self) -> Arc<Idle> {
        Arc::clone(&self.idle)
    }

    /// Sets the future that serves the connection after its upgrade.
    pub(super) fn upgrade(&self, next: BoxFuture<'static, ()>) {
        *self.next() = Some(Next::Upgrade(next));
    }

    /// Takes the future that serves the upgraded connection; `None` if the connection was not upgraded and ends.
    pub(super) fn take_upgrade(&self) -> Option<BoxFuture<'static, ()>> {
        match self.next().take()? {
            Next::Upgrade(next) => Some(next),
            Next::Events(_) => None,
        }
    }

    /// A body without bytes. Once the head before it has been sent, the connection is taken over for `events`.
    pub(super) fn head_only(&self, events: EventStream) -> HeadOnly {
        HeadOnly { events: Some(events), takeover: self.clone() }
    }

    /// Takes the events that are to be sent on the connection; `None` until the head of their answer has been sent.
    pub(super) fn take_events(&self) -> Option<Events> {
        if !self.idle.is_flushed() {
            return None;
        }
        match self.next().take()? {
            Next::Events(events) => Some(events),
            upgrade @ Next::Upgrade(_) => {
                *self.next() = Some(upgrade);
                None
            }
        }
    }

    fn next(&self) -> MutexGuard<'_, Option<Next>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}

/// A body that never yields a frame. Its connection is taken over once the head before it has been sent.
#[derive(Debug)]
pub(super) struct HeadOnly {
    events: Option<EventStream>,
    takeover: Takeover,
}

impl Body for HeadOnly {
    type Data = Bytes;
    type Error = Infallible;

    /// The library polls the body for the first time after it has put the head into its buffer.
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(events) = self.events.take().and_then(|events| events.take()) {
            self.takeover.idle.awaits_flush();
            *self.takeover.next() = Some(Next::Events(events));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt, stream};
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    #[tokio::test]
    async fn a_connection_is_taken_for_events_once_their_head_is_flushed() {
        let idle = Idle::new(Instant::now());
        let takeover = Takeover::new(Arc::clone(&idle));
        let mut body = takeover.head_only(EventStream::new(stream::iter([Bytes::from_static(b"event")])));
        idle.flushed();
        assert!(takeover.take_events().is_none(), "the head was not even written");
        assert!(body.frame().now_or_never().is_none());
        assert!(takeover.take_events().is_none(), "it was not flushed");
        idle.flushed();
        assert!(body.frame().now_or_never().is_none(), "it is asked again after the flush");
        let mut events = takeover.take_events().expect("the events");
        assert_eq!(events.next().await.as_deref(), Some(&b"event"[..]));
        assert!(takeover.take_events().is_none());
    }

    #[test]
    fn a_connection_that_ends_before_is_not_taken_for_events() {
        let takeover = Takeover::new(Idle::new(Instant::now()));
        let mut body = takeover.head_only(EventStream::new(stream::pending()));
        assert!(body.frame().now_or_never().is_none());
        assert!(takeover.take_upgrade().is_none());
        takeover.upgrade(Box::pin(async {}));
        assert!(takeover.take_events().is_none() && takeover.take_upgrade().is_some());
    }
}

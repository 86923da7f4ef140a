//! Event streams over HTTP/1.1. While a stream waits, its task holds nothing but its connection and its events.
//!
//! In: the events of a subscription, and the connection once the head of its answer has been written.
//! Out: each event as one chunk, and the end of the body.
//! Elsewhere: the content of the events ([`super::stream`]); taking a connection from the HTTP library
//! ([`super::takeover`]).
//!
//! The HTTP library does not send them, because it keeps two buffers of 8 KiB for as long as an answer lasts, although
//! a subscriber waits most of the time.
//!
//! Always true:
//! - a stream that waits for an event holds no buffer;
//! - the answer says `connection: close`; up to [`MAX_DROPPED`] bytes that its client sends after the request are
//!   dropped;
//! - a client that closes its side of the connection ends the stream.
//!
//! # Source
//! RFC 9112 §7.1 (chunked transfer coding) and §9.6 (closing).

use super::idle::{Idle, InRequest};
use axum::body::Body;
use bytes::{Buf, Bytes};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// The most bytes that a client may send after its request. If it sends more, the stream ends.
const MAX_DROPPED: usize = 64 * 1024;

/// How many bytes are read and dropped at once.
const CHUNK: usize = 1024;

/// The last chunk, which ends a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The events of one answer, as the bytes of its body. Clones are the same stream.
///
/// An answer carries the stream twice: in its body, for any HTTP server, and in its extensions, for [`super::serve()`],
/// which takes the events out and sends them itself.
#[derive(Clone)]
pub(super) struct EventStream(Arc<Mutex<Option<Events>>>);

/// A stream of events, each as the bytes of the body.
pub(super) type Events = BoxStream<'static, Bytes>;

impl EventStream {
    pub(super) fn new(events: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(events.boxed()))))
    }

    /// A body that consists of these events.
    pub(super) fn body(&self) -> Body {
        let events = self.clone();
        Body::from_stream(stream::poll_fn(move |cx| events.poll_next(cx)).map(Ok::<_, Infallible>))
    }

    /// Takes the events out. The body has no more bytes from now on.
    pub(super) fn take(&self) -> Option<Events> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.as_mut().map_or(Poll::Ready(None), |events| events.poll_next_unpin(cx))
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

/// Sends events over a connection on which the head of the answer has been written, and then closes the connection.
///
/// `dropped` is the number of bytes after the request that have been dropped already. `request` lasts until the end.
/// `stream` bounds the wait for a client that does not read ([`super::write_timeout`]). Dropping the future cuts the connection
/// off.
pub(super) async fn serve<S>(mut events: Events, mut stream: S, mut dropped: usize, request: InRequest)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let event = tokio::select! {
            biased;
            event = events.next() => event,
            () = poll_fn(|cx| poll_left(&mut stream, &mut dropped, cx)) => return,
        };
        let Some(event) = event else { break };
        if !event.is_empty() && send(&mut stream, event, request.connection()).await.is_err() {
            return;
        }
    }
    drop(events);
    if dropped > 0 {
        request.connection().leaves_unread();
    }
    // An error means that the client has left.
    let _: io::Result<()> = async {
        stream.write_all(LAST_CHUNK).await?;
        stream.shutdown().await
    }
    .await;
}

/// Ready once the client has left or has sent too much. It reads into a buffer on the stack, so that a stream that
/// waits holds no buffer on the heap.
fn poll_left(stream: &mut (impl AsyncRead + Unpin), dropped: &mut usize, cx: &mut Context<'_>) -> Poll<()> {
    let mut space = [MaybeUninit::uninit(); CHUNK];
    while *dropped <= MAX_DROPPED {
        let mut chunk = ReadBuf::uninit(&mut space);
        let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut chunk));
        if read.is_err() || chunk.filled().is_empty() {
            break;
        }
        *dropped += chunk.filled().len();
    }
    Poll::Ready(())
}

/// Sends one event as a chunk of its own, unless the connection is told meanwhile to end for another one.
async fn send(stream: &mut (impl AsyncWrite + Unpin), event: Bytes, idle: &Idle) -> io::Result<()> {
    let size = Bytes::from(format!("{:x}\r\n", event.len()));
    let mut chunk = size.chain(event).chain(&b"\r\n"[..]);
    let writing = async {
        stream.write_all_buf(&mut chunk).await?;
        stream.flush().await
    };
    tokio::select! {
        biased;
        written = writing => written,
        () = idle.ended_while_waiting() => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::Future;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    type Sender = mpsc::Sender<&'static str>;

    /// A stream that is being served, the client's side of its connection, and the sender of its events.
    fn served(dropped: usize) -> (impl Future<Output = ()>, DuplexStream, Sender, Arc<Idle>) {
        let (ours, theirs) = duplex(64 * 1024);
        let (sender, receiver) = mpsc::channel(4);
        let events = stream::unfold(receiver, async |mut events: mpsc::Receiver<&str>| {
            Some((Bytes::from(events.recv().await?), events))
        });
        let idle = Idle::new(Instant::now());
        (serve(events.boxed(), ours, dropped, idle.request()), theirs, sender, idle)
    }

    #[tokio::test]
    async fn each_event_is_one_chunk_and_the_end_of_the_events_is_that_of_the_body() {
        let (serving, mut theirs, sender, idle) = served(0);
        let client = async {
            for event in ["event: next\n\n", "", ":\n\n"] {
                sender.send(event).await.unwrap();
            }
            drop(sender);
            let mut text = String::new();
            theirs.read_to_string(&mut text).await.unwrap();
            text
        };
        let ((), text) = tokio::join!(serving, client);
        assert_eq!(
            text, "d\r\nevent: next\n\n\r\n3\r\n:\n\n\r\n0\r\n\r\n",
            "nothing is no chunk: it would be the last one"
        );
        assert!(idle.waiting_since().is_some(), "the request is over");
    }

    #[tokio::test]
    async fn a_client_that_closes_its_side_ends_the_stream() {
        let (serving, mut theirs, sender, idle) = served(0);
        let mut serving = Box::pin(serving);
        assert!(serving.as_mut().now_or_never().is_none() && idle.waiting_since().is_none(), "it waits for an event");
        theirs.shutdown().await.unwrap();
        serving.await;
        assert!(sender.is_closed(), "nobody takes events any more");
    }

    #[tokio::test]
    async fn what_a_client_sends_is_dropped_up_to_a_bound() {
        let (serving, mut theirs, sender, _) = served(MAX_DROPPED / 2);
        let mut serving = Box::pin(serving);
        theirs.write_all(&[b'x'; MAX_DROPPED / 2]).await.unwrap();
        assert!(serving.as_mut().now_or_never().is_none());
        sender.send("still here").await.unwrap();
        assert!(serving.as_mut().now_or_never().is_none());
        let mut text = [0; 15];
        theirs.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"a\r\nstill here\r\n");
        theirs.write_all(b"x").await.unwrap();
        serving.await;
        assert!(sender.is_closed());
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_makes_room_for_others_when_it_is_told_to() {
        let (ours, _theirs) = duplex(1);
        let idle = Idle::new(Instant::now());
        let events = stream::iter([Bytes::from_static(b"too much")]).chain(stream::pending());
        let mut serving = Box::pin(serve(events.boxed(), ours, 0, idle.request()));
        assert!(serving.as_mut().now_or_never().is_none());
        // It was told to end before it waited for its client, so it goes on.
        idle.end();
        assert!(serving.as_mut().now_or_never().is_none());
        idle.stalls();
        idle.end();
        serving.await;
    }
}

//! A stream that lingers: when it is closed while its client still sends, it reads and drops those bytes for a bounded
//! time.
//!
//! An operating system that gets bytes for a closed socket answers with a reset. A reset takes from the client the
//! bytes that it has not read yet, such as the 413 that says why its body is no longer read.
//!
//! Always true: the bytes that are read are dropped; lingering ends after [`LONGEST`] or [`MOST_BYTES`], whichever
//! comes first.
//!
//! # Source
//! RFC 9112 §9.6 (closing in stages).

use super::idle::Idle;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the stream lingers at most.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// How many bytes are read at most while the stream lingers.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes are read at once.
const CHUNK: usize = 8 * 1024;

/// A stream that reads and drops what its client still sends after this side has been shut down.
#[derive(Debug)]
pub(super) struct LingeringClose<S> {
    stream: S,
    idle: Arc<Idle>,
    is_shut: bool,
    /// The time and the bytes that are left, once lingering has begun.
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    end: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> LingeringClose<S> {
    /// Wraps a stream. `idle` says whether the body of a request was left unread.
    pub(super) fn new(stream: S, idle: Arc<Idle>) -> Self {
        Self { stream, idle, is_shut: false, rest: None }
    }
}

impl<S: AsyncRead + Unpin> LingeringClose<S> {
    /// Ready once the client has closed its side or a bound is reached. Ready at once if no body was left unread and no
    /// bytes have arrived.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); CHUNK];
        loop {
            let mut chunk = ReadBuf::uninit(&mut space);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut chunk);
            if read.is_pending() && self.rest.is_none() && !self.idle.has_unread() {
                return Poll::Ready(());
            }
            let rest = self.rest.get_or_insert_with(|| Rest { end: Box::pin(sleep(LONGEST)), left: MOST_BYTES });
            match (read, chunk.filled().len()) {
                (Poll::Pending, _) => return rest.end.as_mut().poll(cx),
                (Poll::Ready(Err(_)), _) | (_, 0) => return Poll::Ready(()),
                (_, more) if more >= rest.left => return Poll::Ready(()),
                (_, more) => rest.left -= more,
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringClose<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringClose<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        self.poll_rest(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, timeout};

    fn pair(has_unread: bool) -> (LingeringClose<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(64 * 1024);
        let idle = Idle::new(Instant::now());
        if has_unread {
            idle.leaves_unread();
        }
        (LingeringClose::new(ours, idle), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_still_sends_is_taken_until_it_ends() {
        let (mut ours, mut theirs) = pair(true);
        let client = async {
            let mut answer = String::new();
            theirs.write_all(&[b'x'; 1_000_000]).await.unwrap();
            theirs.read_to_string(&mut answer).await.unwrap();
            theirs.shutdown().await.unwrap();
            answer
        };
        let server = async {
            ours.write_all(b"413").await.unwrap();
            ours.shutdown().await.unwrap();
        };
        let ((), answer) = timeout(LONGEST / 2, async { tokio::join!(server, client) }).await.unwrap();
        assert_eq!(answer, "413");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_is_not_waited_for_any_longer() {
        let (mut ours, _theirs) = pair(true);
        let began = Instant::now();
        ours.shutdown().await.unwrap();
        assert!((LONGEST..LONGEST * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
        let (mut ours, mut theirs) = pair(true);
        let flood = async { while theirs.write_all(&[b'x'; 64 * 1024]).await.is_ok() {} };
        let ended = tokio::select! {
            ended = ours.shutdown() => ended.is_ok(),
            () = flood => false,
        };
        assert!(ended, "a flood ends, too");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_nothing_more_is_not_waited_for() {
        let (mut ours, _theirs) = pair(false);
        let began = Instant::now();
        ours.shutdown().await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        // Here bytes arrive though no body was left unread, as after a head that was refused.
        let (mut ours, mut theirs) = pair(false);
        theirs.write_all(b"more").await.unwrap();
        ours.shutdown().await.unwrap();
        assert!(began.elapsed() >= LONGEST);
    }
}

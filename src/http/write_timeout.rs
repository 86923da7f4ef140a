//! A stream whose writes time out, so that a client that stops reading does not hold its connection for ever.

use super::idle::Idle;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Fails a write, flush or shutdown that makes no progress for `patience`.
#[derive(Debug)]
pub(super) struct WriteTimeout<S> {
    stream: S,
    patience: Duration,
    /// The connection's state, which is told when a write waits for the client.
    idle: Arc<Idle>,
    /// The timer of the write that waits, if one does.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    pub(super) fn new(stream: S, patience: Duration, idle: Arc<Idle>) -> Self {
        Self { stream, patience, idle, stalled: None }
    }

    fn bound<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            if self.stalled.take().is_some() {
                self.idle.flows();
            }
            return progress;
        }
        let (patience, idle) = (self.patience, &self.idle);
        let stalled = self.stalled.get_or_insert_with(|| {
            idle.stalls();
            Box::pin(sleep(patience))
        });
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound(cx, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.bound(cx, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        if progress.is_ready() {
            self.idle.flushed();
        }
        self.bound(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bound(cx, progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    #[tokio::test]
    async fn a_write_without_progress_fails() {
        let (ours, mut theirs) = duplex(4);
        let patience = Duration::from_millis(20);
        let idle = Idle::new(Instant::now());
        let _request = idle.request();
        let mut ours = WriteTimeout::new(ours, patience, Arc::clone(&idle));
        ours.write_all(b"1234").await.unwrap();
        let began = std::time::Instant::now();
        assert_eq!(ours.write_all(b"5").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= patience);
        assert!(idle.waiting_since().is_some(), "it waits for its client");
        theirs.read_exact(&mut [0; 4]).await.unwrap();
    }

    #[tokio::test]
    async fn a_slow_reader_is_waited_for_as_long_as_it_reads() {
        let (ours, mut theirs) = duplex(1);
        let patience = Duration::from_secs(10);
        let idle = Idle::new(Instant::now());
        let _request = idle.request();
        let mut ours = WriteTimeout::new(ours, patience, Arc::clone(&idle));
        let (written, read) = tokio::join!(ours.write_all(b"slow"), async {
            let mut text = [0; 4];
            for byte in &mut text {
                tokio::task::yield_now().await;
                *byte = theirs.read_u8().await.unwrap();
            }
            text
        });
        written.unwrap();
        assert_eq!(&read, b"slow");
        assert!(ours.stalled.is_none() && idle.waiting_since().is_none(), "progress starts the patience anew");
    }
}

//! A stream that gives only a limited number of bytes before the head of an answer has been read.
//!
//! An HTTP client skips any number of interim answers (1xx) in a loop, and never yields in between. A host that sends
//! nothing else would keep a worker busy until the call's timeout. Over TLS, the bytes of the plaintext are counted.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes before the end of a head, including interim answers and the part of the body that comes in the same
/// read. It is more than twice what the HTTP client reads at once.
const MOST: usize = 1 << 20;

/// Tells a [`BoundedHead`] when a head is awaited. Clones belong to the same stream.
#[derive(Debug, Clone)]
pub(super) struct HeadLimit(Arc<AtomicUsize>);

/// A stream that fails to read if too many bytes come before the end of a head.
#[derive(Debug)]
pub(super) struct BoundedHead<S> {
    stream: S,
    /// How many bytes may still be read.
    left: HeadLimit,
}

impl<S> BoundedHead<S> {
    pub(super) fn new(stream: S) -> (Self, HeadLimit) {
        let left = HeadLimit(Arc::new(AtomicUsize::new(MOST)));
        (Self { stream, left: left.clone() }, left)
    }
}

impl HeadLimit {
    /// Notes that a head is awaited from now on.
    pub(super) fn begin(&self) {
        self.0.store(MOST, Ordering::Relaxed);
    }

    /// Whether nothing has been read since [`HeadLimit::begin`].
    pub(super) fn has_seen_nothing(&self) -> bool {
        self.0.load(Ordering::Relaxed) == MOST
    }

    /// Notes that the head has been read. The body has caps of its own.
    pub(super) fn end(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedHead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let left = self.left.0.load(Ordering::Relaxed);
        if left != usize::MAX {
            let read = buffer.filled().len() - before;
            let Some(left) = left.checked_sub(read) else { return Poll::Ready(Err(ErrorKind::FileTooLarge.into())) };
            self.left.0.store(left, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BoundedHead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

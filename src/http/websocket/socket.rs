//! An open WebSocket as messages: received, sent, and closed in stages.
//!
//! In: an upgraded connection. Out: what its client sends; frames for what it is sent.
//! Elsewhere: how bytes become messages ([`super::reader`]); what messages say ([`super::connection`]).
//!
//! Always true:
//! - it holds no buffer while nothing comes and nothing is sent;
//! - each wait for the client to take a frame, or to close, has an end.
//!
//! # Source
//! RFC 6455 §5.5 and §7.

use super::frame::{Opcode, OwnHead, Violation};
use super::reader::{Incoming, Reader};
use crate::http::messages::Close;
use crate::observe::ClosedBy;
use bytes::Buf;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// Longest wait for a client to take a frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a client to take a close, and again to answer it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes that are read at once.
const CHUNK: usize = 4 * 1024;

/// Why nothing more is received.
#[derive(Debug)]
pub(super) enum Failure {
    Violation(Violation),
    /// The connection is gone.
    Gone,
}

/// How a socket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// This side closes it.
    Ours(Close),
    /// The client has closed it, with this code.
    Theirs(Option<u16>),
    /// The client has broken the protocol.
    Failed(Violation),
    /// The client is gone, or takes nothing any more.
    Gone,
}

impl End {
    /// Who closes, and with which code: 1005 is for a close without one, 1006 for none (RFC 6455 §7.4.1).
    pub(super) fn told(&self) -> (ClosedBy, u16) {
        match self {
            Self::Ours(Close(code, _)) => (ClosedBy::Server, *code),
            Self::Failed(violation) => (ClosedBy::Server, violation.close().0),
            Self::Theirs(code) => (ClosedBy::Client, code.unwrap_or(1005)),
            Self::Gone => (ClosedBy::Client, 1006),
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Violation(violation) => Self::Failed(violation),
            Failure::Gone => Self::Gone,
        }
    }
}

/// An open WebSocket over a connection.
#[derive(Debug)]
pub(super) struct Socket<S> {
    stream: S,
    reader: Reader,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(stream: S, max_message_bytes: usize) -> Self {
        Self { stream, reader: Reader::new(max_message_bytes) }
    }

    /// Has a message begun that is not whole?
    pub(super) fn is_within_message(&self) -> bool {
        self.reader.is_within_message()
    }

    /// What the client sends next. Dropping the future loses nothing.
    pub(super) async fn receive(&mut self) -> Result<Incoming, Failure> {
        loop {
            if let Some(incoming) = self.reader.next().map_err(Failure::Violation)? {
                return Ok(incoming);
            }
            poll_fn(|cx| self.poll_fill(cx)).await?;
        }
    }

    /// Reads by way of the stack: whoever waits needs no memory for what does not come.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut space = [MaybeUninit::uninit(); CHUNK];
        let mut chunk = ReadBuf::uninit(&mut space);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk));
        if read.is_err() || chunk.filled().is_empty() {
            return Poll::Ready(Err(Failure::Gone));
        }
        self.reader.push(chunk.filled());
        Poll::Ready(Ok(()))
    }

    pub(super) async fn text(&mut self, text: &str) -> io::Result<()> {
        self.send(Opcode::Text, text.as_bytes()).await
    }

    pub(super) async fn ping(&mut self) -> io::Result<()> {
        self.send(Opcode::Ping, b"").await
    }

    pub(super) async fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send(Opcode::Pong, payload).await
    }

    /// Sends a frame. After an error, or when the future is dropped, half of it may have been sent.
    async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let head = OwnHead::new(opcode, payload.len());
        let mut frame = head.as_bytes().chain(payload);
        let sending = async {
            self.stream.write_all_buf(&mut frame).await?;
            self.stream.flush().await
        };
        timeout(SEND_TIMEOUT, sending).await?
    }

    /// Closes it: the close, then the client's own, then this side of the connection (RFC 6455 §7.1.1).
    ///
    /// The connection is closed in stages, as [`crate::http::linger`] does, if it is told that there is something unread. A
    /// client that does not answer in time is not waited for any longer.
    pub(super) async fn end(mut self, end: &End) {
        let closing = async {
            match end {
                End::Gone => return Ok(()),
                End::Theirs(code) => self.send_close(code.map(|code| Close::new(code, ""))).await?,
                End::Failed(violation) => self.send_close(Some(violation.close())).await?,
                End::Ours(close) => {
                    self.send_close(Some(close.clone())).await?;
                    if timeout(CLOSE_TIMEOUT, self.closed()).await.is_err() {
                        return Ok(());
                    }
                }
            }
            self.stream.shutdown().await
        };
        // Whoever does not take it is gone.
        let _: io::Result<()> = closing.await;
    }

    async fn send_close(&mut self, close: Option<Close>) -> io::Result<()> {
        let payload = close.map(|Close(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat());
        timeout(CLOSE_TIMEOUT, self.send(Opcode::Close, &payload.unwrap_or_default())).await?
    }

    /// Waits until the client has closed its side, too; what it sends before is forgotten.
    async fn closed(&mut self) {
        while !matches!(self.receive().await, Err(_) | Ok(Incoming::Close(_))) {}
    }
}

//! An open WebSocket: receives and sends messages, and closes in stages.
//!
//! In: an upgraded connection. Out: the messages that its client sends, and frames for the messages that it is sent.
//! Elsewhere: assembling messages from bytes ([`super::reader`]); the meaning of messages ([`super::connection`]).
//!
//! Always true:
//! - it holds no buffer while no bytes arrive or are sent;
//! - each wait for the client to read a frame, or to close, is bounded.
//!
//! # Source
//! RFC 6455 §5.5 and §7.

use super::frame::{Opcode, OwnHead, Violation};
use super::reader::{Reader, SocketMessage};
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

/// Longest wait for a client to read a frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a client to read a close frame, and longest wait for its answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many bytes are read at once.
const CHUNK: usize = 4 * 1024;

/// Why no more messages are received.
#[derive(Debug)]
pub(super) enum Failure {
    Violation(Violation),
    /// The connection has ended.
    Gone,
}

/// How a socket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// This side closes the socket.
    Ours(Close),
    /// The client has closed the socket, with this code if it has given one.
    Theirs(Option<u16>),
    /// The client has broken the protocol.
    Failed(Violation),
    /// The client has left, or has stopped reading.
    Gone,
}

impl End {
    /// Who closes the socket, and the code: 1005 stands for a close frame without a code, and 1006 for an end without a
    /// close frame (RFC 6455 §7.4.1).
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

    /// Whether a message has begun and has not ended.
    pub(super) fn is_within_message(&self) -> bool {
        self.reader.is_within_message()
    }

    /// The next message or control frame of the client. Dropping the future loses nothing.
    pub(super) async fn receive(&mut self) -> Result<SocketMessage, Failure> {
        loop {
            if let Some(incoming) = self.reader.next().map_err(Failure::Violation)? {
                return Ok(incoming);
            }
            poll_fn(|cx| self.poll_fill(cx)).await?;
        }
    }

    /// Reads bytes into a buffer on the stack first, so that a socket that waits holds no buffer on the heap.
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

    /// Sends a frame. After an error, or if the future is dropped, a part of the frame may have been sent.
    async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let head = OwnHead::new(opcode, payload.len());
        let mut frame = head.as_bytes().chain(payload);
        let sending = async {
            self.stream.write_all_buf(&mut frame).await?;
            self.stream.flush().await
        };
        timeout(SEND_TIMEOUT, sending).await?
    }

    /// Closes the socket: sends a close frame, waits for the client's own, then closes this side of the connection (RFC
    /// 6455 §7.1.1).
    ///
    /// The connection itself lingers ([`crate::http::linger`]) if [`Idle`](crate::http::idle::Idle) says that bytes may
    /// be unread. The wait for a client's answer is bounded.
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
        // An error means that the client has left.
        let _: io::Result<()> = closing.await;
    }

    async fn send_close(&mut self, close: Option<Close>) -> io::Result<()> {
        let payload = close.map(|Close(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat());
        timeout(CLOSE_TIMEOUT, self.send(Opcode::Close, &payload.unwrap_or_default())).await?
    }

    /// Waits until the client has closed its side too. Messages that it sends before are dropped.
    async fn closed(&mut self) {
        while !matches!(self.receive().await, Err(_) | Ok(SocketMessage::Close(_))) {}
    }
}

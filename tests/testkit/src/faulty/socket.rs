//! What a faulty upstream talks over.

use rustls::ServerConfig;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How an upstream secures its connections.
#[derive(Debug, Clone)]
pub enum Security {
    /// Not at all: the only one whose URL is `http`.
    Plain,
    /// By TLS.
    Tls(Arc<ServerConfig>),
    /// It takes connections, and never says a word.
    Silent,
    /// It says something else than TLS, and goes on.
    Garbage,
}

impl Security {
    /// TLS that callers who trust [`crate::tls::authority`] take, or none.
    #[must_use]
    pub fn of(is_secure: bool) -> Self {
        if is_secure { Self::Tls(crate::tls::local()) } else { Self::Plain }
    }
}

/// An accepted connection, behind its handshake if it has one.
#[derive(Debug)]
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// `None`: there was no handshake.
    pub(super) async fn accept(mut stream: TcpStream, security: Security) -> Option<Self> {
        // Otherwise what is written behind TLS's tickets waits for a delayed acknowledgement of them.
        let _ = stream.set_nodelay(true);
        let mut scratch = [0; 1024];
        match security {
            Security::Plain => Some(Self::Plain(stream)),
            Security::Tls(config) => {
                let stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
                Some(Self::Tls(Box::new(stream)))
            }
            Security::Silent | Security::Garbage => {
                if matches!(security, Security::Garbage) {
                    stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await.ok()?;
                }
                while matches!(stream.read(&mut scratch).await, Ok(count) if count > 0) {}
                None
            }
        }
    }

    /// The connection below TLS.
    pub(super) fn tcp(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

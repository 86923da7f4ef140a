//! The connections of a faulty upstream, plain or over TLS.

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
    /// Without TLS. Only these upstreams have a URL with `http`.
    Plain,
    /// With TLS of this configuration.
    Tls(Arc<ServerConfig>),
    /// The upstream accepts connections and never sends a byte.
    Silent,
    /// The upstream sends bytes that are not TLS instead of a handshake.
    Garbage,
}

impl Security {
    /// If `is_secure` is true, TLS that callers accept if they trust [`crate::tls::authority`], otherwise no TLS.
    #[must_use]
    pub fn of(is_secure: bool) -> Self {
        if is_secure { Self::Tls(crate::tls::local()) } else { Self::Plain }
    }
}

/// An accepted connection. Over TLS, its handshake is done.
#[derive(Debug)]
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Does the handshake of TLS, if `security` has one. `None` if it fails, or if `security` speaks no protocol at
    /// all.
    pub(super) async fn accept(mut stream: TcpStream, security: Security) -> Option<Self> {
        // Without this option, bytes that follow the session tickets of TLS wait for a delayed acknowledgement of the
        // tickets.
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

    /// The TCP connection below TLS.
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

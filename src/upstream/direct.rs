//! HTTP/1.1 to services, over TCP or TLS. The call that uses a connection drives it.
//!
//! In: a request to a service's host. Out: the response, chunk by chunk.
//! Elsewhere: which certificates are trusted over TLS ([`super::tls`]); what may be sent, how often, and for how long
//! ([`super::http_service`]).
//!
//! No library's pooled client is used here. Such a client gives each connection a task of its own, and passes the
//! request, the head and each chunk between that task and the caller's, mostly across threads. Here a call polls its
//! connection itself, and only the socket wakes it.
//!
//! Always true:
//! - a connection has one call at a time; a call that is dropped before the end of its body closes its connection;
//! - a request goes to a second connection only if nothing of it was sent;
//! - the number of idle connections and the time that they are kept have bounds;
//! - bytes of an answer are counted as plaintext, so the same bounds hold over TLS.

mod connect;
mod connection;
mod pool;
mod transport;

use super::client::ClientOptions;
use bytes::Bytes;
use connect::Connect;
pub(super) use connect::Secure;
use connection::{Connection, NoHead};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use pool::Pool;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type OutgoingRequest = Request<Full<Bytes>>;

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum DirectError {
    /// There was no connection within the connect timeout.
    Slow,
    /// There was no connection, or it ended before anything was sent.
    Connect(Box<dyn Error + Send + Sync>),
    /// The connection had been used before, and ended before any byte of an answer came. The host may have closed it
    /// for being idle before the request arrived (RFC 9112 §9.5).
    Stale(hyper::Error),
    /// The connection broke before the head of the answer was read.
    Head(hyper::Error),
    /// The connection broke while the body was read.
    Body(hyper::Error),
}

/// Connections to one host. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Direct {
    pool: Arc<Pool>,
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub(super) struct Open {
    pool: Arc<Pool>,
    /// Boxed because a connection is large and moves from call to pool and back.
    connection: Option<Box<Connection>>,
    response: Response<Incoming>,
}

impl Direct {
    /// A client without connections yet. `origin` is the scheme and authority; `secure` is the name and the TLS setup
    /// of the host, if it is reached over TLS.
    pub(super) fn new(origin: Uri, secure: Option<Secure>, options: &ClientOptions) -> Self {
        let connect = Connect::new(origin, secure, options);
        Self { pool: Arc::new(Pool::new(connect, options)) }
    }

    /// The scheme and authority of the host.
    pub(super) fn origin(&self) -> &Uri {
        &self.pool.connect.origin
    }

    /// Sends a request over a connection that has been idle for at most `max_idle`, or over a new one. The request's
    /// URI must be in origin form, and it must have a `host`. Dropping the future closes the connection.
    pub(super) async fn send(&self, mut request: OutgoingRequest, max_idle: Duration) -> Result<Open, DirectError> {
        while let Some(mut connection) = self.pool.take(max_idle) {
            match connection.send(request).await {
                Ok(response) => return Ok(self.opened(connection, response)),
                // The host had closed the connection meanwhile, and nothing was sent.
                Err(NoHead { mut error, is_silent }) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None if is_silent => return Err(DirectError::Stale(error.into_error())),
                    None => return Err(DirectError::Head(error.into_error())),
                },
            }
        }
        self.send_afresh(request).await
    }

    /// Sends a request as [`Direct::send`] does, but over a new connection.
    pub(super) async fn send_afresh(&self, request: OutgoingRequest) -> Result<Open, DirectError> {
        let mut connection = self.pool.connect().await?;
        match connection.send(request).await {
            Ok(response) => Ok(self.opened(connection, response)),
            Err(NoHead { mut error, .. }) => Err(match error.take_message() {
                // The connection ended before anything was sent, which is the same as no connection.
                Some(_) => DirectError::Connect(error.into_error().into()),
                None => DirectError::Head(error.into_error()),
            }),
        }
    }

    fn opened(&self, connection: Box<Connection>, response: Response<Incoming>) -> Open {
        Open { pool: Arc::clone(&self.pool), connection: Some(connection), response }
    }
}

impl Open {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The number of bytes of the body that are still to come, if the head of the answer tells it.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.response.body().size_hint().exact()
    }

    /// The next chunk of the body; `None` at its end, when the connection goes back to the pool.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, DirectError> {
        loop {
            let Some(connection) = &mut self.connection else { return Ok(None) };
            let body = self.response.body_mut();
            let frame = match body.is_end_stream() {
                true => None,
                false => connection.drive(|cx| Pin::new(&mut *body).poll_frame(cx)).await,
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    // Trailers are skipped, because nothing uses them.
                    Err(_) => continue,
                },
                Some(Err(error)) => return Err(DirectError::Body(error)),
                None => {
                    if let Some(connection) = self.connection.take() {
                        self.pool.put(connection);
                    }
                    return Ok(None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

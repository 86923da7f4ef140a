//! HTTP/1.1 to services, over TCP and over TLS alike: each connection is driven by the call that has it.
//!
//! In: a request to a service's host. Out: the response, chunk by chunk.
//! Elsewhere: what is trusted over TLS ([`super::tls`]); what may be sent, how often, and for how long
//! ([`super::http_service`]).
//!
//! Why there is no pooled client of a library: it gives each connection a task of its own, and passes the request, the
//! head and each chunk between that task and the caller's, mostly across threads. Here a call polls its connection
//! itself, and nothing wakes anybody but the socket.
//!
//! Always true:
//! - a connection has one call at a time; a call that is dropped before the end of its body closes it;
//! - only a request of which nothing was sent goes to a second connection;
//! - idle connections have a bound and an end;
//! - what is counted of an answer is plaintext: by TLS the same bounds hold.

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

type Outgoing = Request<Full<Bytes>>;

/// Why an exchange came to nothing.
#[derive(Debug)]
pub(super) enum DirectError {
    /// No connection within the connect timeout.
    Slow,
    /// No connection, or one of which nothing came but its end before anything was sent.
    Connect(Box<dyn Error + Send + Sync>),
    /// A connection that had been used before ended, and nothing of an answer had come: it may have been closed for
    /// being idle, before the request arrived (RFC 9112 §9.5).
    Stale(hyper::Error),
    /// It broke before the head was read.
    Head(hyper::Error),
    /// It broke in the body.
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
    /// Boxed: it is large, and moves from call to pool and back.
    connection: Option<Box<Connection>>,
    response: Response<Incoming>,
}

impl Direct {
    /// No connections yet; `origin` is scheme and authority, `secure` how its host is known, if by TLS.
    pub(super) fn new(origin: Uri, secure: Option<Secure>, options: &ClientOptions) -> Self {
        let connect = Connect::new(origin, secure, options);
        Self { pool: Arc::new(Pool::new(connect, options)) }
    }

    /// Scheme and authority of the host.
    pub(super) fn origin(&self) -> &Uri {
        &self.pool.connect.origin
    }

    /// Sends a request whose URI is in origin form and that has a `host`, over a connection that has not been idle for
    /// longer than `max_idle`. Dropping the future closes the connection.
    pub(super) async fn send(&self, mut request: Outgoing, max_idle: Duration) -> Result<Open, DirectError> {
        while let Some(mut connection) = self.pool.take(max_idle) {
            match connection.send(request).await {
                Ok(response) => return Ok(self.opened(connection, response)),
                // The host had closed it meanwhile, and nothing was sent.
                Err(NoHead { mut error, is_silent }) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None if is_silent => return Err(DirectError::Stale(error.into_error())),
                    None => return Err(DirectError::Head(error.into_error())),
                },
            }
        }
        self.send_afresh(request).await
    }

    /// As [`Direct::send`], over a new connection.
    pub(super) async fn send_afresh(&self, request: Outgoing) -> Result<Open, DirectError> {
        let mut connection = self.pool.connect().await?;
        match connection.send(request).await {
            Ok(response) => Ok(self.opened(connection, response)),
            Err(NoHead { mut error, .. }) => Err(match error.take_message() {
                // It ended before anything was sent, as if it had never been.
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

    /// Bytes of the body that are still to come, if the host has said so.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.response.body().size_hint().exact()
    }

    /// The next piece of the body; `None` at its end, where the connection goes back to the pool.
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
                    // Trailers: nobody asked for them.
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
#[path = "direct_tests.rs"]
mod tests;

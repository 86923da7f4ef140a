//! WebSockets: the upgrade of a connection at `/graphql`, and each socket until its close.
//!
//! In: an upgrade with the subprotocol `graphql-transport-ws`. Out: the messages of the socket.
//! Elsewhere: the format of messages ([`super::messages`]); the answers of operations ([`crate::engine`]).
//!
//! `handshake` accepts the upgrade. `frame` and `reader` then assemble messages from bytes, `socket` receives, sends
//! and closes, `connection` speaks the subprotocol, and `operations` runs the operations.
//!
//! The protocol loop of async-graphql is not used. It closes with other codes than the protocol's, accepts one id
//! twice, waits for ever for the first message, and would copy each answer into a tree of values.
//!
//! Always true:
//! - a page in a browser that opens a socket comes from an origin that CORS allows, or from this server;
//! - an operation ends at the latest when the client sends `complete`, when the socket closes or, if it is a
//!   subscription, when the caller's token expires;
//! - a socket stays on the worker of its connection, and keeps the place of that connection until it is closed;
//! - sockets, operations per socket, subscriptions, messages and waits have bounds.
//!
//! # Source
//! "GraphQL over WebSocket Protocol" of `graphql-ws`; RFC 6455.

mod connection;
mod frame;
mod handshake;
mod operations;
mod reader;
mod socket;

use self::connection::Connection;
use self::handshake::Handshake;
pub(super) use self::handshake::is_upgrade;
use self::socket::{End, Socket};
use super::cors::is_allowed;
use super::graphql::refused;
use super::headers::compact;
use super::idle::Idle;
use super::messages::Close;
use super::refusal::Refusal;
use super::server::Server;
use super::site::Site;
use super::streams::{Open, Streams};
use super::takeover::Takeover;
use crate::observe::Metrics;
use axum::body::Body;
use http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::time::timeout_at;

const PROTOCOL: &str = "graphql-transport-ws";

/// Answers the request for an upgrade. The socket is served once the answer has been sent.
pub(super) fn upgrade(site: Site, server: &Server, mut parts: Parts) -> http::Response<Body> {
    begin(site, server, &mut parts).unwrap_or_else(|refusal| refused(server, &parts.headers, &refusal))
}

fn begin(site: Site, server: &Server, parts: &mut Parts) -> Result<http::Response<Body>, Refusal> {
    if !is_allowed(&server.config, &parts.headers) {
        return Err(Refusal::Origin);
    }
    let handshake = Handshake::read(parts)?;
    let answer = handshake.answer();
    let takeover = parts.extensions.remove::<Takeover>();
    // Without a takeover, the HTTP server is another one than `super::serve` and may not bound its connections, so the
    // sockets are bounded here.
    let most = if takeover.is_some() { u32::MAX } else { server.config.max_connections.get() };
    let open = server.streams.socket(most).ok_or(Refusal::Overloaded)?;
    let idle = takeover.as_ref().map_or_else(|| Idle::new(tokio::time::Instant::now()), |takeover| takeover.idle());
    let served = AcceptedSocket {
        connection: handshake.has_protocol.then(|| Box::new(Connection::new(site, compact(&parts.headers)))),
        max_message_bytes: server.config.max_socket_message_bytes.get(),
        idle,
        metrics: Arc::clone(&server.metrics),
        streams: Arc::clone(&server.streams),
        _open: open,
    };
    let serving = Box::pin(serve(handshake.upgraded, served));
    match takeover {
        Some(takeover) => takeover.upgrade(serving),
        None => _ = tokio::spawn(serving),
    }
    Ok(answer)
}

/// A socket that is to be served.
struct AcceptedSocket {
    /// The connection; `None` if its client does not offer our subprotocol. It is boxed, because every future through
    /// which it is moved has room for it.
    connection: Option<Box<Connection>>,
    max_message_bytes: usize,
    idle: Arc<Idle>,
    metrics: Arc<Metrics>,
    streams: Arc<Streams>,
    _open: Open,
}

async fn serve(upgraded: OnUpgrade, served: AcceptedSocket) {
    let Ok(upgraded) = upgraded.await else { return };
    let AcceptedSocket { connection, max_message_bytes, idle, metrics, streams, _open } = served;
    let mut socket = Socket::new(TokioIo::new(upgraded), max_message_bytes);
    let end = match connection {
        Some(connection) => connection.run(&mut socket, &idle).await,
        None => End::Ours(Close::new(4406, "Subprotocol not acceptable")),
    };
    let (by, code) = end.told();
    metrics.count_close(by, code);
    // The connection is ending already. It counts as busy from now on, so that it is not chosen to end for a new one.
    let _ending = idle.request();
    // The client may still be sending. If the connection were closed at once, a reset would take the close frame from
    // the client.
    idle.leaves_unread();
    match streams.ends.last_close() {
        None => socket.end(&end).await,
        // The wait ends before the cut-off, so that a client that does not answer the close is not counted as cut off.
        Some(last) => _ = timeout_at(last, socket.end(&end)).await,
    }
}

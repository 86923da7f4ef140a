//! WebSocket: the upgrade of `/graphql`, and one connection from its start to its close.
//!
//! In: an upgrade with the sub-protocol `graphql-transport-ws`. Out: its messages.
//! Elsewhere: their wording ([`super::messages`]); what the operations answer ([`crate::engine`]).
//!
//! The way of a message: `handshake` accepts the upgrade, `frame` and `reader` put messages together from bytes, `socket`
//! receives, sends and closes, `connection` speaks the sub-protocol, and `operations` runs what it asks for.
//!
//! Our own protocol loop rather than async-graphql's, which closes with other codes than the protocol's, takes an id
//! twice, waits for ever for the first message and would copy each answer into a tree of values.
//!
//! Always true:
//! - the browser's page comes from an origin that CORS allows, or from this server;
//! - an operation ends with the client's `complete`, with the connection, and with the caller's token;
//! - a socket is served where its connection was accepted, and keeps the place of that connection until it is closed;
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

/// Answers the upgrade; the socket is served once the answer has been sent.
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
    // A server that is not ours bounds its connections by itself, if at all.
    let most = if takeover.is_some() { u32::MAX } else { server.config.max_connections.get() };
    let open = server.streams.socket(most).ok_or(Refusal::Overloaded)?;
    let idle = takeover.as_ref().map_or_else(|| Idle::new(tokio::time::Instant::now()), |takeover| takeover.idle());
    let served = Served {
        connection: handshake.has_protocol.then(|| Connection::new(site, compact(&parts.headers))),
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
struct Served {
    /// `None`: its client speaks another sub-protocol.
    connection: Option<Connection>,
    max_message_bytes: usize,
    idle: Arc<Idle>,
    metrics: Arc<Metrics>,
    streams: Arc<Streams>,
    _open: Open,
}

async fn serve(upgraded: OnUpgrade, served: Served) {
    let Ok(upgraded) = upgraded.await else { return };
    let Served { connection, max_message_bytes, idle, metrics, streams, _open } = served;
    let mut socket = Socket::new(TokioIo::new(upgraded), max_message_bytes);
    let end = match connection {
        Some(connection) => connection.run(&mut socket, &idle).await,
        None => End::Ours(Close::new(4406, "Subprotocol not acceptable")),
    };
    let (by, code) = end.told();
    metrics.count_close(by, code);
    // Whoever looks for a connection to end leaves this one alone: it does end.
    let _ending = idle.request();
    // The client may be sending still: closed at once, its system would throw away what it has not read of the close.
    idle.leaves_unread();
    match streams.ends.last_close() {
        None => socket.end(&end).await,
        // All has been said: whoever does not answer is no connection that was cut off.
        Some(last) => _ = timeout_at(last, socket.end(&end)).await,
    }
}

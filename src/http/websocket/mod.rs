//! WebSocket: the upgrade of `/graphql`, and one connection from its start to its close.
//!
//! In: an upgrade with the sub-protocol `graphql-transport-ws`. Out: its messages.
//! Elsewhere: their wording ([`super::messages`]); what the operations answer ([`crate::engine`]).
//!
//! Our own protocol loop rather than async-graphql's, which closes with other codes than the protocol's, takes an id
//! twice, waits for ever for the first message and would copy each answer into a tree of values.
//!
//! Always true:
//! - the browser's page comes from an origin that CORS allows, or from this server;
//! - an operation ends with the client's `complete`, with the connection, and with the caller's token;
//! - before this side closes a socket whose client may come back, what is running and is no subscription is answered, and
//!   nothing new is started: clients send again what was not answered, so that a write would be made twice;
//! - sockets, operations per socket, subscriptions, messages and waits have bounds.
//!
//! # Source
//! "GraphQL over WebSocket Protocol" of `graphql-ws`.

mod connection;
mod operations;

use self::connection::Connection;
use super::cors::is_allowed;
use super::messages::Close;
use super::server::Server;
use super::site::Site;
use super::streams::Open;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::IntoResponse;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use std::time::Duration;

const PROTOCOL: &str = "graphql-transport-ws";
/// Room that each connection takes for reading while nothing large comes, in bytes.
const READ_BUFFER: usize = 4_096;
/// How long a client may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers the upgrade; the connection then runs by itself.
pub(super) async fn upgrade(site: Site, server: &Server, mut parts: Parts) -> http::Response<Body> {
    if !is_allowed(&server.config, &parts.headers) {
        return (StatusCode::FORBIDDEN, "this origin is not allowed").into_response();
    }
    let Some(open) = server.streams.socket(server.config.max_connections.get()) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many connections").into_response();
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let most = server.config.max_socket_message_bytes.get();
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(most).max_frame_size(most);
    let upgrade = upgrade.read_buffer_size(READ_BUFFER);
    upgrade.on_upgrade(move |socket| serve(socket, site, parts.headers, open))
}

async fn serve(mut socket: WebSocket, site: Site, headers: HeaderMap, open: Open) {
    let close = match socket.protocol() {
        Some(_) => Connection::new(site, headers).run(&mut socket).await,
        None => Some(Close::new(4406, "Subprotocol not acceptable")),
    };
    let ending = async {
        if let Some(Close(code, reason)) = close {
            let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into_owned().into() }))).await;
        }
        // Reading on answers the client's own close, and keeps ours from being lost with what is not read.
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, ending).await;
    drop(open);
}

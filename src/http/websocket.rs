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
//! - sockets, operations per socket, subscriptions, messages and waits have bounds.
//!
//! # Source
//! "GraphQL over WebSocket Protocol" of `graphql-ws`.

use super::correlation::Correlation;
use super::cors::is_allowed;
use super::counted::Counted;
use super::graphql::text_of;
use super::messages::{Authorization, Client, Close, Message as Wire};
use super::server::Server;
use super::site::Site;
use super::streams::OpenSocket;
use crate::engine::{Request, ResponseKind, StreamRequest, Streamed, Wording};
use crate::observe::RequestRecord;
use crate::policy::Caller;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, AbortHandle, Abortable, BoxStream, SelectAll};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

const PROTOCOL: &str = "graphql-transport-ws";
/// Longest wait for `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(12);
/// A client that was silent for so long is gone: it answers pings.
const SILENCE: Duration = Duration::from_secs(40);
/// Room that each connection takes for reading while nothing large comes, in bytes.
const READ_BUFFER: usize = 4_096;
/// Longest wait for a client to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
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

async fn serve(mut socket: WebSocket, site: Site, headers: HeaderMap, open: OpenSocket) {
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

/// What an operation gives.
enum Step {
    Part(Streamed),
    Panicked,
    /// It has nothing more to give.
    Ended,
}

struct Connection {
    site: Site,
    /// Of the upgrade; the first message may replace the credential.
    headers: HeaderMap,
    correlation: Correlation,
    caller: Option<Arc<Caller>>,
    is_initialised: bool,
    /// Operations so far.
    count: u64,
    steps: SelectAll<BoxStream<'static, (String, Step)>>,
    running: HashMap<String, Running>,
}

/// An operation that has not ended; dropped, it is cancelled.
struct Running {
    abort: AbortHandle,
    counted: Counted,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl Connection {
    fn new(site: Site, headers: HeaderMap) -> Self {
        let correlation = Correlation::of(&headers);
        Self {
            site,
            headers,
            correlation,
            caller: None,
            is_initialised: false,
            count: 0,
            steps: SelectAll::new(),
            running: HashMap::new(),
        }
    }

    /// Runs until somebody ends it. `None`: the client did.
    async fn run(mut self, socket: &mut WebSocket) -> Option<Close> {
        let mut stopping = self.site.now().streams.stopping();
        let started = Instant::now();
        let mut heard = started;
        let mut expires: Option<Instant> = None;
        let mut ping = tokio::time::interval_at(started + PING_EVERY, PING_EVERY);
        loop {
            let limit = match (self.caller.is_some(), expires) {
                (false, _) => Some(started + INIT_TIMEOUT),
                (true, expires) => expires,
            };
            let at_limit = async {
                match limit {
                    Some(limit) => tokio::time::sleep_until(limit).await,
                    None => std::future::pending().await,
                }
            };
            let reply = tokio::select! {
                received = socket.recv() => {
                    heard = Instant::now();
                    match received {
                        None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(message)) => self.receive(&message.into_data()),
                    }
                }
                Some((id, step)) = self.steps.next() => Ok(self.step(id, step)),
                () = at_limit => Err(match self.caller {
                    None => Close::new(4408, "Connection initialisation timeout"),
                    Some(_) => Close::new(4403, "Forbidden"),
                }),
                () = stopping.wait() => Err(Close::new(1001, "Going away")),
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE {
                        return None;
                    }
                    if send(socket, Message::Ping(Default::default())).await.is_err() {
                        return None;
                    }
                    continue;
                }
            };
            let messages = match reply {
                Ok(messages) => messages,
                Err(close) => return Some(close),
            };
            if expires.is_none()
                && let Some(remaining) = self.caller.as_ref().and_then(|caller| caller.remaining(SystemTime::now()))
            {
                expires = Some(Instant::now() + remaining);
            }
            for message in messages {
                if send(socket, Message::Text(message.into())).await.is_err() {
                    return None;
                }
            }
        }
    }

    /// Takes a message in; gives what is sent in reply.
    fn receive(&mut self, text: &Bytes) -> Result<Vec<String>, Close> {
        let message = Client::read(text).ok_or(Close::new(4400, "Invalid message"))?;
        match message {
            Client::ConnectionInit { authorization } => self.init(authorization),
            Client::Ping { payload } => {
                let payload = payload.as_deref().and_then(|payload| std::str::from_utf8(payload).ok());
                Ok(vec![Wire::Pong { payload }.text()])
            }
            Client::Pong => Ok(Vec::new()),
            Client::Complete { id } => {
                self.running.remove(&id);
                Ok(Vec::new())
            }
            Client::Subscribe { id, request } => {
                let caller = self.caller.clone().ok_or(Close::new(4401, "Unauthorized"))?;
                if self.running.contains_key(&id) {
                    return Err(Close::subscriber_exists(&id));
                }
                Ok(self.subscribe(id, request, &caller))
            }
        }
    }

    fn init(&mut self, authorization: Option<Authorization>) -> Result<Vec<String>, Close> {
        if std::mem::replace(&mut self.is_initialised, true) {
            return Err(Close::new(4429, "Too many initialisation requests"));
        }
        if let Some(given) = authorization {
            let value = match given {
                Authorization::Text(text) => HeaderValue::from_str(&text).ok(),
                Authorization::Other => None,
            };
            self.headers.insert(header::AUTHORIZATION, value.ok_or(Close::new(4403, "Forbidden"))?);
        }
        let server = self.site.now();
        let verifier = server.verifier.as_ref();
        let claims = verifier.map(|verifier| verifier.authenticate(&self.headers, SystemTime::now()));
        let claims = claims.transpose().map_err(|_| Close::new(4403, "Forbidden"))?.flatten();
        self.caller = Some(Arc::new(Caller {
            claims,
            headers: self.headers.clone(),
            request_id: self.correlation.request_id.clone(),
            traceparent: self.correlation.traceparent.clone(),
            tracestate: self.correlation.tracestate.clone(),
        }));
        Ok(vec![Wire::ConnectionAck.text()])
    }

    fn subscribe(&mut self, id: String, request: Request, caller: &Arc<Caller>) -> Vec<String> {
        let server = self.site.now();
        let most = usize::try_from(server.config.max_operations_per_socket.get()).unwrap_or(usize::MAX);
        let has_room = self.running.len() < most && server.door.is_in_time();
        let permit = has_room.then(|| server.streams.subscribe()).flatten();
        let Some(permit) = permit else {
            return vec![Wire::refused(&id, "OVERLOADED", "too many operations at once; try again").text()];
        };
        self.count += 1;
        let request_id = self.correlation.request_id.numbered(self.count);
        let now = std::time::Instant::now();
        let record = RequestRecord::begin(Arc::clone(&server.metrics), request_id.clone(), now);
        let timeout = server.config.request_timeout;
        let stream = server.engine().stream(StreamRequest {
            request,
            caller: Arc::new(Caller { request_id: request_id.clone(), ..Caller::clone(caller) }),
            deadline: now + timeout,
            wording: Some(Wording::Current),
            event_timeout: Some(timeout),
        });
        let tag = id.clone();
        let steps = AssertUnwindSafe(stream).catch_unwind().map(move |part| match part {
            Ok(part) => Step::Part(part),
            Err(panic) => {
                tracing::error!(request_id = request_id.as_str(), panic = text_of(&*panic), "panicked");
                Step::Panicked
            }
        });
        let steps = steps.chain(stream::iter([Step::Ended])).map(move |step| {
            let _held = &permit;
            (tag.clone(), step)
        });
        let (abort, registration) = AbortHandle::new_pair();
        self.steps.push(Abortable::new(steps, registration).boxed());
        self.running.insert(id, Running { abort, counted: Counted::new(record) });
        Vec::new()
    }

    /// The messages for what an operation gave.
    fn step(&mut self, id: String, step: Step) -> Vec<String> {
        let Some(running) = self.running.get_mut(&id) else { return Vec::new() };
        let mut messages = Vec::new();
        let is_over = match step {
            Step::Part(part) => {
                running.counted.add(&part);
                let body = std::str::from_utf8(&part.response.body).unwrap_or("null");
                if part.response.kind == ResponseKind::Executed {
                    messages.push(Wire::Next { id: &id, payload: body }.text());
                    if part.is_last {
                        messages.push(Wire::Complete { id: &id }.text());
                    }
                } else {
                    messages.push(Wire::error(&id, body).text());
                }
                part.is_last
            }
            Step::Panicked => {
                messages.push(Wire::refused(&id, "INTERNAL", "internal error").text());
                true
            }
            Step::Ended => {
                running.counted.end();
                messages.push(Wire::Complete { id: &id }.text());
                true
            }
        };
        if is_over {
            self.running.remove(&id);
        }
        messages
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

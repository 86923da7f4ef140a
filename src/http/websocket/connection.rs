//! One WebSocket from its first message to its close: what its client sends, and what it is sent.
//!
//! In: messages of the client, and what its operations give. Out: messages, and why the socket is closed.
//! Elsewhere: the upgrade and the close ([`super`]); the operations ([`super::operations`]).

use super::operations::Operations;
use crate::http::correlation::Correlation;
use crate::http::messages::{Authorization, Client, Close, Message as Wire};
use crate::http::site::Site;
use crate::policy::Caller;
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Longest wait for `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(12);
/// A client that was silent for so long is gone: it answers pings.
const SILENCE: Duration = Duration::from_secs(40);
/// Longest wait for a client to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// An open socket that speaks the sub-protocol.
pub(super) struct Connection {
    site: Site,
    /// Of the upgrade; the first message may replace the credential.
    headers: HeaderMap,
    correlation: Correlation,
    caller: Option<Caller>,
    is_initialised: bool,
    operations: Operations,
}

impl Connection {
    pub(super) fn new(site: Site, headers: HeaderMap) -> Self {
        let correlation = Correlation::of(&headers);
        Self { site, headers, correlation, caller: None, is_initialised: false, operations: Operations::new() }
    }

    /// Runs until somebody ends it. `None`: the client did.
    pub(super) async fn run(mut self, socket: &mut WebSocket) -> Option<Close> {
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
                Some((id, step)) = self.operations.next() => Ok(self.operations.messages(&id, step)),
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
                self.operations.cancel(&id);
                Ok(Vec::new())
            }
            Client::Subscribe { id, request } => {
                let caller = self.caller.as_ref().ok_or(Close::new(4401, "Unauthorized"))?;
                if self.operations.is_running(&id) {
                    return Err(Close::subscriber_exists(&id));
                }
                Ok(self.operations.start(&self.site.now(), id, request, caller))
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
        self.caller = Some(Caller {
            claims,
            headers: self.headers.clone(),
            request_id: self.correlation.request_id.clone(),
            traceparent: self.correlation.traceparent.clone(),
            tracestate: self.correlation.tracestate.clone(),
        });
        Ok(vec![Wire::ConnectionAck.text()])
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

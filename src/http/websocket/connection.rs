//! Runs one WebSocket from its first message to its close: the messages that its client sends, and those that it is
//! sent.
//!
//! In: messages of the client, and the results of its operations. Out: messages to the client, and the reason of the
//! close.
//! Elsewhere: the upgrade and the close ([`super`]); the operations ([`super::operations`]).

use super::operations::Operations;
use super::reader::SocketMessage;
use super::socket::{End, Socket};
use crate::engine::Request;
use crate::http::caller::{caller, claims};
use crate::http::correlation::Correlation;
use crate::http::ending::{EndReason, Generation};
use crate::http::idle::{Idle, InRequest};
use crate::http::messages::{Authorization, Client, Close, Message as Wire};
use crate::http::refusal::Refusal;
use crate::http::server::Server;
use crate::http::site::Site;
use crate::policy::Caller;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Longest wait for `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the client is sent a ping.
const PING_EVERY: Duration = Duration::from_secs(12);
/// How long a client may be silent before it counts as gone, because a client must answer pings. Control frames between
/// the fragments of a message do not end the silence.
const SILENCE: Duration = Duration::from_secs(40);

/// An open socket that speaks the subprotocol.
pub(super) struct Connection {
    site: Site,
    /// The headers of the upgrade. The first message may replace the credential in them.
    headers: HeaderMap,
    correlation: Correlation,
    caller: Option<Caller>,
    /// The server with whose configuration the caller's token was verified.
    verified_by: Generation,
    is_initialised: bool,
    operations: Operations,
    /// Why the socket is to be closed; `None` while it stays open. It is closed as soon as all running operations that
    /// are not subscriptions have been answered.
    leaving: Option<Close>,
}

impl Connection {
    pub(super) fn new(site: Site, headers: HeaderMap) -> Self {
        let correlation = Correlation::of(&headers);
        Self {
            site,
            headers,
            correlation,
            caller: None,
            verified_by: 0,
            is_initialised: false,
            operations: Operations::new(),
            leaving: None,
        }
    }

    /// Runs until the client or this side ends the socket, and drops the operations that have not ended.
    ///
    /// While no operation runs, the connection counts as waiting for its client, and may be told to end for a new one.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        mut self: Box<Self>,
        socket: &mut Socket<S>,
        idle: &Arc<Idle>,
    ) -> End {
        let mut end = self.site.now().streams.ends.stream();
        let started = Instant::now();
        let mut heard = started;
        let mut expires: Option<Instant> = None;
        let mut ping = tokio::time::interval_at(started + PING_EVERY, PING_EVERY);
        let mut busy: Option<InRequest> = None;
        loop {
            if let Some(close) = self.leaving.take_if(|_| self.operations.end_subscriptions()) {
                return End::Ours(close);
            }
            busy = match self.operations.is_empty() {
                true => None,
                false => busy.or_else(|| Some(idle.request())),
            };
            let (is_leaving, oldest) = (self.leaving.is_some(), self.operations.oldest_subscribed());
            let limit = match self.caller {
                None => Some(started + INIT_TIMEOUT),
                Some(_) => expires.filter(|_| !is_leaving),
            };
            let at_end = async {
                if !is_leaving {
                    return Some(end.wait(oldest).await);
                }
                end.last_words().await;
                None
            };
            let at_limit = async {
                match limit {
                    Some(limit) => tokio::time::sleep_until(limit).await,
                    None => std::future::pending().await,
                }
            };
            let reply = tokio::select! {
                received = socket.receive() => match received {
                    Err(failure) => return failure.into(),
                    Ok(SocketMessage::Close(code)) => return End::Theirs(code),
                    Ok(SocketMessage::Text(message)) => {
                        heard = Instant::now();
                        // The future is boxed, because messages are rare and its memory should not be held between
                        // them.
                        Box::pin(self.receive(&message)).await
                    }
                    Ok(control) => {
                        if !socket.is_within_message() {
                            heard = Instant::now();
                        }
                        if let SocketMessage::Ping(payload) = control && socket.pong(&payload).await.is_err() {
                            return End::Gone;
                        }
                        continue;
                    }
                },
                Some((id, step)) = self.operations.next() => Ok(self.operations.messages(&id, step)),
                () = at_limit => match self.caller {
                    None => Err(Close::new(4408, "Connection initialisation timeout")),
                    Some(_) => {
                        self.leaving = Some(Close::new(4403, "Forbidden"));
                        continue;
                    }
                },
                reason = at_end => match reason {
                    Some(reason) => {
                        Box::pin(self.leave(reason)).await;
                        continue;
                    }
                    None => Ok(self.operations.give_up()),
                },
                () = idle.told_to_end() => match idle.waiting_since() {
                    Some(_) => Err(Close::new(1013, "Too many connections")),
                    // An operation has begun meanwhile, so the socket stays open.
                    None => continue,
                },
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE || socket.ping().await.is_err() {
                        return End::Gone;
                    }
                    continue;
                }
            };
            let messages = match reply {
                Ok(messages) => messages,
                Err(close) => return End::Ours(close),
            };
            if expires.is_none()
                && let Some(remaining) = self.caller.as_ref().and_then(|caller| caller.remaining(SystemTime::now()))
            {
                expires = Some(Instant::now() + remaining);
            }
            for message in messages {
                if socket.text(&message).await.is_err() {
                    return End::Gone;
                }
            }
        }
    }

    /// Handles a message of the client, and returns the messages that are sent in reply.
    async fn receive(&mut self, text: &Bytes) -> Result<Vec<String>, Close> {
        let message = Client::read(text).ok_or(Close::new(4400, "Invalid message"))?;
        match message {
            Client::ConnectionInit { authorization } => self.init(authorization).await,
            Client::Ping { payload } => {
                let payload = payload.as_deref().and_then(|payload| std::str::from_utf8(payload).ok());
                Ok(vec![Wire::Pong { payload }.text()])
            }
            Client::Pong => Ok(Vec::new()),
            Client::Complete { id } => {
                self.operations.cancel(&id);
                Ok(Vec::new())
            }
            Client::Subscribe { id, request } => self.subscribe(id, request).await,
        }
    }

    async fn subscribe(&mut self, id: String, request: Request) -> Result<Vec<String>, Close> {
        let server = self.site.now();
        if self.caller.is_none() {
            return Err(Close::new(4401, "Unauthorized"));
        }
        let verified = self.verify_again(&server).await;
        if self.operations.is_running(&id) {
            return Err(Close::subscriber_exists(&id));
        }
        if let Err(close) = verified {
            self.leaving.get_or_insert(close);
        }
        match &self.caller {
            // The operation is not started, because the client sends it again after the close.
            Some(caller) if self.leaving.is_none() => Ok(self.operations.start(&server, id, request, caller)),
            _ => Ok(Vec::new()),
        }
    }

    /// Verifies the caller's credential again if it was not verified with the configuration of `server`, because keys
    /// may have been replaced since then.
    ///
    /// # Errors
    /// The close of the socket, if its caller is no longer accepted.
    async fn verify_again(&mut self, server: &Server) -> Result<(), Close> {
        let Some(caller) = self.caller.as_mut().filter(|_| self.verified_by != server.generation) else {
            return Ok(());
        };
        let claims = claims(server, &caller.headers, deadline(server)).await;
        (caller.claims, self.verified_by) = (claims.map_err(refused)?, server.generation);
        Ok(())
    }

    /// Begins to end the socket, for the given reason.
    async fn leave(&mut self, reason: EndReason) {
        let server = self.site.now();
        self.leaving = Some(match reason {
            EndReason::Stop => Close::new(1001, "Going away"),
            EndReason::Replaced => match self.verify_again(&server).await {
                Ok(()) => Close::new(1012, "Service restart"),
                Err(close) => close,
            },
        });
    }

    async fn init(&mut self, authorization: Option<Authorization>) -> Result<Vec<String>, Close> {
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
        // The headers are moved, because they are not needed again and an idle socket should hold them only once.
        let headers = std::mem::take(&mut self.headers);
        let caller = caller(&server, headers, &self.correlation, deadline(&server)).await.map_err(refused)?;
        (self.caller, self.verified_by) = (Some(caller), server.generation);
        Ok(vec![Wire::ConnectionAck.text()])
    }
}

/// The latest end of an authentication that begins now.
fn deadline(server: &Server) -> std::time::Instant {
    std::time::Instant::now() + server.config.request_timeout
}

/// The close of a socket whose caller could not be authenticated.
fn refused(refusal: Refusal) -> Close {
    match refusal {
        Refusal::Unauthenticated(_) => Close::new(4403, "Forbidden"),
        // The credential may be valid, so the client should connect again.
        _ => Close::new(1013, "Try again later"),
    }
}

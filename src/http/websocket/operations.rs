//! The operations of one WebSocket: how they start, what they yield, and how they end.
//!
//! In: `subscribe` messages. Out: the messages that answer them.
//! Elsewhere: the socket and its messages ([`super::connection`]); the answers of operations ([`crate::engine`]).
//!
//! Always true:
//! - two operations that run at the same time have different ids;
//! - an operation that was cancelled, or dropped with its socket, sends nothing more.

use crate::engine::{Request, ResponseKind, ResponsePart, StreamRequest, Wording};
use crate::http::counted::CountedStream;
use crate::http::ending::Generation;
use crate::http::graphql::text_of;
use crate::http::messages::Message;
use crate::http::server::Server;
use crate::observe::RequestRecord;
use crate::policy::Caller;
use futures_util::StreamExt;
use futures_util::stream::{self, AbortHandle, Abortable, BoxStream, SelectAll};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// What an operation yields.
pub(super) enum Step {
    Part(ResponsePart),
    Panicked,
    /// The operation has ended.
    Ended,
}

/// The operations of one socket that have not ended.
pub(super) struct Operations {
    /// The number of operations that were started so far.
    count: u64,
    steps: SelectAll<BoxStream<'static, (String, Step)>>,
    /// Boxed, because a map with one entry has room for four.
    running: HashMap<String, Box<RunningOperations>>,
}

/// An operation that has not ended. Dropping this cancels it.
struct RunningOperations {
    abort: AbortHandle,
    counted: CountedStream,
    /// The server that the operation reads from.
    of: Generation,
}

impl Drop for RunningOperations {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl Operations {
    pub(super) fn new() -> Self {
        Self { count: 0, steps: SelectAll::new(), running: HashMap::new() }
    }

    pub(super) fn is_running(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn cancel(&mut self, id: &str) {
        self.running.remove(id);
    }

    /// The oldest server that one of the subscriptions reads from; `None` if there is no subscription.
    pub(super) fn oldest_subscribed(&self) -> Option<Generation> {
        let subscriptions = self.running.values().filter(|running| running.counted.is_subscription());
        subscriptions.map(|running| running.of).min()
    }

    /// Ends the operations that are known to be subscriptions, without a message to the client. Returns whether no
    /// other operation is running.
    pub(super) fn end_subscriptions(&mut self) -> bool {
        self.running.retain(|_, running| !running.counted.is_subscription());
        self.running.is_empty()
    }

    /// Ends all operations, and returns the messages that tell the client.
    pub(super) fn give_up(&mut self) -> Vec<String> {
        let message = "this process stops; whether a write took place is not known";
        let messages = self.running.keys().map(|id| Message::refused(id, "STOPPING", message).text()).collect();
        self.running.clear();
        messages
    }

    /// The next result of any operation, with the operation's id; `None` if no operation is running.
    pub(super) async fn next(&mut self) -> Option<(String, Step)> {
        self.steps.next().await
    }

    /// Starts an operation. If there is no room for it, returns the messages that refuse it.
    pub(super) fn start(&mut self, server: &Server, id: String, request: Request, caller: &Caller) -> Vec<String> {
        let most = usize::try_from(server.config.max_operations_per_socket.get()).unwrap_or(usize::MAX);
        let has_room = self.running.len() < most && server.admission.is_in_time();
        let permit = has_room.then(|| server.streams.subscribe(server.config.max_subscriptions.get())).flatten();
        let Some(permit) = permit else {
            return vec![Message::refused(&id, "OVERLOADED", "too many operations at once; try again").text()];
        };
        self.count += 1;
        let request_id = caller.request_id.numbered(self.count);
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
        let steps = steps.chain(stream::iter(std::iter::once_with(|| Step::Ended))).map(move |step| {
            let _held = &permit;
            (tag.clone(), step)
        });
        let (abort, registration) = AbortHandle::new_pair();
        self.steps.push(Abortable::new(steps, registration).boxed());
        self.running.insert(
            id,
            Box::new(RunningOperations { abort, counted: CountedStream::new(record), of: server.generation }),
        );
        Vec::new()
    }

    /// The messages for a result of an operation.
    pub(super) fn messages(&mut self, id: &str, step: Step) -> Vec<String> {
        let Some(running) = self.running.get_mut(id) else { return Vec::new() };
        let mut messages = Vec::new();
        let is_over = match step {
            Step::Part(part) => {
                running.counted.add(&part);
                let body = std::str::from_utf8(&part.response.body).unwrap_or("null");
                if part.response.kind == ResponseKind::Executed {
                    messages.push(Message::Next { id, payload: body }.text());
                    if part.is_last {
                        messages.push(Message::Complete { id }.text());
                    }
                } else {
                    messages.push(Message::error(id, body).text());
                }
                part.is_last
            }
            Step::Panicked => {
                messages.push(Message::refused(id, "INTERNAL", "internal error").text());
                true
            }
            Step::Ended => {
                running.counted.end();
                messages.push(Message::Complete { id }.text());
                true
            }
        };
        if is_over {
            self.running.remove(id);
        }
        messages
    }
}

//! Answers that come in parts: deferred fragments, and the events of subscriptions.
//!
//! In: a [`StreamRequest`]. Out: each [`ResponsePart`], in order.
//!
//! Always true: dropping the stream cancels the calls that nobody else waits for.

use super::core::{Engine, refuse, request_error};
use super::feeds::Listener;
use super::model::{Response, ResponseKind, ResponsePart, StreamRequest};
use super::preparation::{ReadyRequest, TransportOptions};
use super::shape::Shape;
use crate::execute::{Part, RunOutput, Wording, poll_interval, run_in_parts};
use crate::operation::OperationKind;
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How many parts may wait for a slow client. No further part is made until it takes one.
const AHEAD: usize = 4;

impl Engine {
    /// Answers a request, in parts if it asks for that.
    pub(super) fn stream_of(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, ResponsePart> {
        // Boxed, so that what preparing takes is not held for as long as a subscription lasts.
        Box::pin(self.begin(request)).flatten_stream().boxed()
    }

    async fn begin(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, ResponsePart> {
        let StreamRequest { request, caller, deadline, wording, event_timeout } = request;
        let wanted = TransportOptions {
            in_parts: wording.is_some(),
            events: event_timeout.is_some(),
            ..TransportOptions::default()
        };
        let ready = match self.ready(request, caller, deadline, wanted).await {
            Ok(ready) => ready,
            Err(response) => return last(response),
        };
        if let (OperationKind::Subscription, Some(timeout)) = (ready.job.planned.plan.kind, event_timeout) {
            return self.events(ready, timeout);
        }
        match wording.filter(|_| ready.job.planned.plan.deferred.is_some()) {
            Some(wording) => driven(move |sender| self.deferred(ready, wording, sender)),
            None => last(self.run(ready).await),
        }
    }

    /// Runs a subscription until the caller's token expires or nobody listens any more.
    fn events(self: Arc<Self>, ready: ReadyRequest, timeout: Duration) -> BoxStream<'static, ResponsePart> {
        let Some(every) = poll_interval(&ready.job.as_run()) else {
            let error = request_error("NOT_SUPPORTED", "this field cannot be subscribed to");
            return last(refuse(ResponseKind::DocumentError, &[error], Some(&ready.shape.prepared)));
        };
        let now = Instant::now();
        let remaining = ready.job.caller.remaining(SystemTime::now());
        let listening = EventStream {
            shape: ready.shape,
            listener: self.feeds().listen(ready.job, every, timeout),
            engine: self,
            // The poll's turn, its call, the turn of the calls behind it, and those calls.
            first_by: Some(now + timeout * 4),
            ends_at: remaining.and_then(|remaining| now.checked_add(remaining)),
            is_over: false,
        };
        stream::unfold(listening, EventStream::next).boxed()
    }

    async fn deferred(self: Arc<Self>, ready: ReadyRequest, wording: Wording, sender: mpsc::Sender<ResponsePart>) {
        let (parts, mut made) = mpsc::channel::<Part>(1);
        let forward = async {
            while let Some(part) = made.recv().await {
                let body = part.body(wording).into();
                let Part { has_next, errors, calls, error_codes, .. } = part;
                let ran = RunOutput { body, errors, calls, error_codes, is_cut: false, held: None };
                let response = self.respond(&ready.shape, ran, false);
                // Nobody receives: the stream was dropped, and this with it.
                let _ = sender.send(ResponsePart { response, is_last: !has_next }).await;
            }
        };
        futures_util::join!(run_in_parts(ready.job.as_run(), parts), forward);
    }
}

/// The stream of one subscriber, and what it keeps between two events.
struct EventStream {
    engine: Arc<Engine>,
    shape: Arc<Shape>,
    listener: Listener,
    /// The latest moment for the first event; `None` after it has come.
    first_by: Option<Instant>,
    /// When the caller's token expires.
    ends_at: Option<Instant>,
    is_over: bool,
}

impl EventStream {
    async fn next(mut self) -> Option<(ResponsePart, Self)> {
        if self.is_over {
            return None;
        }
        let limit = self.ends_at.into_iter().chain(self.first_by).min();
        let event = self.listener.subscriber.next();
        let event = match limit {
            None => Some(event.await),
            Some(limit) => timeout_at(limit, event).await.ok(),
        };
        let streamed = match event {
            Some((ran, is_last)) => self.event(&ran, is_last),
            None => ResponsePart { response: self.ended(), is_last: true },
        };
        self.first_by = None;
        self.is_over = streamed.is_last;
        Some((streamed, self))
    }

    fn event(&self, ran: &RunOutput, is_last: bool) -> ResponsePart {
        self.engine.parts().polls.count_event();
        let response = self.engine.respond(&self.shape, ran.clone(), false);
        // They were counted when they were made, and may be those of many subscribers.
        ResponsePart { response: Response { calls: Vec::new(), ..response }, is_last }
    }

    /// The last answer, after which no event comes.
    fn ended(&self) -> Response {
        let (kind, error) = match self.ends_at {
            Some(ends_at) if ends_at <= Instant::now() => {
                (ResponseKind::DocumentError, request_error("UNAUTHENTICATED", "the token has expired"))
            }
            _ => (ResponseKind::Unavailable, request_error("SERVER_BUSY", "there was no event in time; try again")),
        };
        refuse(kind, &[error], Some(&self.shape.prepared))
    }
}

/// A stream of a single answer.
fn last(response: Response) -> BoxStream<'static, ResponsePart> {
    stream::once(ready(ResponsePart { response, is_last: true })).boxed()
}

/// A stream of the parts that some work sends. The work runs only while the stream is polled, and ends with it.
fn driven<F: Future<Output = ()> + Send + 'static>(
    work: impl FnOnce(mpsc::Sender<ResponsePart>) -> F,
) -> BoxStream<'static, ResponsePart> {
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    let work = stream::once(work(sender)).filter_map(|()| ready(None));
    let sent = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    stream::select(work, sent).boxed()
}

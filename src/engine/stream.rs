//! Answers that come in parts: deferred fragments, and the events of subscriptions.
//!
//! In: a [`StreamRequest`]. Out: [`Streamed`] responses, in order.
//!
//! Always true: dropping the stream cancels the calls that nobody else waits for.

use super::core::{Engine, refuse, request_error};
use super::model::{Response, ResponseKind, StreamRequest, Streamed};
use super::preparation::{Ready, Wanted};
use crate::execute::{Part, Ran, Wording, poll_interval, run_events, run_in_parts};
use crate::operation::OperationKind;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// Parts that may wait for a slow client; further ones are not made before it takes some.
const AHEAD: usize = 4;

impl Engine {
    /// Answers a request in parts, if it asks for that, and whole otherwise.
    pub(super) fn stream_of(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, Streamed> {
        driven(move |sender| self.work(request, sender))
    }

    async fn work(self: Arc<Self>, request: StreamRequest, sender: mpsc::Sender<Streamed>) {
        let StreamRequest { request, caller, deadline, wording, event_timeout } = request;
        let wanted = Wanted { in_parts: wording.is_some(), events: event_timeout.is_some() };
        let ready = match self.ready(request, caller, deadline, wanted).await {
            Ok(ready) => ready,
            Err(response) => return send(&sender, response, true).await,
        };
        if let (OperationKind::Subscription, Some(timeout)) = (ready.job.planned.plan.kind, event_timeout) {
            return self.events(&ready, timeout, &sender).await;
        }
        match wording.filter(|_| ready.job.planned.plan.deferred.is_some()) {
            Some(wording) => self.deferred(&ready, wording, &sender).await,
            None => send(&sender, self.run(ready).await, true).await,
        }
    }

    /// Runs a subscription until the caller's token expires, or nobody listens.
    async fn events(&self, ready: &Ready, timeout: Duration, sender: &mpsc::Sender<Streamed>) {
        let run = ready.job.as_run();
        let Some(every) = poll_interval(&run) else {
            let error = request_error("NOT_SUPPORTED", "this field cannot be subscribed to");
            return send(sender, refuse(ResponseKind::DocumentError, &[error], Some(&ready.shape.prepared)), true)
                .await;
        };
        let (events, mut made) = mpsc::channel(1);
        let work = async {
            let forward = async {
                while let Some(ran) = made.recv().await {
                    send(sender, self.respond(&ready.shape, ran, false), false).await;
                }
            };
            futures_util::join!(run_events(run, every, timeout, events), forward);
        };
        match ready.job.caller.remaining(SystemTime::now()) {
            None => work.await,
            Some(remaining) => {
                if tokio::time::timeout(remaining, work).await.is_err() {
                    let error = request_error("UNAUTHENTICATED", "the token has expired");
                    let refused = refuse(ResponseKind::DocumentError, &[error], Some(&ready.shape.prepared));
                    send(sender, refused, true).await;
                }
            }
        }
    }

    async fn deferred(&self, ready: &Ready, wording: Wording, sender: &mpsc::Sender<Streamed>) {
        let (parts, mut made) = mpsc::channel::<Part>(1);
        let forward = async {
            while let Some(part) = made.recv().await {
                let body = part.body(wording).into();
                let Part { has_next, errors, calls, error_codes, .. } = part;
                let ran = Ran { body, errors, calls, error_codes, is_cut: false, held: None };
                send(sender, self.respond(&ready.shape, ran, false), !has_next).await;
            }
        };
        futures_util::join!(run_in_parts(ready.job.as_run(), parts), forward);
    }
}

async fn send(sender: &mpsc::Sender<Streamed>, response: Response, is_last: bool) {
    // Nobody receives: the stream was dropped, and this with it.
    let _ = sender.send(Streamed { response, is_last }).await;
}

/// A stream of what some work sends. The work goes on only while the stream is polled, and ends with it.
fn driven<F: Future<Output = ()> + Send + 'static>(
    work: impl FnOnce(mpsc::Sender<Streamed>) -> F,
) -> BoxStream<'static, Streamed> {
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    let work = stream::once(work(sender)).filter_map(|()| ready(None));
    let sent = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    stream::select(work, sent).boxed()
}

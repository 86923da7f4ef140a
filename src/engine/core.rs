//! The engine proper: documents are prepared and planned once, then only run.

use super::answers::{AnswerKey, Answers, KeptAnswer};
use super::feeds::Feeds;
use super::model::{GraphQlEngine, Request, Response, ResponseKind, ResponsePart, StreamRequest};
use super::preparation::{Preparation, PreparationRequest, ReadyRequest, TransportOptions};
use super::shape::Shape;
use super::sharing::Operations;
use crate::compose::Graph;
use crate::config::Exposure;
use crate::execute::{Bounds, CacheRules, CauseReport, Polls, RunOutput, SourceAccess, now};
use crate::flight::FlightOptions;
use crate::operation::{Limits, Prepared, RequestError};
use crate::policy::Caller;
use crate::report::{CallRecord, PollObserver, ServiceReport, WriteReport};
use crate::upstream::{InProcess, Writes};
use crate::view::View;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Everything that an engine is made of.
#[derive(Debug)]
pub struct EngineParts {
    /// The composed graph.
    pub graph: Arc<Graph>,
    /// The client's view of it.
    pub view: Arc<View>,
    /// The sources, by [`crate::compose::SourceId`].
    pub sources: Vec<SourceAccess>,
    /// Limits on documents.
    pub limits: Limits,
    /// Memory for documents and their plans, in bytes.
    pub operations_bytes: u64,
    /// How many new operations are prepared at once, each on a thread of its own; further ones wait. With 0, an
    /// operation is prepared on the thread that asks for it.
    pub preparing_threads: usize,
    /// What it shows of itself to clients.
    pub exposure: Exposure,
    /// Where the causes of failures are reported.
    pub causes: Arc<CauseReport>,
    /// What one operation may cost; checked before it runs and while it runs.
    pub bounds: Bounds,
    /// How equal operations in flight are shared.
    pub sharing: FlightOptions,
    /// The cache of services' answers; `None` if nothing is kept.
    pub caching: Option<Arc<CacheRules>>,
    /// The writes that are being finished after their requests have ended.
    pub writes: Writes,
    /// The polls of subscriptions.
    pub polls: Polls,
}

/// A client's engine.
#[derive(Debug)]
pub struct Engine {
    preparation: Arc<Preparation>,
    sdl: Arc<str>,
    in_flight: Operations,
    /// Whole answers that are kept; `None` if the cache is off, or if each answer shows its calls.
    answers: Option<Answers>,
    feeds: Feeds,
}

impl Engine {
    /// Makes an engine of its parts.
    #[must_use]
    pub fn new(parts: EngineParts) -> Self {
        let in_flight = Operations::new(parts.sharing.clone());
        let cache = parts.caching.as_ref().map(|caching| caching.cache());
        let answers = cache.filter(|cache| cache.options().max_answer_bytes > 0 && !parts.exposure.calls);
        let answers = answers.map(Answers::new);
        let (sdl, feeds) = (parts.view.sdl().into(), Feeds::new(&parts.sharing));
        Self { sdl, preparation: Arc::new(Preparation::new(parts)), in_flight, answers, feeds }
    }

    /// The parts it was made of.
    #[must_use]
    pub fn parts(&self) -> &EngineParts {
        self.preparation.parts()
    }

    pub(super) fn feeds(&self) -> &Feeds {
        &self.feeds
    }

    /// The memory of all documents that it keeps, with their plans, in bytes.
    #[must_use]
    pub fn operations_bytes(&self) -> u64 {
        self.preparation.operations_bytes()
    }

    async fn answer(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> Response {
        match self.ready(request, caller, deadline, TransportOptions::default()).await {
            Ok(ready) => self.run(ready).await,
            Err(response) => response,
        }
    }

    /// Finds or makes the plan of a request. Nothing of the request's body is held afterwards.
    ///
    /// # Errors
    /// The answer that refuses the request.
    pub(super) async fn ready(
        &self,
        request: Request,
        caller: Arc<Caller>,
        deadline: Instant,
        wanted: TransportOptions,
    ) -> Result<ReadyRequest, Response> {
        self.preparation.ready(PreparationRequest { request, caller, deadline, wanted }).await
    }

    pub(super) async fn run(&self, ready: ReadyRequest) -> Response {
        let ReadyRequest { shape, job } = ready;
        let answers = self.answers.as_ref().and_then(|answers| Some((answers, AnswerKey::of(&job)?)));
        let Some((answers, key)) = answers else {
            let (ran, is_shared) = self.in_flight.run(job).await;
            return self.respond(&shape, ran, is_shared);
        };
        if let Some(kept) = answers.find(&key, now()) {
            return repeat(&shape, &kept);
        }
        let (ran, is_shared) = self.in_flight.run(job).await;
        // Who has joined another's run finds what that one has kept.
        let kept = if is_shared { answers.find(&key, now()) } else { answers.keep(key, &ran, now()) };
        let kept = kept.filter(|kept| kept.body == ran.body);
        let caching = kept.map(|kept| Box::new(kept.caching(now())));
        Response { caching, ..self.respond(&shape, ran, is_shared) }
    }

    /// The response for the output of a run, which is a whole answer or a part of one.
    pub(super) fn respond(&self, shape: &Shape, ran: RunOutput, is_shared: bool) -> Response {
        let RunOutput { body, errors, mut calls, error_codes, .. } = ran;
        calls.iter_mut().for_each(|call| call.is_shared |= is_shared);
        let body = if self.parts().exposure.calls { with_calls(&body, &calls, self.parts().exposure) } else { body };
        Response {
            kind: ResponseKind::Executed,
            body,
            errors,
            calls,
            operation_name: shape.name.clone(),
            operation_kind: Some(shape.prepared.kind()),
            error_codes,
            caching: None,
            is_kept: false,
        }
    }
}

/// Adds `extensions.bespoke.calls` to an answer, before its closing brace.
fn with_calls(body: &Bytes, calls: &[CallRecord], exposure: Exposure) -> Bytes {
    let calls: Vec<Value> = calls.iter().map(|call| describe(call, exposure)).collect();
    let calls = serde_json::json!({ "bespoke": { "calls": calls } });
    let open = body.strip_suffix(b"}").unwrap_or(body);
    [open, b",\"extensions\":", calls.to_string().as_bytes(), b"}"].concat().into()
}

impl GraphQlEngine for Engine {
    fn execute(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> BoxFuture<'_, Response> {
        Box::pin(self.answer(request, caller, deadline))
    }

    fn stream(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, ResponsePart> {
        self.stream_of(request)
    }

    fn sdl(&self) -> Arc<str> {
        Arc::clone(&self.sdl)
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn cache_bytes(&self) -> u64 {
        let parts = self.parts().caching.as_ref().map_or(0, |caching| caching.cache().bytes());
        parts + self.answers.as_ref().map_or(0, Answers::bytes)
    }

    fn tell_of_polls(&self, observer: Arc<dyn PollObserver>) {
        self.parts().polls.tell(observer);
    }

    fn writes(&self) -> WriteReport {
        let writes = &self.parts().writes;
        WriteReport { unattended: writes.unattended() as u64, refused: writes.refused() }
    }

    fn subgraphs(&self) -> Vec<(Arc<str>, InProcess)> {
        let named = |source: &SourceAccess| Some((Arc::clone(&source.name), source.subgraph.in_process()?));
        self.parts().sources.iter().filter_map(named).collect()
    }

    fn services(&self) -> Vec<ServiceReport> {
        self.parts().sources.iter().filter_map(|source| source.subgraph.report()).collect()
    }
}

/// The response for an answer that was kept.
fn repeat(shape: &Shape, kept: &KeptAnswer) -> Response {
    Response {
        kind: ResponseKind::Executed,
        body: kept.body.clone(),
        errors: 0,
        calls: Vec::new(),
        operation_name: shape.name.clone(),
        operation_kind: Some(shape.prepared.kind()),
        error_codes: Vec::new(),
        caching: Some(Box::new(kept.caching(now()))),
        is_kept: true,
    }
}

pub(super) fn request_error(code: &'static str, message: &str) -> RequestError {
    RequestError::new(code, message)
}

/// A call in the form that GraphiQL shows.
fn describe(call: &CallRecord, exposure: Exposure) -> Value {
    let status = match call.status {
        Ok(status) => Value::from(status),
        Err(code) => Value::from(code),
    };
    let mut described = serde_json::json!({
        "service": &*call.service,
        "operationId": &*call.operation_id,
        "keys": call.keys,
        "ms": (call.elapsed.as_secs_f64() * 10_000.0).round() / 10.0,
        "status": status,
        "shared": call.is_shared,
    });
    if call.attempts != 1 && !call.cache.is_unasked() {
        described["attempts"] = call.attempts.into();
    }
    if call.is_in_process {
        described["inProcess"] = true.into();
    }
    if !call.cache.is_off() {
        described["cache"] = call.cache.name().into();
    }
    if let Some(cause) = call.cause.as_ref().filter(|_| exposure.causes) {
        described["cause"] = (*cause.what).into();
    }
    described
}

/// A response without `data`.
pub(crate) fn refuse(kind: ResponseKind, errors: &[RequestError], prepared: Option<&Prepared>) -> Response {
    let described = errors.iter().map(|error| {
        let mut value = serde_json::json!({ "message": error.message, "extensions": { "code": error.code } });
        if !error.locations.is_empty() {
            let locations = error.locations.iter();
            value["locations"] =
                locations.map(|&(line, column)| serde_json::json!({ "line": line, "column": column })).collect();
        }
        value
    });
    let body = serde_json::json!({ "errors": described.collect::<Vec<_>>() });
    Response {
        kind,
        body: body.to_string().into(),
        errors: u32::try_from(errors.len()).unwrap_or(u32::MAX),
        calls: Vec::new(),
        operation_name: prepared.and_then(|prepared| prepared.name().map(Arc::from)),
        operation_kind: prepared.map(Prepared::kind),
        error_codes: errors.iter().map(|error| error.code.into()).collect(),
        caching: None,
        is_kept: false,
    }
}

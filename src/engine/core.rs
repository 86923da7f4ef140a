//! The engine proper: documents are prepared and planned once, then only run.

use super::answers::{AnswerKey, Answers, Kept};
use super::documents::{Documents, Found, Lookup};
use super::model::{CallRecord, GraphQlEngine, Request, Response, ResponseKind, StreamRequest, Streamed};
use super::report::ServiceReport;
use super::shape::{Planned, Shape};
use super::sharing::{Job, Operations};
use crate::compose::Graph;
use crate::config::Exposure;
use crate::execute::{Bounds, Caching, CauseReport, OperationScope, Ran, Sourced, now};
use crate::flight::FlightOptions;
use crate::operation::{self, Limits, OperationKind, Prepared, RequestError, Variables};
use crate::plan::{self, Plan};
use crate::policy::Caller;
use crate::upstream::Writes;
use crate::view::View;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Everything that an engine is made of.
#[derive(Debug)]
pub struct EngineParts {
    /// The composed graph.
    pub graph: Arc<Graph>,
    /// The client's view of it.
    pub view: Arc<View>,
    /// By [`crate::compose::SourceId`].
    pub sources: Vec<Sourced>,
    /// Limits on documents.
    pub limits: Limits,
    /// Memory for documents and their plans, in bytes.
    pub operations_bytes: u64,
    /// What it shows of itself.
    pub exposure: Exposure,
    /// Who is told the causes of failures.
    pub causes: Arc<CauseReport>,
    /// What one operation may cost, as proven before it runs and while it runs.
    pub bounds: Bounds,
    /// How equal operations in flight are shared.
    pub sharing: FlightOptions,
    /// What is kept of services' answers; `None`: nothing.
    pub caching: Option<Arc<Caching>>,
    /// The writes that are being finished without their requests.
    pub writes: Writes,
}

/// A client's engine.
#[derive(Debug)]
pub struct Engine {
    parts: Arc<EngineParts>,
    sdl: Arc<str>,
    in_flight: Operations,
    /// `None`: none is kept, or each answer shows its calls.
    answers: Option<Answers>,
    documents: Documents,
}

impl Engine {
    /// Wires an engine.
    #[must_use]
    pub fn new(parts: EngineParts) -> Self {
        let documents = Documents::new(parts.operations_bytes);
        let in_flight = Operations::new(parts.sharing.clone());
        let cache = parts.caching.as_ref().map(|caching| caching.cache());
        let answers = cache.filter(|cache| cache.options().max_answer_bytes > 0 && !parts.exposure.calls);
        let answers = answers.map(Answers::new);
        Self { sdl: parts.view.sdl().into(), parts: Arc::new(parts), in_flight, answers, documents }
    }

    /// The parts it was made of.
    #[must_use]
    pub fn parts(&self) -> &EngineParts {
        &self.parts
    }

    /// What the documents that it keeps weigh, with their plans, in bytes.
    #[must_use]
    pub fn operations_bytes(&self) -> u64 {
        self.documents.bytes()
    }

    /// The document of a request, with its shape.
    fn document(&self, request: &Request) -> Lookup {
        let parts = &self.parts;
        let (text, name) = (request.query.as_str(), request.operation_name.as_deref());
        let prepare = || {
            let prepared = operation::prepare(&parts.view, &parts.limits, text, name);
            prepared.map_err(|errors| match parts.exposure.suggestions {
                true => errors.into_iter().map(RequestError::suggesting).collect(),
                false => errors.into_iter().map(|error| RequestError { suggestion: None, ..error }).collect(),
            })
        };
        let most = parts.limits.max_bytes;
        if text.len() > most || name.is_some_and(|name| name.len() > most) {
            // It is refused at a glance, so nothing is kept of it.
            return prepare().map(Found::alone).map_err(Into::into);
        }
        self.documents.find(text, name, prepare)
    }

    fn planned(
        &self,
        document: &Found,
        variables: &Variables,
        wanted: Wanted,
    ) -> Result<Arc<Planned>, Arc<[RequestError]>> {
        let Found { shape, own } = document;
        let mut outcomes = shape.prepared.outcomes(variables);
        if wanted.in_parts && shape.prepared.has_defer() {
            outcomes = outcomes.incremental();
        }
        if let Some(kept) = shape.plan(&outcomes) {
            return kept;
        }
        let lowered = shape.prepared.lower_of(own, &outcomes)?;
        let plan = match self.plan(&lowered) {
            // What is deferred may cost more calls; whole, the answer may be affordable.
            Err(Unplanned { is_deferred: true, .. }) => {
                return self.planned(document, variables, Wanted { in_parts: false, ..wanted });
            }
            Err(Unplanned { errors, .. }) => Err(errors.into()),
            Ok(plan) => {
                let scope = OperationScope::of(&plan, &self.parts.graph);
                Ok(Planned::new(plan, lowered, scope))
            }
        };
        let (planned, is_new) = shape.keep(outcomes, plan);
        if is_new {
            self.documents.weigh(shape);
        }
        planned
    }

    /// Plans a lowered operation, within the client's budget.
    fn plan(&self, lowered: &operation::Operation) -> Result<Plan, Unplanned> {
        let refused =
            |code, message: &str| Unplanned { errors: vec![request_error(code, message)], is_deferred: false };
        let plan = plan::plan(&self.parts.graph, lowered).map_err(|error| {
            if error.is_limit() {
                return refused("PLAN_TOO_COMPLEX", &error.to_string());
            }
            tracing::error!(%error, "an operation cannot be planned");
            refused("CANNOT_PLAN", "the operation cannot be planned")
        })?;
        if let Some(message) = over_budget(&plan, &self.parts.bounds) {
            return Err(Unplanned { is_deferred: plan.deferred.is_some(), ..refused("OVER_BUDGET", &message) });
        }
        Ok(plan)
    }

    /// Answers of `__schema` and `__type`; production knows neither.
    fn introspect(
        &self,
        prepared: &Prepared,
        variables: &Variables,
    ) -> Result<Option<Arc<HashMap<String, String>>>, Vec<RequestError>> {
        if !prepared.has_introspection() {
            return Ok(None);
        }
        if !self.parts.exposure.introspection {
            return Err(vec![request_error("INTROSPECTION_DISABLED", "introspection is switched off")]);
        }
        prepared.introspect(&self.parts.view, variables).map(Arc::new).map(Some)
    }

    async fn answer(&self, request: Request, caller: Arc<Caller>, deadline: Instant) -> Response {
        let ready = self.ready(&request, &caller, deadline, Wanted::default());
        // Nothing of the request's body outlives this.
        drop(request);
        match ready {
            Ok(ready) => self.run(ready).await,
            Err(response) => response,
        }
    }

    /// Finds or makes the plan of a request.
    ///
    /// # Errors
    /// The answer, when the request is not to be executed.
    pub(super) fn ready(
        &self,
        request: &Request,
        caller: &Arc<Caller>,
        deadline: Instant,
        wanted: Wanted,
    ) -> Result<Ready, Response> {
        let document = match self.document(request) {
            Ok(document) => document,
            Err(errors) => return Err(refuse(ResponseKind::DocumentError, &errors, None)),
        };
        let prepared = &document.shape.prepared;
        if prepared.kind() == OperationKind::Subscription && !wanted.events {
            let message = "subscriptions come as `text/event-stream` or by WebSocket";
            let error = request_error("NOT_SUPPORTED", message);
            return Err(refuse(ResponseKind::DocumentError, &[error], Some(prepared)));
        }
        // A subscription reads, as a query does: `EventSource` knows GET alone.
        if request.is_read_only && prepared.kind() == OperationKind::Mutation {
            let error = request_error("METHOD_NOT_ALLOWED", "mutations cannot be sent by GET");
            return Err(refuse(ResponseKind::MethodNotAllowed, &[error], Some(prepared)));
        }
        let variables = match prepared.coerce_of(&document.own, &request.variables) {
            Ok(variables) => variables,
            Err(errors) => return Err(refuse(ResponseKind::VariableError, &errors, Some(prepared))),
        };
        let planned = match self.planned(&document, &variables, wanted) {
            Ok(planned) => planned,
            Err(errors) => return Err(refuse(ResponseKind::DocumentError, &errors, Some(prepared))),
        };
        if let Err(errors) = prepared.check_bounds_of(&document.own, &planned.lowered, &variables) {
            return Err(refuse(ResponseKind::VariableError, &errors, Some(prepared)));
        }
        let introspection = match self.introspect(prepared, &variables) {
            Ok(introspection) => introspection,
            Err(errors) => return Err(refuse(ResponseKind::DocumentError, &errors, Some(prepared))),
        };
        let job = Job {
            parts: Arc::clone(&self.parts),
            planned,
            own: document.own,
            variables: Arc::new(variables),
            introspection,
            caller: Arc::clone(caller),
            deadline,
        };
        Ok(Ready { shape: document.shape, job })
    }

    pub(super) async fn run(&self, ready: Ready) -> Response {
        let Ready { shape, job } = ready;
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

    /// The response of what was run: a whole answer or a part of one.
    pub(super) fn respond(&self, shape: &Shape, ran: Ran, is_shared: bool) -> Response {
        let Ran { body, errors, mut calls, error_codes, .. } = ran;
        calls.iter_mut().for_each(|call| call.is_shared |= is_shared);
        let body = if self.parts.exposure.calls { with_calls(&body, &calls, self.parts.exposure) } else { body };
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

/// Why a plan is not run, if its known bounds are over the budget. What has no known bound is bounded while it runs.
fn over_budget(plan: &Plan, bounds: &Bounds) -> Option<String> {
    if let (Some(calls), Some(most)) = (plan.calls, bounds.calls)
        && calls > most
    {
        return Some(format!("the operation may need {calls} calls; this client may make {most}"));
    }
    match (plan.values, bounds.values) {
        (Some(values), Some(most)) if values > most => {
            Some(format!("the answer may hold {values} values; this client may have {most}"))
        }
        _ => None,
    }
}

/// What the transport of a request allows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    /// `@defer` is heeded.
    pub(super) in_parts: bool,
    /// Subscriptions are answered.
    pub(super) events: bool,
}

/// A request that can be run.
pub(super) struct Ready {
    pub(super) shape: Arc<Shape>,
    pub(super) job: Job,
}

/// Why there is no plan.
struct Unplanned {
    errors: Vec<RequestError>,
    /// Does it only cost too much because some of it is deferred?
    is_deferred: bool,
}

/// The answer with `extensions.bespoke.calls` before its closing brace.
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

    fn stream(self: Arc<Self>, request: StreamRequest) -> BoxStream<'static, Streamed> {
        self.stream_of(request)
    }

    fn sdl(&self) -> Arc<str> {
        Arc::clone(&self.sdl)
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn cache_bytes(&self) -> u64 {
        let parts = self.parts.caching.as_ref().map_or(0, |caching| caching.cache().bytes());
        parts + self.answers.as_ref().map_or(0, Answers::bytes)
    }

    fn services(&self) -> Vec<ServiceReport> {
        self.parts.sources.iter().filter_map(|source| source.subgraph.report()).collect()
    }
}

/// The response of an answer that is kept.
fn repeat(shape: &Shape, kept: &Kept) -> Response {
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

/// A call as GraphiQL shows it.
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

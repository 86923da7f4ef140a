//! Preparation: a request becomes a plan and coerced variables.
//!
//! In: a request, its caller and what its transport allows. Out: a [`ReadyRequest`] request, or the answer that refuses
//! it. Elsewhere: what is kept of documents ([`super::documents`]) and plans ([`super::shape`]); running them
//! ([`super::core`]).
//!
//! Always true:
//! - where document and plan of a request are kept, its worker only coerces the variables;
//! - validating, lowering, planning and introspection happen on threads of their own, a few at a time, so that new
//!   operations never hold up known ones.

use super::core::{EngineParts, refuse, request_error};
use super::documents::{DocumentMatch, Documents, Lookup};
use super::model::{Request, Response, ResponseKind};
use super::shape::{PlanLookup, PlannedOperation, Shape};
use super::sharing::Job;
use crate::execute::{Bounds, OperationScope};
use crate::operation::{self, OperationKind, Outcomes, Prepared, RequestError, Variables};
use crate::plan::{self, Plan};
use crate::policy::Caller;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Prepares the requests of one engine.
#[derive(Debug)]
pub(super) struct Preparation {
    parts: Arc<EngineParts>,
    documents: Documents,
    /// One permit for each thread that may prepare; `None` if the thread that asks prepares.
    threads: Option<Arc<Semaphore>>,
}

/// A request to prepare.
#[derive(Debug)]
pub(super) struct PreparationRequest {
    pub(super) request: Request,
    pub(super) caller: Arc<Caller>,
    pub(super) deadline: Instant,
    pub(super) wanted: TransportOptions,
}

/// Where preparation takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// A worker, which answers other requests too. It uses only what is kept.
    Worker,
    /// A thread of its own. It makes what is not kept.
    Own,
}

/// What keeps a request from being run.
enum Obstacle {
    /// The answer that refuses it.
    Refused(Box<Response>),
    /// It needs work that no worker does. Holds the part of that work that is done, if there is one.
    NotKept(Option<Box<CoercedRequest>>),
}

/// A document that was found, and the request's variables, coerced for it.
struct CoercedRequest {
    document: DocumentMatch,
    variables: Variables,
}

impl From<Response> for Obstacle {
    fn from(response: Response) -> Self {
        Self::Refused(Box::new(response))
    }
}

impl Obstacle {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(response) => *response,
            Self::NotKept(_) => unavailable(),
        }
    }
}

impl Preparation {
    pub(super) fn new(parts: EngineParts) -> Self {
        let threads = (parts.preparing_threads > 0).then(|| Arc::new(Semaphore::new(parts.preparing_threads)));
        let documents = Documents::new(parts.operations_bytes);
        Self { parts: Arc::new(parts), documents, threads }
    }

    pub(super) fn parts(&self) -> &EngineParts {
        &self.parts
    }

    /// What the documents that it keeps weigh, with their plans, in bytes.
    pub(super) fn operations_bytes(&self) -> u64 {
        self.documents.bytes()
    }

    /// Finds or makes the plan of a request. If the future is dropped, work that has begun goes on; it is bounded.
    ///
    /// # Errors
    /// The answer, when the request is not to be executed.
    pub(super) async fn ready(self: &Arc<Self>, asked: PreparationRequest) -> Result<ReadyRequest, Response> {
        let thread = if self.threads.is_some() { Thread::Worker } else { Thread::Own };
        match self.prepare(&asked, None, thread) {
            // Boxed: few requests need it, and each would carry it.
            Err(Obstacle::NotKept(coerced)) => Box::pin(self.ready_elsewhere(asked, coerced)).await,
            done => done.map_err(Obstacle::into_response),
        }
    }

    /// Prepares a request on a thread of its own, once one is free.
    async fn ready_elsewhere(
        self: &Arc<Self>,
        asked: PreparationRequest,
        coerced: Option<Box<CoercedRequest>>,
    ) -> Result<ReadyRequest, Response> {
        let Some(threads) = &self.threads else { return Err(unavailable()) };
        let Ok(place) = Arc::clone(threads).acquire_owned().await else { return Err(unavailable()) };
        let this = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            this.prepare(&asked, coerced, Thread::Own)
        });
        match work.await {
            Ok(done) => done.map_err(Obstacle::into_response),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The process is about to end.
                Err(_) => Err(unavailable()),
            },
        }
    }

    /// Prepares a request. `coerced` is the result of an earlier attempt, so that nothing is done twice.
    fn prepare(
        &self,
        asked: &PreparationRequest,
        coerced: Option<Box<CoercedRequest>>,
        thread: Thread,
    ) -> Result<ReadyRequest, Obstacle> {
        let PreparationRequest { caller, deadline, wanted, .. } = asked;
        let coerced = coerced.map_or_else(|| self.coerced(asked, thread), |coerced| Ok(*coerced))?;
        let CoercedRequest { document, variables } = &coerced;
        let prepared = &document.shape.prepared;
        let is_anonymous = caller.claims.is_none();
        let planned = self.planned(document, variables, TransportOptions { is_anonymous, ..*wanted }, thread);
        let Some(planned) = planned else { return Err(Obstacle::NotKept(Some(Box::new(coerced)))) };
        let planned = match planned {
            Ok(planned) => planned,
            Err(errors) => return Err(refuse(ResponseKind::DocumentError, &errors, Some(prepared)).into()),
        };
        if let Err(errors) = prepared.check_bounds_of(&document.own, &planned.lowered, variables) {
            return Err(refuse(ResponseKind::VariableError, &errors, Some(prepared)).into());
        }
        if prepared.has_introspection() && thread == Thread::Worker {
            return Err(Obstacle::NotKept(Some(Box::new(coerced))));
        }
        let introspection = match self.introspect(prepared, variables) {
            Ok(introspection) => introspection,
            Err(errors) => return Err(refuse(ResponseKind::DocumentError, &errors, Some(prepared)).into()),
        };
        let CoercedRequest { document, variables } = coerced;
        let job = Job {
            parts: Arc::clone(&self.parts),
            planned,
            own: document.own,
            variables: Arc::new(variables),
            introspection,
            caller: Arc::clone(caller),
            deadline: *deadline,
        };
        Ok(ReadyRequest { shape: document.shape, job })
    }

    /// Finds the document of a request, and coerces its variables.
    fn coerced(&self, asked: &PreparationRequest, thread: Thread) -> Result<CoercedRequest, Obstacle> {
        let PreparationRequest { request, wanted, .. } = asked;
        let document = match self.document(request, thread) {
            Some(Ok(document)) => document,
            Some(Err(errors)) => return Err(refuse(ResponseKind::DocumentError, &errors, None).into()),
            None => return Err(Obstacle::NotKept(None)),
        };
        let prepared = &document.shape.prepared;
        if prepared.kind() == OperationKind::Subscription && !wanted.events {
            let message = "subscriptions come as `text/event-stream` or by WebSocket";
            let error = request_error("NOT_SUPPORTED", message);
            return Err(refuse(ResponseKind::DocumentError, &[error], Some(prepared)).into());
        }
        // A subscription reads, as a query does: `EventSource` knows GET alone.
        if request.is_read_only && prepared.kind() == OperationKind::Mutation {
            let error = request_error("METHOD_NOT_ALLOWED", "mutations cannot be sent by GET");
            return Err(refuse(ResponseKind::MethodNotAllowed, &[error], Some(prepared)).into());
        }
        match prepared.coerce_of(&document.own, &request.variables) {
            Ok(variables) => Ok(CoercedRequest { document, variables }),
            Err(errors) => Err(refuse(ResponseKind::VariableError, &errors, Some(prepared)).into()),
        }
    }

    /// The document of a request, with its shape; `None` on a worker if it is not kept.
    fn document(&self, request: &Request, thread: Thread) -> Option<Lookup> {
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
            return Some(prepare().map(DocumentMatch::alone).map_err(Into::into));
        }
        match thread {
            Thread::Worker => self.documents.kept(text, name),
            Thread::Own => Some(self.documents.find(text, name, prepare)),
        }
    }

    /// The plan of a document; `None` on a worker if it is not kept.
    fn planned(
        &self,
        document: &DocumentMatch,
        variables: &Variables,
        wanted: TransportOptions,
        thread: Thread,
    ) -> Option<PlanLookup> {
        let DocumentMatch { shape, own } = document;
        let mut outcomes = shape.prepared.outcomes(variables);
        if wanted.in_parts && shape.prepared.has_defer() {
            outcomes = outcomes.incremental();
        }
        let kept = kept_plan(shape, &outcomes, wanted.is_anonymous);
        if kept.is_some() || thread == Thread::Worker {
            return kept;
        }
        let of_anyone = outcomes.clone();
        if wanted.is_anonymous {
            outcomes = outcomes.anonymous();
        }
        let lowered = match shape.prepared.lower_of(own, &outcomes) {
            Ok(lowered) => lowered,
            Err(errors) => return Some(Err(errors.into())),
        };
        let plan = match self.plan(&lowered) {
            // What is deferred may cost more calls; whole, the answer may be affordable.
            Err(PlanRefusal { is_deferred: true, .. }) => {
                return self.planned(document, variables, TransportOptions { in_parts: false, ..wanted }, thread);
            }
            Err(PlanRefusal { errors, .. }) => Err(errors.into()),
            Ok(plan) => {
                let scope = OperationScope::of(&plan, &self.parts.graph);
                let planned = PlannedOperation::new(plan, lowered, scope);
                if !planned.asks_identity {
                    outcomes = of_anyone;
                }
                Ok(planned)
            }
        };
        let (planned, is_new) = shape.keep(outcomes, plan);
        if is_new {
            self.documents.weigh(shape);
        }
        Some(planned)
    }

    /// Plans a lowered operation, within the client's budget.
    fn plan(&self, lowered: &operation::Operation) -> Result<Plan, PlanRefusal> {
        let refused =
            |code, message: &str| PlanRefusal { errors: vec![request_error(code, message)], is_deferred: false };
        let plan = plan::plan(&self.parts.graph, lowered).map_err(|error| {
            if error.is_limit() {
                return refused("PLAN_TOO_COMPLEX", &error.to_string());
            }
            tracing::error!(%error, "an operation cannot be planned");
            refused("CANNOT_PLAN", "the operation cannot be planned")
        })?;
        if let Some(message) = over_budget(&plan, &self.parts.bounds) {
            return Err(PlanRefusal { is_deferred: plan.deferred.is_some(), ..refused("OVER_BUDGET", &message) });
        }
        Ok(plan)
    }

    /// Answers `__schema` and `__type`, which are switched off in production.
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
}

/// The plan of a shape, if it is kept. Anonymous callers have a plan of their own only if the operation asks for
/// something that they may not have.
fn kept_plan(shape: &Shape, outcomes: &Outcomes, is_anonymous: bool) -> Option<PlanLookup> {
    let kept = shape.plan(outcomes);
    let is_for_all = |lookup: &PlanLookup| lookup.as_ref().is_ok_and(|planned| !planned.asks_identity);
    if !is_anonymous || kept.as_ref().is_some_and(is_for_all) {
        return kept;
    }
    shape.plan(&outcomes.clone().anonymous())
}

/// The reason why a plan is not run, if a known bound of it is over the budget. A plan without a known bound is bounded
/// while it runs.
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

/// What the transport of a request allows, and whether its caller is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TransportOptions {
    /// Whether the answer may come in parts (`@defer`).
    pub(super) in_parts: bool,
    /// Whether subscriptions are answered.
    pub(super) events: bool,
    /// Whether the caller is anonymous.
    pub(super) is_anonymous: bool,
}

/// A request that can be run.
pub(super) struct ReadyRequest {
    pub(super) shape: Arc<Shape>,
    pub(super) job: Job,
}

/// Why there is no plan.
struct PlanRefusal {
    errors: Vec<RequestError>,
    /// Whether it may be planned if nothing is deferred.
    is_deferred: bool,
}

/// The answer when no thread prepares the request, because the process is about to end.
fn unavailable() -> Response {
    let error = request_error("SERVER_BUSY", "the operation was not prepared; send it again");
    refuse(ResponseKind::Unavailable, &[error], None)
}

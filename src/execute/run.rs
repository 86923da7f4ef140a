//! Running a plan: a step starts the moment everything that it waits for is there.

use super::arena::{Arena, Failure};
use super::cause::{CauseReport, Causes, Evidence};
use super::input::Inputs;
use super::kept::{Announced, Caching, StepKept, Weighed};
use super::read::input_text;
use super::series::Series;
use super::step::{Answered, Keys, settle};
use super::write::{Source, Written, write};
use crate::cache::{Held, Mark};
use crate::compose::{Graph, Input, SourceId, SourceKind, TypeId, Way, WayId};
use crate::engine::CallRecord;
use crate::json::Value;
use crate::operation::{Locations, OperationKind, Variables};
use crate::plan::{PairingPlan, Plan, Step, StepId};
use crate::policy::Caller;
use crate::upstream::{Answer, CallError, CallErrorKind, Subgraph, Write, Writes};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::Sleep;

/// A source and the configuration that bindings may read.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// Who answers.
    pub subgraph: Arc<dyn Subgraph>,
    /// Its name.
    pub name: Arc<str>,
    /// `$config`.
    pub config: Value,
    /// Items of all lists of one answer that are kept; a list with more is an error at its field.
    pub max_list_items: u32,
}

/// One request to run.
#[derive(Debug)]
pub struct Run<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The graph that it was made for.
    pub graph: &'a Arc<Graph>,
    /// By [`crate::compose::SourceId`].
    pub sources: &'a [Sourced],
    /// Coerced variables, in graph vocabulary.
    pub variables: &'a Variables,
    /// Where the document's fields stand, for errors.
    pub locations: &'a Locations,
    /// What is kept of earlier answers; `None`: nothing.
    pub caching: Option<&'a Arc<Caching>>,
    /// The writes that are being finished without their requests.
    pub writes: &'a Writes,
    /// Answers of `__schema` and `__type`, by response name; `None`: it asks for neither.
    pub introspection: Option<&'a HashMap<String, String>>,
    /// Who is told the causes of failures.
    pub causes: &'a CauseReport,
    /// On whose behalf.
    pub caller: &'a Arc<Caller>,
    /// When nobody waits any more.
    pub deadline: Instant,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Ran {
    /// `{"data":…}`, with `errors` if there are any.
    pub body: Bytes,
    /// Entries in `errors`.
    pub errors: u32,
    /// Calls made, in the order of their end.
    pub calls: Vec<CallRecord>,
    /// The `extensions.code` of each entry in `errors`.
    pub error_codes: Vec<Cow<'static, str>>,
    /// Did it take until the deadline? Then parts of it may be missing for that alone.
    pub is_cut: bool,
    /// For how long it holds, if all its parts are kept; those of mutations and subscriptions are not.
    pub held: Option<Held>,
}

pub(super) struct Finished {
    pub(super) step: StepId,
    pub(super) keys: Range<usize>,
    pub(super) result: Result<Answer, CallError>,
    pub(super) started: Instant,
    pub(super) ended: Instant,
    /// Of a call that others may wait for, if it has an answer.
    pub(super) announced: Option<Announced>,
}

/// A step that has begun.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) keys: Keys,
    pub(super) answers: Vec<Answered>,
    pub(super) open: usize,
    /// Was any call made, as far as is known?
    pub(super) is_made: bool,
    /// Of a write.
    pub(super) write: Option<Write>,
    /// `None`: the cache is not for it.
    pub(super) kept: Option<StepKept>,
    /// Its calls that can be joined until their answers are kept.
    pub(super) announced: Vec<Announced>,
}

/// A run under way.
pub(super) struct State<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) arena: Arena,
    waiting: Vec<usize>,
    pub(super) pending: Vec<Option<Pending>>,
    pub(super) calls: Vec<CallRecord>,
    pub(super) made: usize,
    pub(super) in_flight: FuturesUnordered<BoxFuture<'static, Finished>>,
    /// Mutations: calls of a later group join no flight begun before this.
    pub(super) not_before: Option<Instant>,
    /// Sources that were written to, and when: nothing older is taken of them.
    pub(super) written: Vec<(SourceId, Mark)>,
    /// Of a mutation.
    pub(super) series: Series,
    /// What holds of all that was answered so far; `None`: some of it was not kept.
    pub(super) held: Option<Held>,
}

impl Drop for State<'_> {
    /// Nobody waits any more for a write that is finished all the same.
    fn drop(&mut self) {
        // What was not sent is not sent any more.
        self.in_flight.clear();
        (0..self.pending.len()).for_each(|number| _ = self.end_write(number));
    }
}

/// Runs a plan to the end of its answer. Dropping the future cancels its calls, but for the writes that were sent.
pub async fn run(run: Run<'_>) -> Ran {
    let mut state = State::begin(&run);
    if state.is_over() {
        return state.ran();
    }
    // Boxed: a timer wants an alignment of its own, which costs whoever boxes a future that holds one.
    let mut deadline = Box::pin(tokio::time::sleep_until(run.deadline.into()));
    while state.advance(deadline.as_mut()).await {}
    state.ran()
}

pub(super) fn root_type(run: &Run<'_>) -> TypeId {
    let name = match run.plan.kind {
        OperationKind::Query => "Query",
        OperationKind::Mutation => "Mutation",
        OperationKind::Subscription => "Subscription",
    };
    run.graph.type_id(name).unwrap_or(TypeId(0))
}

impl<'a> State<'a> {
    /// Starts the steps that wait for nothing.
    pub(super) fn begin(run: &'a Run<'a>) -> Self {
        let plan = run.plan;
        let mut state = State {
            run,
            arena: Arena::new(&plan.frames),
            waiting: plan.steps.iter().map(|step| step.after.len()).collect(),
            pending: plan.steps.iter().map(|_| None).collect(),
            calls: Vec::new(),
            made: 0,
            in_flight: FuturesUnordered::new(),
            not_before: None,
            written: Vec::new(),
            series: Series::default(),
            held: Self::held_at_first(run),
        };
        let ready = (0..plan.steps.len()).filter(|&step| state.waiting[step] == 0).collect::<Vec<_>>();
        state.start_all(ready);
        state
    }

    /// Waits for the next call to end and starts what it makes ready. `false`: nothing is in flight any more, so that
    /// every step has ended.
    pub(super) async fn advance(&mut self, mut deadline: Pin<&mut Sleep>) -> bool {
        if self.in_flight.is_empty() {
            return false;
        }
        tokio::select! {
            biased;
            Some(finished) = self.in_flight.next() => self.receive(finished),
            () = &mut deadline => self.give_up(),
        }
        !self.in_flight.is_empty()
    }

    /// Waits for the first call to end, without reading its answer; `None`: the deadline came first.
    pub(super) async fn first(&mut self, mut deadline: Pin<&mut Sleep>) -> Option<Finished> {
        tokio::select! {
            biased;
            finished = self.in_flight.next() => finished,
            () = &mut deadline => {
                self.give_up();
                None
            }
        }
    }

    /// Have these steps ended?
    pub(super) fn is_past(&self, steps: &[StepId]) -> bool {
        let is_past = |&step: &StepId| self.waiting[step as usize] == 0 && self.pending[step as usize].is_none();
        self.is_over() || steps.iter().all(is_past)
    }

    /// Has every step ended?
    pub(super) fn is_over(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Hands what is there to a writer.
    pub(super) fn read<T>(&self, write: impl FnOnce(&Source<'_>) -> T) -> T {
        let inputs = |step: StepId, input: &Input| self.input(step, input);
        let causes = Causes::new(self.run, &self.arena);
        let written = write(&Source {
            plan: self.run.plan,
            arena: &self.arena,
            root: root_type(self.run),
            is_anonymous: self.run.caller.claims.is_none(),
            inputs: &inputs,
            introspection: self.run.introspection,
            locations: self.run.locations,
            causes: &causes,
        });
        causes.log();
        written
    }

    /// Writes the answer.
    pub(super) fn ran(mut self) -> Ran {
        let Written { mut body, errors, codes } = self.read(write);
        body.push(b'}');
        Ran {
            body: body.into(),
            errors,
            calls: std::mem::take(&mut self.calls),
            error_codes: codes,
            is_cut: Instant::now() >= self.run.deadline,
            held: self.held.take(),
        }
    }

    pub(super) fn step(&self, step: usize) -> (&'a Step, &'a Way, &'a Sourced) {
        let plan = &self.run.plan.steps[step];
        (plan, self.run.graph.way(plan.way), &self.run.sources[plan.source.index()])
    }

    pub(super) fn inputs(&self, step: usize) -> Inputs<'a> {
        let (plan, _, source) = self.step(step);
        Inputs {
            arguments: &plan.arguments,
            variables: self.run.variables,
            caller: self.run.caller,
            config: &source.config,
            keys: &[],
            is_batched: !matches!(plan.pairing, PairingPlan::Single),
        }
    }

    pub(super) fn input(&self, step: StepId, input: &Input) -> Option<String> {
        let inputs = self.inputs(step as usize);
        input_text(&Inputs { ..inputs }, input)
    }

    pub(super) fn receive(&mut self, mut finished: Finished) {
        let number = finished.step as usize;
        let (step, way, source) = self.step(number);
        let status = match &finished.result {
            Ok(answer) => Ok(answer.status),
            Err(error) => Err(error.kind.code()),
        };
        let attempts = attempts(&finished.result);
        let weighed = self.weigh(&mut finished);
        self.calls.push(CallRecord {
            service: Arc::clone(&source.name),
            operation_id: Arc::clone(&step.endpoint),
            keys: u32::try_from(finished.keys.len()).unwrap_or(u32::MAX),
            elapsed: finished.ended.duration_since(finished.started),
            status,
            attempts,
            is_shared: finished.result.as_ref().is_ok_and(|answer| answer.is_shared),
            is_in_process: !is_remote(&self.run.graph.source(step.source).kind),
            is_safe: way.is_safe,
            cache: weighed.cache,
        });
        let mut result = finished.result;
        if let Ok(answer) = &mut result {
            self.code_has_written(way, &answer.calls);
            self.calls.append(&mut answer.calls);
        }
        let is_unsent = result.as_ref().is_err_and(|error| error.is_unsent);
        let result = result.map_err(|error| call_failure(&error, step.way, way.is_safe));
        let Some(pending) = &mut self.pending[number] else { return };
        // A write is one call.
        pending.is_made &= way.is_safe || !is_unsent;
        pending.take(finished.keys, result, weighed);
        pending.announced.extend(finished.announced);
        pending.open -= 1;
        if pending.open == 0 {
            let ready = self.finish(number);
            self.start_all(ready);
        }
    }

    /// Settles a step and says which ones are ready now.
    pub(super) fn finish(&mut self, number: usize) -> Vec<usize> {
        let (step, way, source) = self.step(number);
        if self.end_write(number) {
            self.not_before = Some(Instant::now());
        }
        if let Some(mut pending) = self.pending[number].take() {
            pending.answers.sort_by_key(|answered| answered.keys.start);
            let keys = pending.keys;
            let settled = settle((step, way), &mut self.arena, &keys, source, pending.answers);
            self.keep(number, &keys, pending.kept.as_ref(), &settled);
            keys.scatter(step, &mut self.arena, &settled.values);
        }
        let mut ready = Vec::new();
        for (other, plan) in self.run.plan.steps.iter().enumerate() {
            if plan.after.iter().any(|&before| before as usize == number) {
                self.waiting[other] -= 1;
                if self.waiting[other] == 0 {
                    ready.push(other);
                }
            }
        }
        ready
    }

    /// The deadline passed: what is open has failed, and nothing new is started.
    fn give_up(&mut self) {
        self.held = None;
        self.in_flight.clear();
        // In the order of rounds: what fails here fails what waits for it.
        let mut order: Vec<usize> = (0..self.run.plan.steps.len()).collect();
        order.sort_by_key(|&number| self.run.plan.steps[number].round);
        for number in order {
            let (step, way, source) = self.step(number);
            let is_unsent = !self.end_write(number) && !way.is_safe;
            let (failure, cause) = match is_unsent {
                true => (
                    Failure::new(NOT_SENT, "the request's deadline passed before the service was called"),
                    "the request's deadline passed before the service was called",
                ),
                false => (
                    Failure::new("UPSTREAM_TIMEOUT", "the request's deadline passed"),
                    "the request's deadline passed before the service answered",
                ),
            };
            let failure = failure.of(&source.name).by(Evidence::Call(step.way, Arc::new(cause.into())));
            if let Some(mut pending) = self.pending[number].take() {
                let done: Vec<usize> = pending.answers.iter().flat_map(|answered| answered.keys.clone()).collect();
                for key in (0..pending.keys.keys.len()).filter(|key| !done.contains(key)) {
                    pending.answers.push(Answered::by_call(key..key + 1, Err(failure.clone())));
                }
                let settled = settle((step, way), &mut self.arena, &pending.keys, source, pending.answers);
                pending.keys.scatter(step, &mut self.arena, &settled.values);
                self.waiting[number] = usize::MAX;
            } else if self.waiting[number] > 0 {
                let keys = self.collect(number);
                if !keys.keys.is_empty() {
                    let failed = self.arena.fail(failure);
                    let values = vec![failed; keys.keys.len()];
                    keys.scatter(step, &mut self.arena, &values);
                }
            }
        }
    }
}

impl Pending {
    /// Takes what came of a call; where it failed, some of its keys may have an older answer.
    fn take(&mut self, asked: Range<usize>, result: Result<Answer, Failure>, weighed: Weighed) {
        let mut next = asked.start;
        for old in &weighed.old {
            if next < old.keys.start {
                self.answers.push(Answered::by_call(next..old.keys.start, result.clone()));
            }
            next = old.keys.end;
        }
        if next < asked.end {
            let rest = Answered::by_call(next..asked.end, result);
            self.answers.push(Answered { keep: weighed.keep, ..rest });
        }
        self.answers.extend(weighed.old);
    }
}

/// The moment, by the clock that the runtime goes by.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The code of a write that its service has seen nothing of, so that it is safe to repeat. Other codes that say so:
/// `UPSTREAM_CIRCUIT_OPEN`, `UPSTREAM_REFUSED` and `UPSTREAM_NOT_CONFIGURED`.
pub(super) const NOT_SENT: &str = "UPSTREAM_NOT_SENT";

/// What the caller may read of a failed call.
fn call_failure(error: &CallError, way: WayId, is_read: bool) -> Failure {
    let message = match error.kind {
        CallErrorKind::Unreachable => "the service cannot be reached",
        CallErrorKind::Timeout => "the service did not answer in time",
        CallErrorKind::Malformed => "the service's answer is not what was expected",
        CallErrorKind::TooLarge => "the service's answer is too large",
        CallErrorKind::NotConfigured => "the service is not configured",
        CallErrorKind::Refused => "the service was not called",
        CallErrorKind::CircuitOpen => "the service was not called, for it has failed too often just now",
    };
    let (code, message) = match error.kind {
        // Other kinds of what was not sent have codes of their own.
        CallErrorKind::Unreachable if error.is_unsent && !is_read => {
            (NOT_SENT, "the service cannot be reached, so nothing was sent")
        }
        CallErrorKind::Timeout if error.is_unsent && !is_read => {
            (NOT_SENT, "there was no time left, so nothing was sent")
        }
        kind => (kind.code(), message),
    };
    let failure = Failure::new(code, message).of(&error.service);
    match &error.cause {
        Some(cause) => failure.by(Evidence::Call(way, Arc::clone(cause))),
        None => failure,
    }
}

/// How often a call was sent.
fn attempts(result: &Result<Answer, CallError>) -> u32 {
    result.as_ref().map_or_else(|error| error.attempts, |answer| answer.attempts)
}

/// Whether a source is called over HTTP.
fn is_remote(kind: &SourceKind) -> bool {
    matches!(kind, SourceKind::Rest { .. } | SourceKind::GraphQl)
}

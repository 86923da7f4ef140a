//! Running a plan: a step starts the moment everything that it waits for is there.

use super::arena::{Arena, Failure};
use super::bounds::Bounds;
use super::cause::{Aside, CauseReport, Causes, Evidence};
use super::entity_cache::{Announced, Caching, StepKept, Weighed};
use super::in_flight::InFlight;
use super::input::Inputs;
use super::pace::Pace;
use super::read::input_text;
use super::series::Series;
use super::step::{Answered, Keys, Settled, Settling};
#[cfg(test)]
use super::write::check_slices;
use super::write::{Source, Spent, Writer, Written};
use crate::cache::{Held, Mark};
use crate::compose::{Graph, Input, SourceId, TypeId, Way, WayId};
use crate::json::Value;
use crate::operation::{Locations, Variables};
use crate::plan::{PairingPlan, Plan, Step, StepId};
use crate::policy::Caller;
use crate::report::{CallRecord, FailedCall};
use crate::upstream::{Answer, CallError, CallErrorKind, Context, Request, Subgraph, Write, Writes};
use bytes::Bytes;
use futures_util::future::BoxFuture;
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
    pub causes: &'a Arc<CauseReport>,
    /// On whose behalf.
    pub caller: &'a Arc<Caller>,
    /// When nobody waits any more.
    pub deadline: Instant,
    /// What it may cost.
    pub bounds: Bounds,
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

/// How the call of the step comes about that waits for nothing, of a subscription.
#[derive(Default)]
pub(super) enum RootAnswer {
    /// As any other call.
    #[default]
    Called,
    /// It is rendered and not made.
    Rendered(Option<Box<(Request, Context)>>),
    /// A poll has made it.
    Polled { result: Box<Result<Answer, CallError>>, began: Instant, ended: Instant },
}

/// A run under way.
pub(super) struct State<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) root: RootAnswer,
    pub(super) arena: Arena,
    waiting: Vec<usize>,
    pub(super) pending: Vec<Option<Pending>>,
    pub(super) calls: Vec<CallRecord>,
    pub(super) made: usize,
    /// Calls as the plan's bound counts them.
    pub(super) charged: u64,
    pub(super) pace: Pace,
    pub(super) in_flight: InFlight,
    /// Mutations: calls of a later group join no flight begun before this.
    pub(super) not_before: Option<Instant>,
    /// Sources that were written to, and when: nothing older is taken of them.
    pub(super) written: Vec<(SourceId, Mark)>,
    /// Of a mutation.
    pub(super) series: Series,
    /// What holds of all that was answered so far; `None`: some of it was not kept.
    pub(super) held: Option<Held>,
    /// Was a call held back here, other than that of the step that waits for nothing?
    pub(super) is_held_back: bool,
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
///
/// The future is boxed: it is large, and every `async fn` around it would copy it once more.
#[must_use]
pub fn run(run: Run<'_>) -> BoxFuture<'_, Ran> {
    Box::pin(async move {
        let mut state = State::new(&run);
        state.begin().await;
        if !state.is_over() {
            // Boxed: a timer wants an alignment of its own, which costs whoever boxes a future that holds one.
            let mut deadline = Box::pin(tokio::time::sleep_until(run.deadline.into()));
            while state.advance(deadline.as_mut()).await {}
        }
        state.ran().await
    })
}

/// The graph's type of the operation's root: the only one that the answer's root object has.
pub(super) fn root_type(run: &Run<'_>) -> TypeId {
    let output = &run.plan.output;
    let root = output.objects.get(output.root as usize).and_then(|object| object.variants.first());
    root.map_or(TypeId(0), |variant| variant.ty)
}

impl<'a> State<'a> {
    /// Nothing of it has begun.
    pub(super) fn new(run: &'a Run<'a>) -> Self {
        Self::with(run, RootAnswer::Called)
    }

    /// The same, with the root's call as it is said.
    pub(super) fn with(run: &'a Run<'a>, root: RootAnswer) -> Self {
        let plan = run.plan;
        Self {
            run,
            root,
            arena: Arena::new(&plan.frames),
            waiting: plan.steps.iter().map(|step| step.after.len()).collect(),
            pending: plan.steps.iter().map(|_| None).collect(),
            calls: Vec::new(),
            made: 0,
            charged: 0,
            pace: Pace::new(run.deadline, run.bounds.stretch),
            in_flight: InFlight::default(),
            not_before: None,
            written: Vec::new(),
            series: Series::default(),
            held: Self::held_at_first(run),
            is_held_back: false,
        }
    }

    /// Starts the steps that wait for nothing.
    pub(super) async fn begin(&mut self) {
        let ready = (0..self.waiting.len()).filter(|&step| self.waiting[step] == 0).collect::<Vec<_>>();
        self.start_all(ready).await;
        self.pace.end();
    }

    /// Waits for the next call to end and starts what it makes ready. `false`: nothing is in flight any more, so that
    /// every step has ended.
    pub(super) async fn advance(&mut self, mut deadline: Pin<&mut Sleep>) -> bool {
        if self.in_flight.is_empty() {
            return false;
        }
        // Whoever waits for a call has given its turn back.
        self.pace.end();
        let finished = tokio::select! {
            biased;
            finished = self.in_flight.next() => finished,
            () = &mut deadline => None,
        };
        match finished {
            Some(finished) => self.receive(finished).await,
            None => self.give_up().await,
        }
        !self.in_flight.is_empty()
    }

    /// Waits for the first call to end, without reading its answer; `None`: none was made.
    pub(super) async fn first(&mut self) -> Option<Finished> {
        self.in_flight.next().await
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

    /// Writes the answer.
    pub(super) async fn ran(&mut self) -> Ran {
        let run = self.run;
        let inputs = |step: StepId, input: &Input| run.input(step, input);
        let causes = Causes::new(run, &self.arena);
        let source = run.source(&self.arena, &inputs, &causes, Spent::default());
        let mut writer = Writer::new(&source);
        self.pace.write(&mut writer).await;
        let Written { mut body, errors, codes } = written(writer, &source);
        causes.log();
        body.push(b'}');
        Ran {
            body: body.into(),
            errors,
            calls: std::mem::take(&mut self.calls),
            error_codes: codes,
            is_cut: now() >= run.deadline,
            held: self.held.take(),
        }
    }

    pub(super) fn step(&self, step: usize) -> (&'a Step, &'a Way, &'a Sourced) {
        let plan = &self.run.plan.steps[step];
        (plan, self.run.graph.way(plan.way), &self.run.sources[plan.source.index()])
    }

    pub(super) fn inputs(&self, step: usize) -> Inputs<'a> {
        self.run.inputs(step)
    }

    /// Takes what came of a call, and starts what is ready then.
    pub(super) async fn receive(&mut self, finished: Finished) {
        let ready = self.take(finished).await;
        if !ready.is_empty() {
            self.start_all(ready).await;
        }
        self.pace.end();
    }

    /// Takes what came of a call, and says which steps are ready then.
    pub(super) async fn take(&mut self, mut finished: Finished) -> Vec<usize> {
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
            is_in_process: self.run.graph.source(step.source).kind.is_in_process(),
            is_safe: way.is_safe,
            cache: weighed.cache,
            cause: finished.result.as_ref().err().and_then(|error| error.cause.clone()),
        });
        let mut result = finished.result;
        let of_code = match &mut result {
            Ok(answer) => &mut answer.calls,
            Err(error) => &mut error.calls,
        };
        if !of_code.is_empty() {
            self.code_has_written(way, of_code);
            let failed = of_code.iter().filter_map(FailedCall::of_record);
            self.run.aside().tell("a call of code in this process has failed", failed);
            self.calls.append(of_code);
        }
        let is_unsent = result.as_ref().is_err_and(|error| error.is_unsent);
        self.is_held_back |= !step.after.is_empty() && result.as_ref().is_err_and(CallError::is_held_back);
        let result = result.map_err(|error| call_failure(&error, step.way, way.is_safe));
        let Some(pending) = &mut self.pending[number] else { return Vec::new() };
        // A write is one call.
        pending.is_made &= way.is_safe || !is_unsent;
        pending.take(finished.keys, result, weighed);
        pending.announced.extend(finished.announced);
        pending.open -= 1;
        match pending.open {
            0 => self.finish(number).await,
            _ => Vec::new(),
        }
    }

    /// Settles a step and says which ones are ready now.
    pub(super) async fn finish(&mut self, number: usize) -> Vec<usize> {
        let (step, ..) = self.step(number);
        if self.end_write(number) {
            self.not_before = Some(Instant::now());
        }
        if let Some(pending) = self.pending[number].take() {
            let keys = pending.keys;
            let settled = self.settle(number, &keys, pending.answers).await;
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

    /// Reads a step's answers and says what each key's value is.
    async fn settle(&mut self, number: usize, keys: &Keys, mut answers: Vec<Answered>) -> Settled {
        let (step, way, source) = self.step(number);
        answers.sort_by_key(|answered| answered.keys.start);
        let mut settling = Settling::new((step, way), keys, source);
        for answered in answers {
            let is_in_time = self.pace.rest().await;
            let answered = match answered.result {
                Ok(_) if !is_in_time => Answered { result: Err(too_late(step, source)), ..answered },
                _ => answered,
            };
            settling.take(&mut self.arena, answered);
        }
        settling.end(&mut self.arena)
    }

    /// The deadline passed: what is open has failed, and nothing new is started.
    pub(super) async fn give_up(&mut self) {
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
                let mut is_open = vec![true; pending.keys.keys.len()];
                pending.answers.iter().for_each(|answered| is_open[answered.keys.clone()].fill(false));
                for (key, _) in is_open.iter().enumerate().filter(|(_, is_open)| **is_open) {
                    pending.answers.push(Answered::by_call(key..key + 1, Err(failure.clone())));
                }
                let settled = self.settle(number, &pending.keys, pending.answers).await;
                pending.keys.scatter(step, &mut self.arena, &settled.values);
                self.waiting[number] = usize::MAX;
            } else if self.waiting[number] > 0 {
                let keys = self.collect(number).await;
                if !keys.keys.is_empty() {
                    let failed = self.arena.fail(failure);
                    let values = vec![failed; keys.keys.len()];
                    keys.scatter(step, &mut self.arena, &values);
                }
            }
        }
        self.pace.end();
    }
}

impl Run<'_> {
    /// Tells the log of calls whose failure no answer tells.
    fn aside(&self) -> Aside<'_> {
        Aside { report: self.causes, sources: self.sources, own: None, request_id: self.caller.request_id.as_str() }
    }

    /// What the inputs of a step are made of.
    fn inputs(&self, step: usize) -> Inputs<'_> {
        let plan = &self.plan.steps[step];
        Inputs {
            arguments: &plan.arguments,
            variables: self.variables,
            caller: self.caller,
            config: &self.sources[plan.source.index()].config,
            keys: &[],
            is_batched: !matches!(plan.pairing, PairingPlan::Single),
        }
    }

    /// An input of a step, as JSON text; `None`: null.
    pub(super) fn input(&self, step: StepId, input: &Input) -> Option<String> {
        input_text(&self.inputs(step as usize), input)
    }

    /// What an answer is written from.
    pub(super) fn source<'s>(
        &'s self,
        arena: &'s Arena,
        inputs: &'s super::write::Inputs<'s>,
        causes: &'s Causes<'s>,
        spent: Spent,
    ) -> Source<'s> {
        Source {
            plan: self.plan,
            arena,
            root: root_type(self),
            is_anonymous: self.caller.claims.is_none(),
            inputs,
            introspection: self.introspection,
            locations: self.locations,
            causes,
            bounds: self.bounds,
            spent,
        }
    }
}

impl Pace {
    /// Writes to the end, slice by slice.
    pub(super) async fn write(&mut self, writer: &mut Writer<'_>) {
        while !writer.go_on() {
            if !self.rest().await {
                writer.give_up();
            }
        }
        self.end();
    }
}

/// The answer that was written.
fn written(writer: Writer<'_>, _source: &Source<'_>) -> Written {
    #[cfg(test)]
    let (is_whole, values) = (!writer.is_late(), writer.spent().values);
    let written = writer.written();
    #[cfg(test)]
    if is_whole {
        check_slices(_source, &written);
        // Estimates of lists are no bounds; tests of them set one.
        let most = _source.plan.values.filter(|_| _source.bounds.values.is_none());
        assert!(most.is_none_or(|most| values <= most), "{values} values, proven {most:?}");
    }
    written
}

/// Of a call that was still open at the deadline, or whose answer was not read by then.
fn too_late(step: &Step, source: &Sourced) -> Failure {
    let cause = Arc::new("the request's deadline passed before the service answered".into());
    let failure = Failure::new("UPSTREAM_TIMEOUT", "the request's deadline passed").of(&source.name);
    failure.by(Evidence::Call(step.way, cause))
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
        CallErrorKind::Refused | CallErrorKind::Unsendable => "the service was not called",
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

//! Running a plan: a step starts as soon as all steps that it waits for have ended.

use super::arena::{Arena, Failure};
use super::bounds::Bounds;
use super::cause::{Aside, CauseReport, Causes, Evidence};
use super::entity_cache::{Announcement, CacheRules, CacheVerdict, StepLookUp};
use super::in_flight::InFlight;
use super::input::Inputs;
use super::pace::Pace;
use super::read::input_text;
use super::series::Series;
use super::step::{CallResult, Keys, StepProjection, StepResult};
#[cfg(test)]
use super::write::check_slices;
use super::write::{Source, WriteCost, Writer, WrittenAnswer};
use crate::cache::{HoldLimits, Mark};
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

/// A source, and the configuration that bindings may read.
#[derive(Debug, Clone)]
pub struct SourceAccess {
    /// The source that answers calls.
    pub subgraph: Arc<dyn Subgraph>,
    /// The name of the source.
    pub name: Arc<str>,
    /// The values of `$config`.
    pub config: Value,
    /// How many items of all lists of one answer are kept. A list that exceeds this is an error at its field.
    pub max_list_items: u32,
}

/// One request to run.
#[derive(Debug)]
pub struct Run<'a> {
    /// The plan of the operation.
    pub plan: &'a Plan,
    /// The graph for which the plan was made.
    pub graph: &'a Arc<Graph>,
    /// The sources of the graph, by [`crate::compose::SourceId`].
    pub sources: &'a [SourceAccess],
    /// The coerced variables, in the vocabulary of the graph.
    pub variables: &'a Variables,
    /// The positions of the document's fields, for errors.
    pub locations: &'a Locations,
    /// The kept answers. `None` if nothing is kept.
    pub caching: Option<&'a Arc<CacheRules>>,
    /// The writes that continue after their requests have ended.
    pub writes: &'a Writes,
    /// The answers of `__schema` and `__type`, by response name. `None` if the operation selects neither.
    pub introspection: Option<&'a HashMap<String, String>>,
    /// The rules by which causes of failures are reported.
    pub causes: &'a Arc<CauseReport>,
    /// The caller on whose behalf the request runs.
    pub caller: &'a Arc<Caller>,
    /// The deadline, after which nobody waits for the answer.
    pub deadline: Instant,
    /// The bounds of what the operation may cost.
    pub bounds: Bounds,
}

/// The result of running a plan.
#[derive(Debug, Clone)]
pub struct RunOutput {
    /// `{"data":…}`, with `errors` if there are any.
    pub body: Bytes,
    /// The number of entries in `errors`.
    pub errors: u32,
    /// The calls that were made, in the order in which they ended.
    pub calls: Vec<CallRecord>,
    /// The `extensions.code` of each entry in `errors`.
    pub error_codes: Vec<Cow<'static, str>>,
    /// Whether the run lasted until the deadline. Then parts of the answer may be missing for that reason alone.
    pub is_cut: bool,
    /// For how long the answer holds, if all its parts are kept. Answers of mutations and subscriptions are not kept.
    pub held: Option<HoldLimits>,
}

pub(super) struct StepEnd {
    pub(super) step: StepId,
    pub(super) keys: Range<usize>,
    pub(super) result: Result<Answer, CallError>,
    pub(super) started: Instant,
    pub(super) ended: Instant,
    /// The announcement of a call that others may wait for, if the call has an answer.
    pub(super) announced: Option<Announcement>,
}

/// A step that has begun.
#[derive(Default)]
pub(super) struct StepInFlight {
    pub(super) keys: Keys,
    pub(super) answers: Vec<CallResult>,
    pub(super) open: usize,
    /// Whether any call was made, as far as is known.
    pub(super) is_made: bool,
    /// The handle of the write, if the step is one.
    pub(super) write: Option<Write>,
    /// The entries of the cache for this step. `None` if the step does not use the cache.
    pub(super) kept: Option<StepLookUp>,
    /// The step's calls that other requests can join until the answers are kept.
    pub(super) announced: Vec<Announcement>,
}

/// How the root call of a subscription gets its answer. The root call is that of the one step that waits for no other.
#[derive(Default)]
pub(super) enum RootAnswer {
    /// The call is made as that of any other step.
    #[default]
    Called,
    /// The call is rendered, but not made.
    Rendered(Option<Box<(Request, Context)>>),
    /// A poll has made the call.
    Polled { result: Box<Result<Answer, CallError>>, began: Instant, ended: Instant },
}

/// The state of a run.
pub(super) struct State<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) root: RootAnswer,
    pub(super) arena: Arena,
    waiting: Vec<usize>,
    pub(super) pending: Vec<Option<StepInFlight>>,
    pub(super) calls: Vec<CallRecord>,
    pub(super) made: usize,
    /// The number of calls, counted as the plan's bound counts them.
    pub(super) charged: u64,
    pub(super) pace: Pace,
    pub(super) in_flight: InFlight,
    /// For mutations: a call of a later group does not join a call that began before this moment.
    pub(super) not_before: Option<Instant>,
    /// The sources that were written to, and when. Older answers of these sources are not used.
    pub(super) written: Vec<(SourceId, Mark)>,
    /// Which root fields of a mutation were checked before its next write.
    pub(super) series: Series,
    /// For how long all answers so far hold. `None` if one of them was not kept.
    pub(super) held: Option<HoldLimits>,
    /// Whether this process did not send a call of a step that waits for another step.
    pub(super) is_held_back: bool,
}

impl Drop for State<'_> {
    /// Ends the writes of this run; those that were sent are finished without it.
    fn drop(&mut self) {
        // Calls that were not sent are not sent any more.
        self.in_flight.clear();
        (0..self.pending.len()).for_each(|number| _ = self.write_over(number));
    }
}

/// Runs a plan until its answer is complete. Dropping the future cancels its calls, except writes that were sent.
///
/// The future is boxed, because it is large and every `async fn` around it would copy it once more.
#[must_use]
pub fn run(run: Run<'_>) -> BoxFuture<'_, RunOutput> {
    Box::pin(async move {
        let mut state = State::new(&run);
        state.begin().await;
        if !state.is_over() {
            // The timer is boxed, because its alignment would make every future that holds it larger.
            let mut deadline = Box::pin(tokio::time::sleep_until(run.deadline.into()));
            while state.advance(deadline.as_mut()).await {}
        }
        state.ran().await
    })
}

/// The graph's type of the operation's root, which is the only type of the answer's root object.
pub(super) fn root_type(run: &Run<'_>) -> TypeId {
    let output = &run.plan.output;
    let root = output.objects.get(output.root.index()).and_then(|object| object.variants.first());
    root.map_or(TypeId(0), |variant| variant.ty)
}

impl<'a> State<'a> {
    /// The state of a run that has not begun.
    pub(super) fn new(run: &'a Run<'a>) -> Self {
        Self::with(run, RootAnswer::Called)
    }

    /// The same state, with the given answer for the root call.
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

    /// Starts the steps that wait for no other step.
    pub(super) async fn begin(&mut self) {
        let ready = (0..self.waiting.len()).filter(|&step| self.waiting[step] == 0).collect::<Vec<_>>();
        self.start_all(ready).await;
        self.pace.end();
    }

    /// Waits for the next call to end, and starts the steps that become ready. Returns `false` if nothing is in flight
    /// any more, which means that every step has ended.
    pub(super) async fn advance(&mut self, mut deadline: Pin<&mut Sleep>) -> bool {
        if self.in_flight.is_empty() {
            return false;
        }
        // A request that waits for a call gives its turn back.
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

    /// Waits for the first call to end, without reading its answer. `None` if no call was made.
    pub(super) async fn first(&mut self) -> Option<StepEnd> {
        self.in_flight.next().await
    }

    /// Whether these steps have ended.
    pub(super) fn is_past(&self, steps: &[StepId]) -> bool {
        let is_past = |&step: &StepId| self.waiting[step.index()] == 0 && self.pending[step.index()].is_none();
        self.is_over() || steps.iter().all(is_past)
    }

    /// Whether every step has ended.
    pub(super) fn is_over(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Writes the answer.
    pub(super) async fn ran(&mut self) -> RunOutput {
        let run = self.run;
        let inputs = |step: StepId, input: &Input| run.input(step, input);
        let causes = Causes::new(run, &self.arena);
        let source = run.source(&self.arena, &inputs, &causes, WriteCost::default());
        let mut writer = Writer::new(&source);
        self.pace.write(&mut writer).await;
        let WrittenAnswer { mut body, errors, codes } = written(writer, &source);
        causes.log();
        body.push(b'}');
        RunOutput {
            body: body.into(),
            errors,
            calls: std::mem::take(&mut self.calls),
            error_codes: codes,
            // Whatever is missing is an error.
            is_cut: errors > 0 && now() >= run.deadline,
            held: self.held.take(),
        }
    }

    pub(super) fn step(&self, step: usize) -> (&'a Step, &'a Way, &'a SourceAccess) {
        let plan = &self.run.plan.steps[step];
        (plan, self.run.graph.way(plan.way), &self.run.sources[plan.source.index()])
    }

    pub(super) fn inputs(&self, step: usize) -> Inputs<'a> {
        self.run.inputs(step)
    }

    /// Takes the result of a call, and starts the steps that become ready.
    pub(super) async fn receive(&mut self, finished: StepEnd) {
        let ready = self.take(finished).await;
        if !ready.is_empty() {
            self.start_all(ready).await;
        }
        self.pace.end();
    }

    /// Takes the result of a call, and returns the steps that become ready.
    pub(super) async fn take(&mut self, mut finished: StepEnd) -> Vec<usize> {
        let number = finished.step.index();
        let (step, way, source) = self.step(number);
        let status = match &finished.result {
            Ok(answer) => Ok(answer.status),
            Err(error) => Err(error.kind.code()),
        };
        let attempts = attempts(&finished.result);
        let verdict = self.admit(&mut finished);
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
            cache: verdict.cache,
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
        // This is exact for a write, because it is one call.
        pending.is_made &= way.is_safe || !is_unsent;
        pending.take(finished.keys, result, verdict);
        pending.announced.extend(finished.announced);
        pending.open -= 1;
        match pending.open {
            0 => self.finish(number).await,
            _ => Vec::new(),
        }
    }

    /// Settles a step and returns the steps that become ready.
    pub(super) async fn finish(&mut self, number: usize) -> Vec<usize> {
        let (step, ..) = self.step(number);
        if self.write_over(number) {
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
            if plan.after.iter().any(|&before| before.index() == number) {
                self.waiting[other] -= 1;
                if self.waiting[other] == 0 {
                    ready.push(other);
                }
            }
        }
        ready
    }

    /// Reads a step's answers and finds the value of each key.
    async fn settle(&mut self, number: usize, keys: &Keys, mut answers: Vec<CallResult>) -> StepResult {
        let (step, way, source) = self.step(number);
        answers.sort_by_key(|answered| answered.keys.start);
        let mut settling = StepProjection::new((step, way), keys, source);
        for answered in answers {
            let is_in_time = self.pace.rest().await;
            let answered = match answered.result {
                Ok(_) if !is_in_time => CallResult { result: Err(too_late(step, source)), ..answered },
                _ => answered,
            };
            settling.take(&mut self.arena, answered);
        }
        settling.end(&mut self.arena)
    }

    /// Ends the run at its deadline: open calls have failed, and nothing new is started.
    pub(super) async fn give_up(&mut self) {
        self.held = None;
        self.in_flight.clear();
        // The steps fail in the order of their rounds, because a failed step fails those that wait for it.
        let mut order: Vec<usize> = (0..self.run.plan.steps.len()).collect();
        order.sort_by_key(|&number| self.run.plan.steps[number].round);
        for number in order {
            let (step, way, source) = self.step(number);
            let is_unsent = !self.write_over(number) && !way.is_safe;
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
                    pending.answers.push(CallResult::by_call(key..key + 1, Err(failure.clone())));
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
    /// Logs failed calls that no answer reports.
    fn aside(&self) -> Aside<'_> {
        Aside { report: self.causes, sources: self.sources, own: None, request_id: self.caller.request_id.as_str() }
    }

    /// The values of which the inputs of a step are made.
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

    /// An input of a step, as JSON text. `None` if it is null.
    pub(super) fn input(&self, step: StepId, input: &Input) -> Option<String> {
        input_text(&self.inputs(step.index()), input)
    }

    /// Everything from which an answer is written.
    pub(super) fn source<'s>(
        &'s self,
        arena: &'s Arena,
        inputs: &'s super::write::Inputs<'s>,
        causes: &'s Causes<'s>,
        spent: WriteCost,
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
    /// Writes the whole answer, slice by slice.
    pub(super) async fn write(&mut self, writer: &mut Writer<'_>) {
        while !writer.go_on() {
            if !self.rest().await {
                writer.give_up();
            }
        }
        self.end();
    }
}

/// The answer that was written. Tests check it.
fn written(writer: Writer<'_>, _source: &Source<'_>) -> WrittenAnswer {
    #[cfg(test)]
    let (is_whole, values) = (!writer.is_late(), writer.spent().values);
    let written = writer.written();
    #[cfg(test)]
    if is_whole {
        check_slices(_source, &written);
        // Estimated lengths of lists are no bounds, so tests of them set a bound of their own.
        let most = _source.plan.values.filter(|_| _source.bounds.values.is_none());
        assert!(most.is_none_or(|most| values <= most), "{values} values, proven {most:?}");
    }
    written
}

/// The failure of a call that was open at the deadline, or whose answer was not read by then.
fn too_late(step: &Step, source: &SourceAccess) -> Failure {
    let cause = Arc::new("the request's deadline passed before the service answered".into());
    let failure = Failure::new("UPSTREAM_TIMEOUT", "the request's deadline passed").of(&source.name);
    failure.by(Evidence::Call(step.way, cause))
}

impl StepInFlight {
    /// Takes the result of a call. If the call failed, some of its keys may have an older answer.
    fn take(&mut self, asked: Range<usize>, result: Result<Answer, Failure>, verdict: CacheVerdict) {
        let mut next = asked.start;
        for old in &verdict.old {
            if next < old.keys.start {
                self.answers.push(CallResult::by_call(next..old.keys.start, result.clone()));
            }
            next = old.keys.end;
        }
        if next < asked.end {
            let rest = CallResult::by_call(next..asked.end, result);
            self.answers.push(CallResult { keep: verdict.keep, ..rest });
        }
        self.answers.extend(verdict.old);
    }
}

/// The current moment, by the clock of the runtime.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The code of a write that did not reach its service, so that it is safe to repeat. Other codes with this meaning are
/// `UPSTREAM_CIRCUIT_OPEN`, `UPSTREAM_REFUSED` and `UPSTREAM_NOT_CONFIGURED`.
pub(super) const NOT_SENT: &str = "UPSTREAM_NOT_SENT";

/// The failure of a call, as the caller may read it.
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
        // Other kinds of calls that were not sent have their own codes.
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

/// How many times a call was sent.
fn attempts(result: &Result<Answer, CallError>) -> u32 {
    result.as_ref().map_or_else(|error| error.attempts, |answer| answer.attempts)
}

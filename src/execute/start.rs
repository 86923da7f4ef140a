//! Starting a step: its keys are collected, and sent in as many calls as they need.

use super::arena::Failure;
use super::entity_cache::{Announcement, JoinedKeys, LookUpResult};
use super::input::Inputs;
use super::request::{domain, lacks, render};
use super::run::{NOT_SENT, RootAnswer, State, StepEnd, StepInFlight, now, root_type};
use super::step::{CallResult, KeyCollection, Keys, takes_redirects};
use crate::plan::StepId;
use crate::upstream::{CallError, Context, Request};
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// The greatest number of calls that one request makes, whatever its plan says.
const MAX_CALLS: usize = 2_000;

/// The way in which a call gets its answer.
enum Via {
    /// The call is sent. If it is announced, other requests may wait for it.
    Sent(Option<Announcement>),
    /// The call waits for an equal one of another request, and is sent only if that one gives no answer.
    Joined(JoinedKeys),
}

impl State<'_> {
    /// Starts steps, and all further steps that become ready because some need no call.
    pub(super) async fn start_all(&mut self, ready: Vec<usize>) {
        let mut ready = VecDeque::from(ready);
        while let Some(step) = ready.pop_front() {
            if self.start(step).await {
                ready.extend(self.finish(step).await);
            }
        }
    }

    /// Starts a step. Returns `true` if it is finished already, because it needs no call.
    async fn start(&mut self, number: usize) -> bool {
        let (step, way, _) = self.step(number);
        let keys = self.collect(number).await;
        let size = way.batch.as_ref().map_or(1, |batch| batch.max_size.max(1) as usize);
        let count = keys.keys.len();
        let mut pending = StepInFlight { keys, ..StepInFlight::default() };
        let mut looked = LookUpResult::default();
        let is_anonymous = self.run.caller.claims.is_none();
        let refused = if is_anonymous && (step.authenticated || !way.caller.claims.is_empty()) {
            Some(Failure::new("UNAUTHENTICATED", "this needs a caller who is signed in"))
        } else if !way.is_safe && self.is_void(number, root_type(self.run)).await {
            Some(Failure::new(NOT_SENT, "an earlier field of the mutation has failed, so this one was not sent"))
        } else if let Some(failure) = lacks(way, self.run.graph.source(step.source), &self.inputs(number)) {
            Some(failure)
        } else {
            looked = self.look_up(number, &mut pending.keys).await;
            self.charge(number, looked.joined.len() + (count - looked.first_own()).div_ceil(size))
        };
        if let (Some(failure), true) = (refused, count > 0) {
            pending.answers = vec![CallResult::by_call(0..count, Err(failure))];
            self.pending[number] = Some(pending);
            return true;
        }
        let first_own = looked.first_own();
        let LookUpResult { kept, answers, joined, mut announced } = looked;
        (pending.kept, pending.answers) = (kept, answers);
        for (range, call) in joined {
            self.call(number, &mut pending, range, Via::Joined(call));
        }
        for first in (first_own..count).step_by(size) {
            // The result is ignored: whether anybody still waits is checked when the answers are awaited.
            self.pace.rest().await;
            let range = first..count.min(first + size);
            self.call(number, &mut pending, range, Via::Sent(announced.pop_front()));
        }
        let is_finished = pending.open == 0;
        self.pending[number] = Some(pending);
        is_finished
    }

    /// Sends some of a step's keys in one call.
    fn call(&mut self, number: usize, pending: &mut StepInFlight, range: Range<usize>, via: Via) {
        let (step, way, source) = self.step(number);
        let inputs = Inputs { keys: &pending.keys.keys[range.clone()], ..self.inputs(number) };
        let graph_source = self.run.graph.source(step.source);
        let fieldset = pending.kept.as_ref().and_then(|kept| kept.fields.as_deref()).unwrap_or(&step.fieldset);
        let request = match render(step, way, graph_source, &inputs, fieldset) {
            Ok(request) => request,
            Err(failure) => {
                pending.answers.push(CallResult::by_call(range, Err(failure.of(&source.name))));
                return;
            }
        };
        if !way.is_safe {
            pending.write = self.run.writes.begin();
            if pending.write.is_none() {
                let failure = Failure::new("UPSTREAM_REFUSED", "too many writes are being finished; try again");
                pending.answers.push(CallResult::by_call(range, Err(failure.of(&source.name))));
                return;
            }
        }
        let ctx = Context {
            domain: domain(step, way, graph_source, &inputs, inputs.is_batched),
            endpoint: Arc::clone(&step.endpoint),
            caller: Arc::clone(self.run.caller),
            deadline: self.run.deadline,
            is_safe: way.is_safe,
            not_before: self.not_before,
            condition: pending.kept.as_ref().and_then(|kept| kept.condition(way, range.start)),
            takes_redirects: takes_redirects(step),
            write: pending.write.clone(),
        };
        let is_root = step.after.is_empty();
        let step = StepId::at(number);
        let started = now();
        match via {
            Via::Sent(_) if is_root && !matches!(self.root, RootAnswer::Called) => {
                let finished = self.root_answer(step, range, (request, ctx));
                self.in_flight.push(finished);
            }
            Via::Sent(announced) => {
                let call = source.subgraph.call(request, ctx);
                self.in_flight.push(Box::pin(async move {
                    let result = call.await;
                    let announced = announced.and_then(|announced| announced.tell(&result));
                    StepEnd { step, keys: range, result, started, ended: now(), announced }
                }));
            }
            Via::Joined(joined) => {
                let subgraph = Arc::clone(&source.subgraph);
                self.in_flight.push(Box::pin(async move {
                    let result = match joined.wait().await {
                        Some(answer) => Ok::<_, CallError>(answer),
                        None => subgraph.call(request, ctx).await,
                    };
                    StepEnd { step, keys: range, result, started, ended: now(), announced: None }
                }));
            }
        }
        self.made += 1;
        pending.open += 1;
        pending.is_made = true;
    }

    /// The future of a root call that is not made here.
    fn root_answer(
        &mut self,
        step: StepId,
        keys: Range<usize>,
        call: (Request, Context),
    ) -> BoxFuture<'static, StepEnd> {
        match std::mem::take(&mut self.root) {
            RootAnswer::Polled { result, began, ended } => {
                let finished = StepEnd { step, keys, result: *result, started: began, ended, announced: None };
                Box::pin(std::future::ready(finished))
            }
            RootAnswer::Called | RootAnswer::Rendered(_) => {
                self.root = RootAnswer::Rendered(Some(Box::new(call)));
                Box::pin(std::future::pending())
            }
        }
    }

    /// Counts calls that are about to be made. Returns an error if they are more than the request may make.
    fn charge(&mut self, number: usize, calls: usize) -> Option<Failure> {
        if self.made + calls > MAX_CALLS {
            return Some(Failure::new("TOO_MANY_CALLS", "the request needs too many calls"));
        }
        let each = self.run.graph.source(self.step(number).0.source).kind.calls_per_request();
        let charged = self.charged.saturating_add(each.saturating_mul(calls as u64));
        match self.run.bounds.calls {
            Some(most) if charged > most => {
                let message = format!("the operation needs more than {most} calls, which is all that it may make");
                Some(Failure::new("OVER_BUDGET", message))
            }
            _ => {
                self.charged = charged;
                None
            }
        }
    }

    pub(super) async fn collect(&mut self, number: usize) -> Keys {
        let (step, way, _) = self.step(number);
        let run = self.run;
        let mut collecting = KeyCollection::new(step, way);
        while !collecting.go_on(&mut self.arena, &|step, input| run.input(step, input)) {
            // The result is ignored: even after the deadline, the remaining rows must be collected to get their error.
            self.pace.rest().await;
        }
        collecting.keys
    }
}

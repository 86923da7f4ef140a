//! One answer of a subscription, made from a tick of its poll.

use crate::compose::SourceId;
use crate::execute::digest::{Digests, is_outage};
use crate::execute::polls::{Polls, RootCall, Tick};
use crate::execute::run::{RootAnswer, Run, RunOutput, State};
use crate::plan::Plan;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The outcome of a tick.
pub(super) enum Outcome {
    /// The root's projection has not changed.
    Unchanged,
    /// An answer, for which all calls were made.
    Answered(EventAnswer),
    /// An answer that says that this process did not send some of its calls. They may be sent at the next tick.
    NotSent(EventAnswer),
    /// An answer that says why no call is made for this caller, now or later.
    Refused(RunOutput),
}

/// An answer, and what decides whether another one follows.
pub(super) struct EventAnswer {
    pub(super) ran: RunOutput,
    /// The digest of the root's projection.
    pub(super) root: u64,
    /// Whether a call after the root has failed, so that the answer is made again at the next tick.
    pub(super) is_broken: bool,
}

/// Renders the root call of a subscription.
///
/// # Errors
/// The answer that says why no call is made for this caller.
pub(super) async fn root_call(run: &Run<'_>, timeout: Duration, every: Duration) -> Result<RootCall, RunOutput> {
    let mut state = State::with(run, RootAnswer::Rendered(None));
    state.begin().await;
    let RootAnswer::Rendered(Some(rendered)) = std::mem::take(&mut state.root) else { return Err(state.ran().await) };
    let (request, context) = *rendered;
    let root = super::root(run.plan).unwrap_or_default();
    let (step, _, source) = state.step(root);
    let (name, subgraph) = (Arc::clone(&source.name), Arc::clone(&source.subgraph));
    Ok(RootCall { source: step.source, name, subgraph, request, context, every, timeout })
}

/// Makes an answer. `root` is the digest of the root's projection for which no new answer is needed. The wait for a
/// turn may take `timeout`, and the calls after it may take as long again.
pub(super) async fn answer(run: &Run<'_>, polls: &Polls, tick: &Tick, timeout: Duration, root: Option<u64>) -> Outcome {
    let turn_by = Instant::now() + timeout;
    let deadline = turn_by + timeout;
    let run = Run { deadline: deadline.into_std(), ..*run };
    let Some(result) = tick.result.clone() else { return Outcome::Unchanged };
    let polled = RootAnswer::Polled { result: Box::new(result), began: tick.recent.began, ended: tick.ended };
    let mut state = State::with(&run, polled);
    state.begin().await;
    let mut sleep = pin!(tokio::time::sleep_until(deadline));
    let Some(finished) = state.first().await else { return Outcome::Refused(state.ran().await) };
    let ready = state.take(finished).await;
    let digest = Digests::of_process().rows(&state.arena, &run.plan.frames, &mut state.pace).await;
    if root == Some(digest) {
        return Outcome::Unchanged;
    }
    let places = match ready.is_empty() {
        true => Ok(Vec::new()),
        false => timeout_at(turn_by, polls.turn(joined_sources(run.plan))).await,
    };
    if places.is_ok() {
        state.start_all(ready).await;
        while state.advance(sleep.as_mut()).await {}
    } else {
        state.give_up().await;
    }
    let is_unsent = places.is_err() || state.is_held_back;
    let ran = state.ran().await;
    // The first call is the root's own. It is repeated at the next tick anyway.
    let has_failed =
        ran.calls.iter().skip(1).any(|call| call.status.map_or(true, |status| status >= 500 || status == 429));
    let says_so = run.plan.steps.len() > 1 && tick_is_good(tick) && ran.error_codes.iter().any(|code| fails(code));
    let answered = EventAnswer { is_broken: ran.is_cut || has_failed || says_so, ran, root: digest };
    if is_unsent { Outcome::NotSent(answered) } else { Outcome::Answered(answered) }
}

fn fails(code: &str) -> bool {
    is_outage(code) || code == "SUBGRAPH_ERROR"
}

fn tick_is_good(tick: &Tick) -> bool {
    matches!(&tick.result, Some(Ok(answer)) if answer.status < 400)
}

/// The services that the steps after the root call.
fn joined_sources(plan: &Plan) -> Vec<SourceId> {
    plan.steps.iter().filter(|step| !step.after.is_empty()).map(|step| step.source).collect()
}

//! One poll: it calls at its ticks and publishes what is new.
//!
//! In: a rendered call, its [`Schedule`], and requests for an answer before the next tick. Out: [`Tick`]s, by a channel
//! that keeps the newest one.
//!
//! A call that this process did not send (because of a full queue, an open circuit breaker, or no turn before the
//! deadline) is no answer. The poll then waits for its next tick, and calls sooner only for new subscribers, who have
//! nothing yet. If none of their calls is sent before the timeout, or if the breaker is open, they are told so.
//!
//! Always true:
//! - an answer that equals the one before is given only to those who have asked for it;
//! - a body is dropped one second after it was published; only that of a failure (at most 4 KiB) is kept while the
//!   service wants no calls.

use super::observer::ObserverSlot;
use super::schedule::Schedule;
use super::tick::{Tick, is_refused};
use super::validator::Validator;
use super::wanted::{PollRequest, Recent};
use super::{PlacesOfSource, RootCall, until};
use crate::cache::{Bypass, CacheStatus};
use crate::execute::digest::Digests;
use crate::execute::now;
use crate::report::{CallRecord, MissedTick};
use crate::upstream::{Answer, CallError, CallErrorKind, Context, Subgraph};
use bytes::Bytes;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout_at};

/// The longest time for which a service's `Retry-After` is obeyed: 5 minutes.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// How long a body is kept for subscriptions that have not read it yet: 1 second.
pub(in crate::execute) const KEPT: Duration = Duration::from_secs(1);

/// The largest body of a failure, in bytes, that is kept while the service wants no calls: 4 KiB.
const MAX_FAILURE: usize = 4 << 10;

/// The time after which a call that was not sent is tried again for new subscribers: 250 ms.
const RETRY: Duration = Duration::from_millis(250);

/// The part of a poll that subscriptions use.
#[derive(Debug)]
pub(super) struct Poll {
    subgraph: Arc<dyn Subgraph>,
    wanted: Arc<PollRequest>,
    ticks: watch::Receiver<Arc<Tick>>,
}

impl Poll {
    pub(super) fn ticks(&self) -> watch::Receiver<Arc<Tick>> {
        self.ticks.clone()
    }

    pub(super) fn wanted(&self) -> &PollRequest {
        &self.wanted
    }

    /// How many writes to the source are over now.
    pub(super) fn writes(&self) -> u64 {
        self.subgraph.writes()
    }

    /// The recency that a tick has now.
    pub(super) fn recent(&self, tick: &Tick) -> Recent {
        tick.recent(now(), self.writes())
    }
}

/// The part of a poll that makes the calls.
pub(super) struct PollTask {
    call: RootCall,
    schedule: Schedule,
    places: PlacesOfSource,
    observed: Arc<ObserverSlot>,
    wanted: Arc<PollRequest>,
    ticks: watch::Sender<Arc<Tick>>,
    /// The digest of the last answer, by which answers are compared.
    mark: Option<u64>,
    validator: Option<Validator>,
    /// Since when calls for new subscribers could not be sent.
    vain_since: Option<Instant>,
}

/// The outcome of one call.
enum Outcome {
    Answered(Result<Answer, CallError>),
    /// The service answered 304 for the answer that the condition named.
    Confirmed,
    /// The call was not sent, or its answer is of no use.
    Missed(MissedTick, CallError),
}

impl PollTask {
    pub(super) fn new(
        call: RootCall,
        schedule: Schedule,
        places: PlacesOfSource,
        observed: Arc<ObserverSlot>,
    ) -> (Poll, Self) {
        let (ticks, receiver) = watch::channel(Arc::new(Tick::none(now())));
        let wanted = Arc::new(PollRequest::default());
        let poll = Poll { subgraph: Arc::clone(&call.subgraph), wanted: Arc::clone(&wanted), ticks: receiver };
        (poll, Self { call, schedule, places, observed, wanted, ticks, mark: None, validator: None, vain_since: None })
    }

    /// Polls until it is aborted.
    pub(super) async fn run(mut self) {
        let mut due = now();
        loop {
            let is_tick = self.wait(due).await;
            let recent = Recent { began: now(), writes: [self.call.subgraph.writes()].into() };
            let outcome = Box::pin(self.outcome()).await;
            let sooner = self.take(outcome, recent);
            let next = self.next();
            if is_tick {
                self.observed.missed(self.reason(), self.schedule.between(due, next));
            }
            due = sooner.map_or(next, |sooner| sooner.min(next));
        }
    }

    /// Waits until a call is due or wanted. Meanwhile, forgets the last body when its time is over. Returns whether the
    /// call is due.
    async fn wait(&self, due: Instant) -> bool {
        loop {
            let is_held = self.held_until().is_some();
            if !is_held && self.is_wanted() {
                return now() >= due;
            }
            tokio::select! {
                () = sleep_until(due.into()) => return true,
                () = self.wanted.asked() => {}
                () = until(self.forget_at()) => {
                    let forgotten = self.ticks.borrow().forgotten();
                    self.replace(forgotten, false);
                }
            }
        }
    }

    /// Whether a new subscriber waits for an answer, and no call for it was refused before.
    fn is_wanted(&self) -> bool {
        let is_wanted = self.wanted.answer().is_some_and(|wanted| {
            let tick = self.ticks.borrow();
            let recent = tick.recent(now(), self.call.subgraph.writes());
            let serves = tick.result.is_some() && recent.serves(&wanted);
            if serves {
                self.wanted.given(&recent);
            }
            !serves
        });
        is_wanted && self.vain_since.is_none()
    }

    fn held_until(&self) -> Option<Instant> {
        self.ticks.borrow().held_until.filter(|until| *until > now())
    }

    /// When the last body is to be forgotten, if one is kept that nobody needs any longer.
    fn forget_at(&self) -> Option<Instant> {
        let tick = self.ticks.borrow();
        (tick.result.is_some() && tick.held_until.is_none()).then(|| tick.ended + KEPT)
    }

    /// Waits for a turn and makes one call.
    async fn outcome(&mut self) -> Outcome {
        let turn_by = now() + self.call.timeout;
        let places = Arc::clone(&self.places);
        let Ok(Ok(_place)) = timeout_at(turn_by.into(), places.acquire()).await else {
            let cause = "the poll waited for its turn until its deadline";
            let error = CallError::new(&self.call.name, CallErrorKind::Timeout, cause);
            return Outcome::Missed(MissedTick::Late, error);
        };
        let may_confirm = !self.wanted.is_any() || self.ticks.borrow().result.is_some();
        let condition = self.validator.as_ref().filter(|_| may_confirm).map(Validator::condition);
        let is_conditional = condition.is_some();
        // The wait for a turn does not count towards the call's timeout.
        let started = now();
        let deadline = started + self.call.timeout;
        let context = Context { deadline, condition, ..self.call.context.clone() };
        let call = AssertUnwindSafe(async { self.call.subgraph.call(self.call.request.clone(), context).await });
        let Ok(result) = call.catch_unwind().await else {
            tracing::error!(service = &*self.call.name, "a poll has panicked");
            let error = CallError::new(&self.call.name, CallErrorKind::Refused, "the poll has panicked");
            return Outcome::Missed(MissedTick::Late, error);
        };
        self.record(&result, started);
        match result {
            Err(error) if is_refused(&error) => Outcome::Missed(MissedTick::Refused, error),
            Ok(answer) if answer.status == 304 && is_conditional => self.confirmed(&answer),
            result => Outcome::Answered(result),
        }
    }

    /// The outcome of a 304, by which the service says that nothing has changed.
    fn confirmed(&mut self, answer: &Answer) -> Outcome {
        if self.validator.as_ref().is_some_and(|validator| validator.is_confirmed_by(&answer.headers)) {
            return Outcome::Confirmed;
        }
        // The 304 is for another answer, so the next call has no condition.
        self.validator = None;
        let error = CallError::new(&self.call.name, CallErrorKind::Refused, "the service confirmed another answer");
        Outcome::Missed(MissedTick::Refused, error)
    }

    /// Publishes an outcome. Returns when to call again, if that is before the next tick.
    fn take(&mut self, outcome: Outcome, recent: Recent) -> Option<Instant> {
        let last = Arc::clone(&self.ticks.borrow());
        let result = match outcome {
            Outcome::Missed(why, error) => return self.missed(why, error, recent.began),
            Outcome::Confirmed => None,
            Outcome::Answered(result) => Some(result),
        };
        self.vain_since = None;
        let mut tick =
            Tick { version: last.version, result: None, recent, ended: now(), is_refused: false, held_until: None };
        match result {
            // The confirmed answer is the last one, if its body is still kept.
            None if !last.is_refused => tick.result.clone_from(&last.result),
            None => {}
            Some(result) => {
                let mark = Some(mark(&result));
                tick.version += u64::from(mark != self.mark);
                self.mark = mark;
                self.validator = result.as_ref().ok().and_then(|answer| Validator::of(&self.call.request, answer));
                tick.held_until = held_until(&result, tick.ended);
                tick.result = Some(lean(result, tick.held_until.is_some()));
            }
        }
        let is_waited_for = self.wanted.given(&tick.recent(tick.ended, self.call.subgraph.writes()));
        let is_told = is_waited_for || tick.version != last.version || tick.held_until.is_some();
        if !is_told {
            tick.result = None;
        }
        self.replace(tick, is_told);
        None
    }

    /// Notes that there is no answer, and says so to new subscribers when they have waited for the whole timeout.
    fn missed(&mut self, why: MissedTick, error: CallError, began: Instant) -> Option<Instant> {
        self.observed.missed(why, 1);
        if self.wanted.answer().is_none() {
            self.vain_since = None;
            return None;
        }
        let now = now();
        let vain_since = *self.vain_since.get_or_insert(began);
        let is_final = error.kind == CallErrorKind::CircuitOpen || now >= vain_since + self.call.timeout;
        if !is_final {
            return Some(now + RETRY);
        }
        self.vain_since = None;
        let last = Arc::clone(&self.ticks.borrow());
        let recent = Recent { began: now, writes: [self.call.subgraph.writes()].into() };
        self.wanted.refused(&recent);
        let (version, result) = (last.version, Some(Err(error)));
        self.replace(Tick { version, result, recent, ended: now, is_refused: true, held_until: None }, true);
        None
    }

    /// When the next call is due.
    fn next(&self) -> Instant {
        let after = self.schedule.after(now());
        self.held_until().map_or(after, |until| self.schedule.after(until).max(after))
    }

    /// Why the poll left out ticks.
    fn reason(&self) -> MissedTick {
        if self.held_until().is_some() { MissedTick::RetryAfter } else { MissedTick::Late }
    }

    fn replace(&self, tick: Tick, is_told: bool) {
        self.ticks.send_if_modified(|newest| {
            *newest = Arc::new(tick);
            is_told
        });
    }

    fn record(&self, result: &Result<Answer, CallError>, started: Instant) {
        let call = CallRecord {
            service: Arc::clone(&self.call.name),
            operation_id: Arc::clone(&self.call.context.endpoint),
            keys: 1,
            elapsed: now().duration_since(started),
            status: result.as_ref().map(|answer| answer.status).map_err(|error| error.kind.code()),
            attempts: result.as_ref().map_or_else(|error| error.attempts, |answer| answer.attempts),
            is_shared: result.as_ref().is_ok_and(|answer| answer.is_shared),
            is_in_process: false,
            is_safe: true,
            cache: CacheStatus::Bypass(Bypass::Off),
            cause: result.as_ref().err().and_then(|error| error.cause.clone()),
        };
        self.observed.called(&call, true);
    }
}

/// The digest of a result. It also differs if only a byte differs that no operation selects.
fn mark(result: &Result<Answer, CallError>) -> u64 {
    let digests = Digests::of_process();
    match result {
        Ok(answer) => digests.of(&(answer.status, &answer.body)),
        Err(error) => digests.of(&error.kind.code()),
    }
}

/// Until when the service wants no calls: 429 and 503 say so by `Retry-After` (RFC 6585 §4, RFC 9110 §15.6.4).
fn held_until(result: &Result<Answer, CallError>, now: Instant) -> Option<Instant> {
    let answer = result.as_ref().ok().filter(|answer| matches!(answer.status, 429 | 503))?;
    Some(now + answer.retry_after?.min(MAX_RETRY_AFTER))
}

/// The result without its headers, which only the next call needed. If the result is kept for long, a large body is
/// dropped too.
fn lean(result: Result<Answer, CallError>, is_kept: bool) -> Result<Answer, CallError> {
    let mut answer = result?;
    answer.headers.clear();
    if is_kept && answer.body.len() > MAX_FAILURE {
        answer.body = Bytes::new();
    }
    Ok(answer)
}

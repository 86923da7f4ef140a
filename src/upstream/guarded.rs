//! Guarded calls: how many calls one service gets, and what happens when it fails.
//!
//! In: calls to a source. Out: its answers after one or two attempts, or an error at once if no attempt was made.
//! Elsewhere: each policy by itself, with its reasons ([`super::queue`], [`super::breaker`], [`super::retry`]); the
//! attempts ([`super::http_service`]); sharing equal calls, which happens before ([`super::shared`]), so requests that
//! share a call also share its retry.
//!
//! The steps of an attempt: the endpoint's breaker lets it through, or refuses it at once even while all slots are
//! taken; the service's queue gives it a slot; it is sent; the breaker gets the outcome. A call that failed gives its
//! slot back before it waits for its retry.
//!
//! A write is held back until it has its slot and its permit. From then on it goes on by itself ([`super::finish`]),
//! and keeps both until it is over. So no more writes of one service are being finished than it has slots.
//!
//! Always true:
//! - a call that is not a read is sent once, or not at all;
//! - no call waits here longer than its deadline;
//! - a call that ends early, because its caller left or had no more time, says nothing about the service.

use super::breaker::{Breaker, BreakerOptions, Breakers, Outcome, Permit};
use super::finish::finish;
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use super::queue::{NoSlot, Queue, QueueOptions, Slot};
use super::retry::{self, RetryBudget, RetryOptions};
use crate::report::{RetryOutcome, ServiceReport};
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Instant, sleep};

/// How the calls to one service are guarded.
#[derive(Debug, Clone, Copy, Default)]
pub struct GuardOptions {
    /// How many calls are in flight at once, and how many wait.
    pub queue: QueueOptions,
    /// How many calls are sent again.
    pub retry: RetryOptions,
    /// When an endpoint is not called for a while.
    pub breaker: BreakerOptions,
}

/// A source whose calls are guarded. Clones share the queue, the retry budget and the breakers.
#[derive(Debug)]
pub struct GuardedSource<S: ?Sized> {
    guard: Arc<Guard>,
    source: Arc<S>,
}

impl<S: ?Sized> Clone for GuardedSource<S> {
    fn clone(&self) -> Self {
        Self { guard: Arc::clone(&self.guard), source: Arc::clone(&self.source) }
    }
}

#[derive(Debug)]
struct Guard {
    service: Arc<str>,
    queue: Queue,
    breakers: Breakers,
    retry: RetryOptions,
    /// The lock is held for a few sums, never across an await.
    budget: Mutex<RetryBudget>,
    outcomes: [AtomicU64; RetryOutcome::ALL.len()],
    hasher: ahash::RandomState,
}

impl<S: Subgraph + ?Sized> GuardedSource<S> {
    /// Guards the calls to `source`, which is called `service` in errors, logs and metrics.
    #[must_use]
    pub fn new(service: impl Into<Arc<str>>, source: Arc<S>, options: GuardOptions) -> Self {
        let service = service.into();
        let guard = Guard {
            queue: Queue::new(options.queue),
            breakers: Breakers::new(Arc::clone(&service), options.breaker),
            retry: options.retry,
            budget: Mutex::new(RetryBudget::new(options.retry, Instant::now())),
            outcomes: Default::default(),
            hasher: ahash::RandomState::new(),
            service,
        };
        Self { guard: Arc::new(guard), source }
    }
}

impl<S: Subgraph + ?Sized + 'static> Subgraph for GuardedSource<S> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let (guard, source) = (Arc::clone(&self.guard), Arc::clone(&self.source));
        match ctx.is_safe {
            true => Box::pin(async move { guard.read(&*source, request, ctx).await }),
            false => Box::pin(async move { guard.write(source, request, ctx).await }),
        }
    }

    fn report(&self) -> Option<ServiceReport> {
        let guard = &self.guard;
        let count = |outcome: RetryOutcome| (outcome, guard.outcomes[outcome as usize].load(Ordering::Relaxed));
        Some(ServiceReport {
            service: Arc::clone(&guard.service),
            in_flight: guard.queue.in_flight(),
            waiting: guard.queue.waiting(),
            retries: RetryOutcome::ALL.map(count).to_vec(),
            breakers: guard.breakers.report(),
            ..self.source.report().unwrap_or_default()
        })
    }
}

impl Guard {
    async fn read<S: Subgraph + ?Sized>(
        &self,
        source: &S,
        request: Request,
        ctx: Context,
    ) -> Result<Answer, CallError> {
        let breaker = self.endpoint(&request, &ctx);
        if !self.retry.is_on() {
            return self.attempt(source, breaker.as_ref(), request, ctx).await;
        }
        self.budget(|budget, now| budget.pay_in(now));
        let deadline = Instant::from_std(ctx.deadline);
        let again = (request.clone(), ctx.clone());
        let began = Instant::now();
        let first = self.attempt(source, breaker.as_ref(), request, ctx).await;
        if !retry::may_help(&first) || breaker.as_ref().is_some_and(Endpoint::refuses) {
            return first;
        }
        let retry_after = first.as_ref().ok().and_then(|answer| answer.retry_after);
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(wait) = retry::wait(retry_after, fastrand::f64(), began.elapsed(), left) else {
            self.count(RetryOutcome::TooLate);
            return first;
        };
        if !self.budget(RetryBudget::spend) {
            self.count(RetryOutcome::OverBudget);
            return first;
        }
        sleep(wait).await;
        let (request, ctx) = again;
        let mut second = self.attempt(source, breaker.as_ref(), request, ctx).await;
        match &mut second {
            // The second attempt was not sent, so the first result says more.
            Err(error) if error.attempts == 0 => return first,
            Err(error) => error.attempts += 1,
            Ok(answer) => answer.attempts += 1,
        }
        let has_helped = second.as_ref().is_ok_and(|answer| answer.status < 500);
        self.count(if has_helped { RetryOutcome::Recovered } else { RetryOutcome::Failed });
        second
    }

    async fn attempt<S: Subgraph + ?Sized>(
        &self,
        source: &S,
        breaker: Option<&Endpoint>,
        request: Request,
        ctx: Context,
    ) -> Result<Answer, CallError> {
        let _slot = self.slot(breaker, Instant::from_std(ctx.deadline)).await?;
        let permit = self.permit(breaker)?;
        settled(source, permit, request, ctx).await
    }

    /// Sends a write as soon as it may be sent, and waits for its end until the deadline.
    async fn write<S: Subgraph + ?Sized + 'static>(
        self: Arc<Self>,
        source: Arc<S>,
        request: Request,
        ctx: Context,
    ) -> Result<Answer, CallError> {
        if let Some(write) = &ctx.write {
            write.hold_back();
        }
        let breaker = self.endpoint(&request, &ctx);
        let slot = self.slot(breaker.as_ref(), Instant::from_std(ctx.deadline)).await?;
        let permit = self.permit(breaker.as_ref())?;
        slot.keep();
        let kept = KeptSlot(Arc::clone(&self));
        let speaks_graphql = matches!(request, Request::GraphQl { .. });
        let work = {
            let ctx = ctx.clone();
            async move {
                let _kept = kept;
                settled(&*source, permit, request, ctx).await
            }
        };
        finish(&self.service, &ctx, speaks_graphql, work).await
    }

    /// The breaker for a call, with the call's input; `None` if the endpoint has no breaker.
    fn endpoint(&self, request: &Request, ctx: &Context) -> Option<Endpoint> {
        let breaker = self.breakers.of(&ctx.endpoint)?;
        Some(Endpoint { breaker, input: self.hasher.hash_one(request) })
    }

    async fn slot(&self, breaker: Option<&Endpoint>, deadline: Instant) -> Result<Slot<'_>, CallError> {
        if let Some(slot) = self.queue.try_enter() {
            return Ok(slot);
        }
        if breaker.is_some_and(Endpoint::refuses) {
            return Err(self.open());
        }
        self.queue.enter(deadline).await.map_err(|refused| match refused {
            NoSlot::Full => self.refused(CallErrorKind::Refused, "too many calls wait"),
            NoSlot::Late => self.refused(CallErrorKind::Timeout, "waited for a slot until the deadline"),
        })
    }

    fn permit(&self, endpoint: Option<&Endpoint>) -> Result<Option<Permit>, CallError> {
        let Some(Endpoint { breaker, input }) = endpoint else { return Ok(None) };
        breaker.admit(*input, Instant::now()).map(Some).ok_or_else(|| self.open())
    }

    fn open(&self) -> CallError {
        self.refused(CallErrorKind::CircuitOpen, "the endpoint's circuit breaker is open, for all or for this input")
    }

    /// An error for a call that was not sent.
    fn refused(&self, kind: CallErrorKind, cause: &'static str) -> CallError {
        CallError::new(&self.service, kind, cause).unsent()
    }

    fn budget<T>(&self, ask: impl FnOnce(&mut RetryBudget, Instant) -> T) -> T {
        ask(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }

    fn count(&self, outcome: RetryOutcome) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// The breaker for a call, and the call's input, which is a hash of everything in its request.
struct Endpoint {
    breaker: Arc<Breaker>,
    input: u64,
}

impl Endpoint {
    fn refuses(&self) -> bool {
        self.breaker.refuses(self.input, Instant::now())
    }
}

/// A slot that outlives the call that got it.
struct KeptSlot(Arc<Guard>);

impl Drop for KeptSlot {
    fn drop(&mut self) {
        self.0.queue.give_back();
    }
}

/// Sends a call and gives its outcome to the breaker.
async fn settled<S: Subgraph + ?Sized>(
    source: &S,
    permit: Option<Permit>,
    request: Request,
    ctx: Context,
) -> Result<Answer, CallError> {
    let cut = ctx.cut();
    let result = source.call(request, ctx).await;
    if let Some(permit) = permit
        && let Some(outcome) = outcome(&result, cut)
    {
        permit.settle(outcome, Instant::now());
    }
    result
}

/// What a call says about its endpoint; `None` if it says nothing.
fn outcome(result: &Result<Answer, CallError>, cut: Option<Instant>) -> Option<Outcome> {
    let is_failure = match result {
        Ok(answer) => answer.status >= 500,
        Err(error) => error.is_of_service(cut)?,
    };
    Some(match result {
        _ if !is_failure => Outcome::Success,
        Err(error) if error.is_unsent => Outcome::Unsent,
        _ => Outcome::Failure,
    })
}

#[cfg(test)]
mod tests;

//! Shared calls: equal reads in flight become one call.
//!
//! In: a source, and calls to it. Out: the same answers, with fewer calls; those who joined get
//! [`Answer::is_shared`].
//! Elsewhere: the flights themselves ([`crate::flight`]); what an equal call is made of ([`BatchDomain`]: the planner);
//! the call itself (the wrapped source).
//!
//! Correlation (`x-request-id`, `traceparent`, `tracestate`) goes out as that of the first caller.
//!
//! Always true:
//! - who shares an answer has asked for the same bytes in the same batch domain, credential scope included;
//! - only reads are shared, and none that was begun before a write was over, to the same source or to one that says that it
//!   invalidates anything;
//! - errors are shared as they are, and nothing outlives its flight;
//! - a call with [`Context::not_before`] joins no flight begun before that.

use super::domain::{BatchDomain, CredentialScope};
use super::model::{Answer, CallError, CallErrorKind, Condition, Context, Request, Subgraph};
use crate::flight::{Boarding, FlightError, FlightOptions, Flights, Seat, Terms};
use crate::report::ServiceReport;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// A source whose equal reads in flight are shared. Clones share one table; two sources never do.
#[derive(Debug)]
pub struct Shared<S: ?Sized> {
    inner: Arc<Inner>,
    source: Arc<S>,
}

impl<S: ?Sized> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), source: Arc::clone(&self.source) }
    }
}

#[derive(Debug)]
struct Inner {
    service: Arc<str>,
    options: FlightOptions,
    flights: Arc<Flights<FlightKey, Result<Answer, CallError>>>,
    /// Writes that are over, whatever came of them.
    writes: AtomicU64,
}

impl Inner {
    fn error(&self, kind: CallErrorKind, cause: &'static str) -> CallError {
        CallError::new(&self.service, kind, cause)
    }

    async fn wait(&self, seat: Seat<Result<Answer, CallError>>, deadline: Instant) -> Result<Answer, CallError> {
        seat.wait(deadline).await.unwrap_or_else(|lost| {
            Err(match lost {
                FlightError::Limit => self.error(CallErrorKind::Timeout, "the flight's timeout passed"),
                FlightError::Deadline => self.error(CallErrorKind::Timeout, "the deadline passed in flight"),
                FlightError::GivenUp => self.error(CallErrorKind::Unreachable, "the call was given up"),
            })
        })
    }
}

impl<S: Subgraph + ?Sized> Shared<S> {
    /// Shares the calls to `source`, named `service` in errors.
    #[must_use]
    pub fn new(service: impl Into<Arc<str>>, source: Arc<S>, options: FlightOptions) -> Self {
        let flights = Flights::new(options.max_flights);
        Self { inner: Arc::new(Inner { service: service.into(), options, flights, writes: AtomicU64::new(0) }), source }
    }

    /// How many flights are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.flights.in_flight()
    }
}

/// A write that is under way; it is over when this is dropped, by whatever end.
struct Writing(Arc<Inner>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.writes.fetch_add(1, Ordering::AcqRel);
    }
}

impl<S: Subgraph + ?Sized + 'static> Subgraph for Shared<S> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let (inner, source) = (Arc::clone(&self.inner), Arc::clone(&self.source));
        if !ctx.is_safe {
            let call = source.call(request, ctx);
            return Box::pin(async move {
                let _writing = Writing(inner);
                call.await
            });
        }
        if !inner.options.enabled {
            return source.call(request, ctx);
        }
        // Boarding happens when the future is first polled: one that is never polled makes no call.
        Box::pin(async move {
            let now = Instant::now();
            let deadline = Instant::from_std(ctx.deadline);
            if deadline <= now {
                return Err(inner.error(CallErrorKind::Timeout, "the deadline has passed before sending"));
            }
            let limit = now + inner.options.timeout;
            let terms = Terms { not_before: ctx.not_before.map(Instant::from_std), ends_by: None, limit };
            let writes = inner.writes.load(Ordering::Acquire);
            let key = FlightKey::new(&request, &ctx, writes, inner.options.ignore_scope);
            match inner.flights.board(key, terms) {
                None => source.call(request, ctx).await,
                Some(Boarding::Begun(seat, pilot)) => {
                    let ctx = Context { deadline: limit.into_std(), not_before: None, ..ctx };
                    // The call is made inside the task: a panic in making it is the flight's, not the first caller's.
                    tokio::spawn(pilot.fly(async move { source.call(request, ctx).await }));
                    inner.wait(seat, deadline).await
                }
                Some(Boarding::Joined(seat)) => {
                    let mut result = inner.wait(seat, deadline).await;
                    mark_shared(&mut result);
                    result
                }
            }
        })
    }

    fn writes(&self) -> u64 {
        self.inner.writes.load(Ordering::Acquire)
    }

    fn note_write(&self) {
        self.inner.writes.fetch_add(1, Ordering::AcqRel);
    }

    fn report(&self) -> Option<ServiceReport> {
        self.source.report()
    }
}

/// What makes two calls equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FlightKey {
    domain: BatchDomain,
    /// With its headers: whatever is sent is compared, even if a scope should forget it.
    request: Request,
    /// "It still holds" is an answer only to who has asked just that.
    condition: Option<Condition>,
    /// Writes that were over when it was asked: what was read before may be stale since.
    writes: u64,
}

impl FlightKey {
    fn new(request: &Request, ctx: &Context, writes: u64, ignore_scope: bool) -> Self {
        let (domain, condition) = (ctx.domain.clone(), ctx.condition.clone());
        let mut key = Self { domain, request: request.clone(), condition, writes };
        if ignore_scope {
            key.domain.scope = CredentialScope::Public;
            match &mut key.request {
                Request::Http { headers, .. } | Request::GraphQl { headers, .. } => headers.clear(),
            }
        }
        key
    }
}

fn mark_shared(result: &mut Result<Answer, CallError>) {
    let calls = match result {
        Ok(answer) => {
            answer.is_shared = true;
            &mut answer.calls
        }
        Err(error) => &mut error.calls,
    };
    calls.iter_mut().for_each(|call| call.is_shared = true);
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;

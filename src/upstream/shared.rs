//! Shared calls: equal reads in flight become one call.
//!
//! In: a source, and calls to it. Out: the same answers, with fewer calls; the answer of a call that joined another has
//! [`Answer::is_shared`] set.
//! Elsewhere: the flights themselves ([`crate::flight`]); what must be equal for two calls to be one ([`BatchDomain`],
//! which the planner makes); the call itself (the wrapped source).
//!
//! A shared call carries the headers for correlation (`x-request-id`, `traceparent`, `tracestate`) of its first caller.
//!
//! Always true:
//! - all requests that share an answer have asked for the same bytes in the same batch domain, which includes the
//!   credential scope;
//! - only reads are shared. A read never joins a call that began before the end of a write, if the write went to the
//!   same source, or declares that it invalidates anything;
//! - errors are shared as they are, and nothing outlives its flight;
//! - a call with [`Context::not_before`] joins no flight that began before that instant.

use super::domain::{BatchDomain, CredentialScope};
use super::model::{Answer, CallError, CallErrorKind, Condition, Context, Request, Subgraph};
use crate::flight::{Boarding, FlightError, FlightOptions, Flights, Seat, Terms};
use crate::report::ServiceReport;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// A source whose equal reads in flight are shared. Clones share one table of flights; two sources never do.
#[derive(Debug)]
pub struct SharedSource<S: ?Sized> {
    inner: Arc<Inner>,
    source: Arc<S>,
}

impl<S: ?Sized> Clone for SharedSource<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), source: Arc::clone(&self.source) }
    }
}

#[derive(Debug)]
struct Inner {
    service: Arc<str>,
    options: FlightOptions,
    flights: Arc<Flights<FlightKey, Result<Answer, CallError>>>,
    /// How many writes are over, whether or not they succeeded.
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

impl<S: Subgraph + ?Sized> SharedSource<S> {
    /// Shares the calls to `source`, which is called `service` in errors.
    #[must_use]
    pub fn new(service: impl Into<Arc<str>>, source: Arc<S>, options: FlightOptions) -> Self {
        let flights = Flights::new(options.max_flights);
        Self { inner: Arc::new(Inner { service: service.into(), options, flights, writes: AtomicU64::new(0) }), source }
    }

    /// How many flights have not ended yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.flights.in_flight()
    }
}

/// A write in progress. Dropping it, however the write ended, counts it as over.
struct WriteInProgress(Arc<Inner>);

impl Drop for WriteInProgress {
    fn drop(&mut self) {
        self.0.writes.fetch_add(1, Ordering::AcqRel);
    }
}

impl<S: Subgraph + ?Sized + 'static> Subgraph for SharedSource<S> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let (inner, source) = (Arc::clone(&self.inner), Arc::clone(&self.source));
        if !ctx.is_safe {
            let call = source.call(request, ctx);
            return Box::pin(async move {
                let _writing = WriteInProgress(inner);
                call.await
            });
        }
        if !inner.options.enabled {
            return source.call(request, ctx);
        }
        // A call boards a flight when its future is first polled, so a future that is never polled makes no call.
        Box::pin(async move {
            let now = Instant::now();
            let deadline = Instant::from_std(ctx.deadline);
            if deadline <= now {
                return Err(inner.error(CallErrorKind::Timeout, "the deadline has passed before sending"));
            }
            let limit = now + inner.options.timeout;
            let terms = Terms { not_before: ctx.not_before.map(Instant::from_std), ends_by: None, limit };
            let writes = inner.writes.load(Ordering::Acquire);
            let key = FlightKey::new(&request, &ctx, writes, inner.options.ignores_scope());
            match inner.flights.board(key, terms) {
                None => source.call(request, ctx).await,
                Some(Boarding::Begun(seat, pilot)) => {
                    let ctx = Context { deadline: limit.into_std(), not_before: None, ..ctx };
                    // The call is made inside the task, so that a panic in making it ends the flight
                    // and not the first caller's task.
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

/// Everything that must be equal for two calls to be one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FlightKey {
    domain: BatchDomain,
    /// The request with its headers: everything that is sent is compared, even if a scope should leave something out.
    request: Request,
    /// The condition of the call: 304 is an answer only for a caller that has sent the same condition.
    condition: Option<Condition>,
    /// How many writes were over when the call was made: what was read before a write may be stale after it.
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
mod tests;

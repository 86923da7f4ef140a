//! Several instances of one service: which of them gets the next attempt.
//!
//! In: calls to the service. Out: the answer of one of its instances.
//! Elsewhere: calling one instance ([`super::http_service`]); retries ([`super::guarded`]), which are attempts of their
//! own, for which an instance is chosen anew.
//!
//! *Power of two choices*: two instances are picked at random, and the one with fewer requests in flight gets the
//! attempt. Choosing the instance with the fewest of all would send everything that comes at once to the same one,
//! because all BFFs see the same state.
//!
//! *Ejection*: an instance that is down fails fast, so it has few requests in flight and would attract the most.
//! Therefore a failure counts like some requests in flight for a while. After three failures in a row, the instance is
//! ejected: it is not chosen for ten seconds. Each further ejection lasts twice as long as the one before, up to two
//! minutes. Only failures of the instance count: no connection, no answer in time, 502, 503, 504. A 500 is a failure of
//! the code, which all instances share. A failure does not count either if its input has failed before and has not
//! succeeded on any instance since: it says something about the input, unless there was no connection.
//!
//! *Slow re-entry*: an instance that was started again is not warmed up, so it gets a tenth of its share at first, and
//! all of it ten seconds later.
//!
//! Always true:
//! - at most half of the instances are ejected: if most of them fail, the fault is not theirs;
//! - a caller that leaves, or that had no time, says nothing about an instance.

use super::breaker::Suspects;
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use crate::report::{InstanceReport, ServiceReport};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many failures in a row eject an instance.
const MOST_IN_ROW: u32 = 3;

/// How long an instance is ejected the first time.
const OUT_FOR: Duration = Duration::from_secs(10);

/// How long an instance is ejected at most.
const MOST_OUT: Duration = Duration::from_secs(120);

/// How long an ejected instance takes to get its full share again.
const RE_ENTRY: Duration = Duration::from_secs(10);

/// The share of requests with which an ejected instance begins again.
const FIRST_SHARE: f64 = 0.1;

/// How long a failure counts, and as how many requests in flight it counts.
const BLAMED_FOR: Duration = Duration::from_secs(10);
const BLAME: f64 = 8.0;

/// A service with several instances. Clones share what is known about the instances.
#[derive(Debug)]
pub struct Balancer<S: ?Sized> {
    inner: Arc<Inner<S>>,
}

impl<S: ?Sized> Clone for Balancer<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<S: ?Sized> {
    service: Arc<str>,
    instances: Vec<Instance<S>>,
    /// Inputs that have failed and have not succeeded on any instance since. The lock is held for a look-up, never
    /// across an await.
    suspects: Mutex<Suspects>,
    /// Whether there may be any suspects.
    has_suspects: AtomicBool,
    hasher: ahash::RandomState,
}

#[derive(Debug)]
struct Instance<S: ?Sized> {
    name: Arc<str>,
    in_flight: AtomicU32,
    /// The lock is held for a few comparisons, never across an await.
    health: Mutex<Health>,
    source: Arc<S>,
}

impl<S: Subgraph + ?Sized> Balancer<S> {
    /// Balances the calls to `service` between its instances, each given with its name.
    #[must_use]
    pub fn new(service: impl Into<Arc<str>>, instances: Vec<(Arc<str>, Arc<S>)>) -> Self {
        let instances = instances.into_iter().map(|(name, source)| Instance {
            name,
            in_flight: AtomicU32::new(0),
            health: Mutex::default(),
            source,
        });
        Self {
            inner: Arc::new(Inner {
                service: service.into(),
                instances: instances.collect(),
                suspects: Mutex::default(),
                has_suspects: AtomicBool::new(false),
                hasher: ahash::RandomState::new(),
            }),
        }
    }

    /// The current state of each instance.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceReport> {
        let now = Instant::now();
        let report = |instance: &Instance<S>| InstanceReport {
            instance: Arc::clone(&instance.name),
            in_flight: u64::from(instance.in_flight.load(Ordering::Relaxed)),
            is_ejected: instance.health().is_out(now),
        };
        self.inner.instances.iter().map(report).collect()
    }
}

impl<S: Subgraph + ?Sized + 'static> Subgraph for Balancer<S> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let inner = Arc::clone(&self.inner);
        // The instance is chosen when the future is first polled, so a call that is not
        // polled yet counts at no instance.
        Box::pin(async move {
            let Some(at) = inner.choose(Instant::now()) else {
                let cause = "the service has no instance";
                return Err(CallError::new(&inner.service, CallErrorKind::NotConfigured, cause).unsent());
            };
            let instance = &inner.instances[at];
            let (input, cut) = (inner.hasher.hash_one(&request), ctx.cut());
            let _counted = RequestCount::begin(&instance.in_flight);
            let result = instance.source.call(request, ctx).await;
            let now = Instant::now();
            match is_failure(&result, cut) {
                Some(true) if inner.is_of_input(input, &result, now) => {}
                Some(is_failure) => inner.settle(at, is_failure, now),
                None => {}
            }
            if result.as_ref().is_ok_and(|answer| answer.status < 500) {
                inner.clear(input);
            }
            result
        })
    }

    fn report(&self) -> Option<ServiceReport> {
        let mut deprecated = BTreeMap::<_, u64>::new();
        let reports = self.inner.instances.iter().filter_map(|instance| instance.source.report());
        for (endpoint, count) in reports.flat_map(|report| report.deprecated) {
            *deprecated.entry(endpoint).or_default() += count;
        }
        let (instances, deprecated) = (self.instances(), deprecated.into_iter().collect());
        Some(ServiceReport { instances, deprecated, ..ServiceReport::default() })
    }
}

impl<S: ?Sized> Inner<S> {
    /// The less loaded of two instances that are picked at random.
    fn choose(&self, now: Instant) -> Option<usize> {
        let candidates: smallvec::SmallVec<[(usize, f64); 8]> = self
            .instances
            .iter()
            .enumerate()
            .filter_map(|(at, instance)| {
                let in_flight = instance.in_flight.load(Ordering::Relaxed);
                instance.health().load(in_flight, now).map(|load| (at, load))
            })
            .collect();
        match candidates.len() {
            // A race of their last failures can eject all instances; then any of them will do.
            0 => (!self.instances.is_empty()).then(|| fastrand::usize(..self.instances.len())),
            1 => candidates.first().map(|&(at, _)| at),
            count => {
                let first = fastrand::usize(..count);
                // Any instance but the first.
                let second = (first + fastrand::usize(1..count)) % count;
                let (a, b) = (candidates[first], candidates[second]);
                Some(if b.1 < a.1 { b.0 } else { a.0 })
            }
        }
    }

    /// Whether a failure says something about its input, rather than about the instance.
    fn is_of_input(&self, input: u64, result: &Result<Answer, CallError>, now: Instant) -> bool {
        if result.as_ref().is_err_and(|error| error.is_unsent) {
            return false;
        }
        self.has_suspects.store(true, Ordering::Release);
        let (is_new, _) = self.suspects.lock().unwrap_or_else(PoisonError::into_inner).blame(input, now);
        !is_new
    }

    /// Notes that an input has succeeded: if it fails on another instance, that instance is to blame.
    fn clear(&self, input: u64) {
        if self.has_suspects.load(Ordering::Acquire) {
            self.suspects.lock().unwrap_or_else(PoisonError::into_inner).clear(input);
        }
    }

    fn settle(&self, at: usize, is_failure: bool, now: Instant) {
        let instance = &self.instances[at];
        let others = self.instances.iter().enumerate().filter(|&(other, _)| other != at);
        // The other instances are looked at only if it matters, and only one lock is held at a time.
        let may_eject =
            || (others.filter(|(_, other)| other.health().is_out(now)).count() + 1) * 2 <= self.instances.len();
        let is_last = is_failure && instance.health().in_row + 1 >= MOST_IN_ROW;
        let is_allowed = is_last && may_eject();
        let out_for = instance.health().settle(is_failure, is_allowed, now);
        if let Some(out_for) = out_for {
            let ms = u64::try_from(out_for.as_millis()).unwrap_or(u64::MAX);
            let (service, instance) = (&*self.service, &*instance.name);
            tracing::warn!(target: "bespoke::instance", service, instance, for_ms = ms, "instance ejected");
        }
    }
}

impl<S: ?Sized> Instance<S> {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more request in flight, counted until it is dropped.
struct RequestCount<'a>(&'a AtomicU32);

impl<'a> RequestCount<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for RequestCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether the instance has failed; `None` if the call says nothing about it.
fn is_failure(result: &Result<Answer, CallError>, cut: Option<Instant>) -> Option<bool> {
    match result {
        Ok(answer) => Some(matches!(answer.status, 502..=504)),
        Err(error) => error.is_of_service(cut),
    }
}

/// What is known about one instance. It has no clock of its own.
#[derive(Debug, Default)]
struct Health {
    in_row: u32,
    last_failure: Option<Instant>,
    out_until: Option<Instant>,
    /// How long the instance was ejected the last time.
    out_for: Duration,
}

impl Health {
    fn is_out(&self, now: Instant) -> bool {
        self.out_until.is_some_and(|until| now < until)
    }

    /// The load of the instance; `None` if it is ejected.
    fn load(&self, in_flight: u32, now: Instant) -> Option<f64> {
        if self.is_out(now) {
            return None;
        }
        let is_blamed = self.last_failure.is_some_and(|at| now.saturating_duration_since(at) < BLAMED_FOR);
        let blame = if is_blamed && self.in_row > 0 { BLAME } else { 0.0 };
        let share = self.out_until.map_or(1.0, |until| {
            let back = now.saturating_duration_since(until).as_secs_f64() / RE_ENTRY.as_secs_f64();
            (FIRST_SHARE + (1.0 - FIRST_SHARE) * back).min(1.0)
        });
        Some((f64::from(in_flight) + 1.0 + blame) / share)
    }

    /// Takes in the outcome of a call. If the instance is ejected now, returns for how long.
    fn settle(&mut self, is_failure: bool, may_eject: bool, now: Instant) -> Option<Duration> {
        if !is_failure {
            self.in_row = 0;
            // It has been well for as long as it was ejected, so the ejection is forgotten.
            if self.out_until.is_some_and(|until| now.saturating_duration_since(until) > self.out_for.max(RE_ENTRY)) {
                (self.out_until, self.out_for) = (None, Duration::ZERO);
            }
            return None;
        }
        self.in_row = self.in_row.saturating_add(1);
        self.last_failure = Some(now);
        if self.in_row < MOST_IN_ROW || !may_eject || self.is_out(now) {
            return None;
        }
        self.out_for = (self.out_for * 2).clamp(OUT_FOR, MOST_OUT);
        self.out_until = Some(now + self.out_for);
        self.in_row = 0;
        Some(self.out_for)
    }
}

#[cfg(test)]
mod tests;

//! Several instances of one service: which of them gets the next attempt.
//!
//! In: calls to the service. Out: the answer of one of its instances.
//! Elsewhere: calling one instance ([`super::http_service`]); a retry is another attempt, and chooses anew
//! ([`super::guarded`]).
//!
//! *Power of two choices*: of two instances taken at random, the one with fewer requests in flight. Choosing the least
//! of all would send everything that comes at once to the same one, for all BFFs see the same moment.
//!
//! *Ejection*: an instance that is down fails fast, so it has few requests in flight, and would attract most. So one
//! failure weighs like some requests in flight, for a while; and after three failures in a row it is not chosen at
//! all for ten seconds, and twice as long the next time, up to two minutes. Failures are those of the instance: no
//! connection, no answer in time, 502, 503, 504; a 500 is one of the code, which all instances share. So is a failure of
//! an input that has failed before and succeeded nowhere since: it says something about the input, unless there was no
//! connection.
//!
//! *Slow re-entry*: an instance that was started again is cold; it gets a tenth of its share at first, and all of it
//! ten seconds later.
//!
//! Always true:
//! - at most half of the instances are ejected: when most fail, the fault is not theirs;
//! - who leaves, or had no time, tells nothing about an instance.

use super::breaker::Suspects;
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use crate::report::{InstanceReport, ServiceReport};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that eject an instance.
const MOST_IN_ROW: u32 = 3;

/// How long an instance is out at first.
const OUT_FOR: Duration = Duration::from_secs(10);

/// How long an instance is out at most.
const MOST_OUT: Duration = Duration::from_secs(120);

/// How long an instance takes to get its share again.
const RE_ENTRY: Duration = Duration::from_secs(10);

/// The share that it begins with.
const FIRST_SHARE: f64 = 0.1;

/// How long a failure weighs, and how much: as so many requests in flight.
const BLAMED_FOR: Duration = Duration::from_secs(10);
const BLAME: f64 = 8.0;

/// A service with several instances. Clones share what is known of them.
#[derive(Debug)]
pub struct Balanced<S: ?Sized> {
    inner: Arc<Inner<S>>,
}

impl<S: ?Sized> Clone for Balanced<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<S: ?Sized> {
    service: Arc<str>,
    instances: Vec<Instance<S>>,
    /// Inputs that have failed and succeeded nowhere since. Held for a look-up, never over an await.
    suspects: Mutex<Suspects>,
    /// Whether there may be any.
    has_suspects: AtomicBool,
    random: ahash::RandomState,
    /// Random numbers drawn so far.
    drawn: AtomicU64,
}

#[derive(Debug)]
struct Instance<S: ?Sized> {
    name: Arc<str>,
    in_flight: AtomicU32,
    /// Held for a few comparisons, never over an await.
    health: Mutex<Health>,
    source: Arc<S>,
}

impl<S: Subgraph + ?Sized> Balanced<S> {
    /// Balances the calls to `service` between its instances, each with its name.
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
                random: ahash::RandomState::new(),
                drawn: AtomicU64::new(0),
            }),
        }
    }

    /// Each instance, as it is now.
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

impl<S: Subgraph + ?Sized + 'static> Subgraph for Balanced<S> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let inner = Arc::clone(&self.inner);
        // Chosen when the future is first polled: one that waits counts nowhere.
        Box::pin(async move {
            let Some(at) = inner.choose(Instant::now()) else {
                let cause = "the service has no instance";
                return Err(CallError::new(&inner.service, CallErrorKind::NotConfigured, cause).unsent());
            };
            let instance = &inner.instances[at];
            let (input, cut) = (inner.random.hash_one(&request), ctx.cut());
            let _counted = Counted::begin(&instance.in_flight);
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
    /// The less loaded of two that are taken at random.
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
        let count = candidates.len() as u64;
        match count {
            // All are out, by a race of their last failures: any will do.
            0 => (!self.instances.is_empty()).then(|| (self.random() % self.instances.len() as u64) as usize),
            1 => candidates.first().map(|&(at, _)| at),
            _ => {
                let random = self.random();
                let first = random % count;
                // Any but the first.
                let second = (first + 1 + (random >> 32) % (count - 1)) % count;
                let (a, b) = (candidates[first as usize], candidates[second as usize]);
                Some(if b.1 < a.1 { b.0 } else { a.0 })
            }
        }
    }

    fn random(&self) -> u64 {
        self.random.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
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

    /// An input has succeeded: if it fails elsewhere, that is due to the instance.
    fn clear(&self, input: u64) {
        if self.has_suspects.load(Ordering::Acquire) {
            self.suspects.lock().unwrap_or_else(PoisonError::into_inner).clear(input);
        }
    }

    fn settle(&self, at: usize, is_failure: bool, now: Instant) {
        let instance = &self.instances[at];
        let others = self.instances.iter().enumerate().filter(|&(other, _)| other != at);
        // Looked at only where it matters, and one lock at a time.
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

/// One request more in flight, until dropped.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has the instance failed? `None`: the call tells nothing about it.
fn is_failure(result: &Result<Answer, CallError>, cut: Option<Instant>) -> Option<bool> {
    match result {
        Ok(answer) => Some(matches!(answer.status, 502..=504)),
        Err(error) => error.is_of_service(cut),
    }
}

/// What is known of one instance. It has no clock of its own.
#[derive(Debug, Default)]
struct Health {
    in_row: u32,
    last_failure: Option<Instant>,
    out_until: Option<Instant>,
    /// How long it was out the last time.
    out_for: Duration,
}

impl Health {
    fn is_out(&self, now: Instant) -> bool {
        self.out_until.is_some_and(|until| now < until)
    }

    /// How much it has to do; `None`: it is ejected.
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

    /// Takes a call's outcome in; how long it is out from now on, if it is ejected.
    fn settle(&mut self, is_failure: bool, may_eject: bool, now: Instant) -> Option<Duration> {
        if !is_failure {
            self.in_row = 0;
            // It has been well for as long as it was out: what was is forgotten.
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
#[path = "balanced_tests.rs"]
mod tests;

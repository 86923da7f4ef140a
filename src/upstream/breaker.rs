//! Circuit breakers: an endpoint that keeps failing is left alone for a while.
//!
//! In: what came of each call, and the clock. Out: whether the next one may be sent.
//! Elsewhere: what counts as a failure, and the calls themselves ([`super::guarded`]).
//!
//! A service that is down costs each query its timeout, and each call keeps a slot that long; one that is overloaded
//! does not recover while it is asked. So after a few failures an endpoint is not called; who asks is told at once.
//! Why per endpoint rather than per service: `GET /products/{id}/reviews` may be broken while all else is well. And
//! rather than per URL: there is no end of those, and each would have to fail by itself.
//!
//! A caller that gives up early tells nothing about the endpoint. One that gives up after having waited for nearly as
//! long as any call may take tells the same as a timeout: else, where requests may take no longer than a call, no
//! call would ever time out.
//!
//! It opens after five failures in a row, which finds a service that is down within five calls; or when at least half
//! of at least twenty calls within ten seconds failed, which finds one that fails now and then. Of very many calls five
//! in a row fail by chance: where a fifth of all calls fail, they do twice a second at five thousand a second. So the
//! row is to be a twentieth of the calls of the ten seconds, too: half a second without an answer. It stays open for one
//! second, then one call is let through to find out (`HalfOpen`); each failure of that doubles the time, up to
//! thirty seconds.
//!
//! Always true:
//! - in `HalfOpen` exactly one call is on its way; should it end without an outcome, the next one takes its part;
//! - only calls sent in a state decide about it: what was sent before it opened does not close it;
//! - the number of breakers has a bound.

use crate::engine::BreakerState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// When an endpoint is left alone.
#[derive(Debug, Clone, Copy)]
pub struct BreakerOptions {
    /// Is it ever? Default: yes.
    pub enabled: bool,
    /// Failures in a row that open it, if they are a twentieth of the calls of the last ten seconds. Default: 5 calls.
    pub failures_in_row: u32,
    /// The share of failures, of the calls of the last ten seconds, that opens it. Default: 0.5.
    pub failure_ratio: f64,
    /// Fewer calls than this within the ten seconds have no share. Default: 20 calls.
    pub min_calls: u32,
    /// How long it is open first. Default: 1 s; each failed probe doubles it.
    pub open_for: Duration,
    /// How long it is open at most. Default: 30 s.
    pub max_open: Duration,
    /// A call that was under way this long without an answer has failed, also when its caller gave it up. To be a bit
    /// less than any call can have, so that it is found out when every caller has as little time. Default: 1.8 s.
    pub patience: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            failures_in_row: 5,
            failure_ratio: 0.5,
            min_calls: 20,
            open_for: Duration::from_secs(1),
            max_open: Duration::from_secs(30),
            patience: Duration::from_millis(1800),
        }
    }
}

/// So many times a row of failures are the calls of the last ten seconds at most, for it to open a breaker.
const ROWS_IN_WINDOW: u32 = 20;

/// Endpoints of one service that get a breaker; calls to further ones are always let through.
const MAX_BREAKERS: usize = 512;

/// The breakers of one service.
#[derive(Debug)]
pub(super) struct Breakers {
    service: Arc<str>,
    options: BreakerOptions,
    by_endpoint: RwLock<HashMap<Arc<str>, Arc<Breaker>, ahash::RandomState>>,
}

impl Breakers {
    pub(super) fn new(service: Arc<str>, options: BreakerOptions) -> Self {
        Self { service, options, by_endpoint: RwLock::default() }
    }

    /// The breaker of an endpoint; `None`: it has none.
    pub(super) fn of(&self, endpoint: &Arc<str>) -> Option<Arc<Breaker>> {
        if !self.options.enabled {
            return None;
        }
        let known = self.by_endpoint.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = known.get(endpoint) {
            return Some(Arc::clone(breaker));
        }
        if known.len() >= MAX_BREAKERS {
            return None;
        }
        drop(known);
        let mut known = self.by_endpoint.write().unwrap_or_else(PoisonError::into_inner);
        // Others may have come in between.
        if known.len() >= MAX_BREAKERS {
            return known.get(endpoint).map(Arc::clone);
        }
        let new = || Arc::new(Breaker::new(Arc::clone(&self.service), Arc::clone(endpoint), self.options));
        Some(Arc::clone(known.entry(Arc::clone(endpoint)).or_insert_with(new)))
    }

    /// Each endpoint's state, by name.
    pub(super) fn report(&self) -> Vec<(Arc<str>, BreakerState)> {
        let known = self.by_endpoint.read().unwrap_or_else(PoisonError::into_inner);
        let mut states: Vec<_> =
            known.iter().map(|(endpoint, breaker)| (Arc::clone(endpoint), breaker.circuit().state())).collect();
        states.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        states
    }
}

/// The breaker of one endpoint.
#[derive(Debug)]
pub(super) struct Breaker {
    service: Arc<str>,
    endpoint: Arc<str>,
    patience: Duration,
    /// Held for a few comparisons, never over an await.
    circuit: Mutex<Circuit>,
}

/// A call that was let through. Dropped without an outcome before its time, it has told nothing, and a probe is given
/// back.
#[derive(Debug)]
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    pass: Option<Pass>,
    sent: Instant,
}

impl Breaker {
    fn new(service: Arc<str>, endpoint: Arc<str>, options: BreakerOptions) -> Self {
        Self {
            service,
            endpoint,
            patience: options.patience,
            circuit: Mutex::new(Circuit::new(options, Instant::now())),
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Would a call be refused now? For those who have to wait for something else first.
    pub(super) fn refuses(&self, now: Instant) -> bool {
        self.circuit().refuses(now)
    }

    /// Lets a call through, or not.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> Option<Permit> {
        let mut circuit = self.circuit();
        let before = circuit.state();
        let pass = circuit.admit(now);
        let after = circuit.state();
        drop(circuit);
        self.tell(before, after, Duration::ZERO);
        pass.map(|pass| Permit { breaker: Arc::clone(self), pass: Some(pass), sent: now })
    }

    fn settle(&self, pass: Pass, is_failure: bool, now: Instant) {
        let mut circuit = self.circuit();
        let before = circuit.state();
        circuit.settle(pass, is_failure, now);
        let (after, open_for) = (circuit.state(), circuit.open_for);
        drop(circuit);
        self.tell(before, after, open_for);
    }

    /// One line for each change.
    fn tell(&self, before: BreakerState, after: BreakerState, open_for: Duration) {
        let (service, endpoint) = (&*self.service, &*self.endpoint);
        match after {
            _ if before == after => {}
            BreakerState::Open => {
                let ms = u64::try_from(open_for.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(target: "bespoke::breaker", service, endpoint, state = "Open", for_ms = ms, "circuit breaker");
            }
            BreakerState::HalfOpen => {
                tracing::info!(target: "bespoke::breaker", service, endpoint, state = "HalfOpen", "circuit breaker");
            }
            BreakerState::Closed => {
                tracing::info!(target: "bespoke::breaker", service, endpoint, state = "Closed", "circuit breaker");
            }
        }
    }
}

impl Permit {
    /// Tells what came of the call.
    pub(super) fn settle(mut self, is_failure: bool, now: Instant) {
        if let Some(pass) = self.pass.take() {
            self.breaker.settle(pass, is_failure, now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(pass) = self.pass.take() else { return };
        let now = Instant::now();
        if now.saturating_duration_since(self.sent) >= self.breaker.patience {
            self.breaker.settle(pass, true, now);
        } else {
            self.breaker.circuit().give_back(pass);
        }
    }
}

/// In which state a call was let through: counted up with every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass(u64);

/// The state machine. It has no clock of its own.
#[derive(Debug)]
struct Circuit {
    options: BreakerOptions,
    now_in: State,
    changes: u64,
    /// How long it is or was open the last time.
    open_for: Duration,
    born: Instant,
}

#[derive(Debug)]
enum State {
    Closed {
        in_row: u32,
        window: Window,
    },
    Open {
        until: Instant,
    },
    /// With a probe on its way.
    HalfOpen,
}

impl Circuit {
    fn new(options: BreakerOptions, now: Instant) -> Self {
        let now_in = State::Closed { in_row: 0, window: Window::default() };
        Self { options, now_in, changes: 0, open_for: Duration::ZERO, born: now }
    }

    fn state(&self) -> BreakerState {
        match self.now_in {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    fn refuses(&self, now: Instant) -> bool {
        match self.now_in {
            State::Closed { .. } => false,
            State::Open { until } => now < until,
            State::HalfOpen => true,
        }
    }

    fn admit(&mut self, now: Instant) -> Option<Pass> {
        if self.refuses(now) {
            return None;
        }
        if matches!(self.now_in, State::Open { .. }) {
            self.change(State::HalfOpen);
        }
        Some(Pass(self.changes))
    }

    fn settle(&mut self, Pass(sent_in): Pass, is_failure: bool, now: Instant) {
        if sent_in != self.changes {
            return;
        }
        let options = self.options;
        let second = now.saturating_duration_since(self.born).as_secs();
        match &mut self.now_in {
            State::Closed { in_row, window } => {
                let (calls, failures) = window.count(second, is_failure);
                *in_row = if is_failure { in_row.saturating_add(1) } else { 0 };
                let is_mostly =
                    calls >= options.min_calls && f64::from(failures) >= options.failure_ratio * f64::from(calls);
                let is_down = *in_row >= options.failures_in_row.max(calls / ROWS_IN_WINDOW);
                if is_failure && (is_down || is_mostly) {
                    self.open(options.open_for, now);
                }
            }
            State::HalfOpen if is_failure => self.open(self.open_for.saturating_mul(2), now),
            State::HalfOpen => self.change(State::Closed { in_row: 0, window: Window::default() }),
            State::Open { .. } => {}
        }
    }

    /// A call has ended without an outcome.
    fn give_back(&mut self, Pass(sent_in): Pass) {
        if sent_in == self.changes && matches!(self.now_in, State::HalfOpen) {
            // Its time was over before; the next call is the probe.
            self.change(State::Open { until: self.born });
        }
    }

    fn open(&mut self, open_for: Duration, now: Instant) {
        self.open_for = open_for.min(self.options.max_open);
        self.change(State::Open { until: now + self.open_for });
    }

    fn change(&mut self, to: State) {
        self.changes += 1;
        self.now_in = to;
    }
}

/// Calls and failures of the last ten seconds, by the second.
#[derive(Debug, Default)]
struct Window {
    seconds: [Second; 10],
}

#[derive(Debug, Default, Clone, Copy)]
struct Second {
    /// Which one, counted from 1; 0 is none.
    number: u64,
    calls: u32,
    failures: u32,
}

impl Window {
    /// Counts one call; returns all calls and failures.
    fn count(&mut self, second: u64, is_failure: bool) -> (u32, u32) {
        let number = second + 1;
        let slots = self.seconds.len() as u64;
        if let Some(slot) = self.seconds.get_mut(usize::try_from(number % slots).unwrap_or_default()) {
            if slot.number != number {
                *slot = Second { number, ..Second::default() };
            }
            slot.calls = slot.calls.saturating_add(1);
            slot.failures = slot.failures.saturating_add(u32::from(is_failure));
        }
        let recent = self.seconds.iter().filter(|slot| slot.number + slots > number);
        recent.fold((0u32, 0u32), |(calls, failures), slot| {
            (calls.saturating_add(slot.calls), failures.saturating_add(slot.failures))
        })
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;

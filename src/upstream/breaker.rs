//! Circuit breakers: an endpoint that is down is not called for a while, and an input that
//! always fails is not sent for a while.
//!
//! In: the outcome of each call, with its endpoint and its input, and the clock. Out: whether the next call may be
//! sent.
//! Elsewhere: what counts as a failure, and the calls themselves ([`super::guarded`]). The parts: one gate ([`gate`]),
//! the inputs that failed recently ([`suspects`]), which failures chance explains ([`weather`]), and the state machine
//! that uses them ([`circuit`]).
//!
//! A service that is down costs each query its timeout, and each call keeps a slot that long. A service that is
//! overloaded does not recover while it is called. So it is not called for a while, and its callers get an error at
//! once. There is a breaker for each endpoint rather than for each service, because `GET /products/{id}/reviews` may be
//! broken while everything else works.
//!
//! **What a failure says.** A connection that was not made says something about the service, because the service has
//! seen nothing of the request. Every other failure may be due to the request: an answer with 5xx, a timeout, and also
//! a reset, with which many servers end a request whose code panics. The *input* of a call is a hash of everything in
//! its request. So a batch with other keys is another input, and so is the same request with another caller's headers.
//! From this follow three rules:
//!
//! - *An input that keeps failing is refused by itself*, once it has failed more often in a row than chance explains
//!   ([`weather`]). So it takes slots and retries only from those who ask for it. If an endpoint has only one input,
//!   refusing that input is the same as not calling the endpoint.
//! - *An endpoint is down when successes stop, not when failures come.* A client that knows inputs that fail can add
//!   any number of failures; batches with one bad key each may even be new inputs. But no client can take successes
//!   away. So the circuit opens if two things are true. Several inputs have failed since the last success, not counting
//!   those that were known to fail. And the time without success is longer than chance explains, given the successes of
//!   the ten seconds before it.
//! - *Failed connections are counted*, because no input can cause them. The circuit opens after more failed connections
//!   in a row than chance explains. They must also be at least a twentieth of the calls of the last ten seconds,
//!   because among thousands of calls a second, a few in a row mean nothing.
//!
//! No share of failures opens a circuit. If half of all calls fail, the other half is answered, and most of
//! the rest by a retry; an open circuit would answer none. The cost of such an endpoint is bounded by its
//! service's slots and its retry budget.
//!
//! **Closing again.** A circuit is open for a second. Then one call is let through as a probe (`HalfOpen`). Each
//! failure of the probe doubles the time, up to five seconds: one call each five seconds is no burden, and a service
//! that works again is soon used. Inputs that failed recently have probes of their own, so an input that always fails
//! does not keep other inputs out. If the service was reached, another input is tried four times a second. The first
//! success closes the circuit, and releases inputs that were refused since the last success.
//!
//! **Known limits.** The absence of rare successes is not noticed soon. So a client that can invent failing inputs
//! without end can open the circuit of an endpoint that hardly anybody else uses. In the simulation, a client made 60
//! such calls a second. Of 60,000 other calls, made five times a second, 13 were refused; of calls made once in five
//! seconds, one in seven was refused. With 50 inputs that were known to fail, 9 of 2,400 such rare calls were refused.
//!
//! A caller that gives up early says nothing about the endpoint. A caller that gives up after waiting for nearly as
//! long as any call may take counts as a timeout. Otherwise, if requests may take no longer than calls, no call would
//! ever count as timed out.
//!
//! Always true:
//! - in `HalfOpen`, at most two calls are in flight, one of which has an input that failed recently; if one of them
//!   ends without an outcome, the next call takes its place;
//! - only calls that were sent in a state decide about it: a call that was sent before the
//!   circuit opened does not close it;
//! - the number of breakers has a bound, and so has the number of inputs that each of them knows.

mod circuit;
mod gate;
mod suspects;
mod weather;

use self::circuit::{Circuit, Pass};
pub(super) use self::suspects::Suspects;
use crate::defaults;
use crate::report::BreakerState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// When an endpoint or an input is not called for a while.
#[derive(Debug, Clone, Copy)]
pub struct BreakerOptions {
    /// Whether circuits may open at all. Default: `true`.
    pub enabled: bool,
    /// How many failures in a row open the circuit, or cause an input to be refused, if everything was well before. If
    /// calls fail by chance, more failures are needed, up to thirteen times as many; if nothing is known yet, nearly
    /// twice as many. Default: 5.
    pub failures_in_row: u32,
    /// How long the circuit is open the first time. Each failed probe doubles it. Default: 1 s.
    pub open_for: Duration,
    /// How long the circuit is open at most. Default: 5 s.
    pub max_open: Duration,
    /// How long a call may be without an answer before it counts as failed, even if its caller then gives it up. It
    /// should be a bit shorter than the timeout of a call: otherwise, if every caller has just that much time, no call
    /// would ever count as failed. Default: 1.8 s.
    pub patience: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            failures_in_row: defaults::FAILURES_IN_ROW.get(),
            open_for: defaults::OPEN_FOR,
            max_open: defaults::MAX_OPEN,
            patience: defaults::SERVICE_TIMEOUT.mul_f64(0.9),
        }
    }
}

/// The outcome of a call, for its breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service answered with a status below 500.
    Success,
    /// The request was sent and failed.
    Failure,
    /// There was no connection, so the service has seen nothing of the request.
    Unsent,
}

/// How many endpoints of one service get a breaker; calls to further ones are always let through.
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

    /// The breaker of an endpoint; `None` if it has none.
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
        // Other calls may have added breakers between the two locks.
        if known.len() >= MAX_BREAKERS {
            return known.get(endpoint).map(Arc::clone);
        }
        let new = || Arc::new(Breaker::new(Arc::clone(&self.service), Arc::clone(endpoint), self.options));
        Some(Arc::clone(known.entry(Arc::clone(endpoint)).or_insert_with(new)))
    }

    /// The state of each endpoint, sorted by the endpoint's name.
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
    /// The lock is held for a few comparisons, never across an await.
    circuit: Mutex<Circuit>,
}

/// The permit of a call that was let through. If it is dropped without an outcome before [`BreakerOptions::patience`]
/// has passed, the call says nothing, and its probe is given back.
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

    /// Whether a call with this input would be refused now. Callers that would have to wait for a slot ask this first.
    pub(super) fn refuses(&self, input: u64, now: Instant) -> bool {
        self.circuit().refuses(input, now)
    }

    /// Lets a call through; `None` if it is refused.
    pub(super) fn admit(self: &Arc<Self>, input: u64, now: Instant) -> Option<Permit> {
        let mut circuit = self.circuit();
        let before = circuit.state();
        let pass = circuit.admit(input, now);
        let after = circuit.state();
        drop(circuit);
        self.tell(before, after, Duration::ZERO);
        pass.map(|pass| Permit { breaker: Arc::clone(self), pass: Some(pass), sent: now })
    }

    fn settle(&self, pass: Pass, outcome: Outcome, now: Instant) {
        let mut circuit = self.circuit();
        let before = circuit.state();
        circuit.settle(pass, outcome, now);
        let (after, open_for) = (circuit.state(), circuit.open_for());
        drop(circuit);
        self.tell(before, after, open_for);
    }

    /// Logs a change of the state in one line.
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
    /// Takes in the outcome of the call.
    pub(super) fn settle(mut self, outcome: Outcome, now: Instant) {
        if let Some(pass) = self.pass.take() {
            self.breaker.settle(pass, outcome, now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(pass) = self.pass.take() else { return };
        let now = Instant::now();
        if now.saturating_duration_since(self.sent) >= self.breaker.patience {
            self.breaker.settle(pass, Outcome::Failure, now);
        } else {
            self.breaker.circuit().give_back(pass, now);
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

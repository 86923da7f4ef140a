//! Circuit breakers: an endpoint that is down is left alone for a while, and so is an input that always fails.
//!
//! In: what came of each call, by its endpoint and its input, and the clock. Out: whether the next one may be sent.
//! Elsewhere: what counts as a failure, and the calls themselves ([`super::guarded`]); the parts: one gate ([`gate`]),
//! the inputs that failed lately ([`suspects`]), what chance explains ([`weather`]), and the whole ([`circuit`]).
//!
//! A service that is down costs each query its timeout, and each call keeps a slot that long; one that is overloaded
//! does not recover while it is asked. So it is not called for a while; who asks is told at once.
//! Why per endpoint rather than per service: `GET /products/{id}/reviews` may be broken while all else is well.
//!
//! **What a failure says.** A connection that was not made says something about the service: it has seen nothing of the
//! request. Every other failure may be due to what was asked: an answer with 5xx, a timeout, and a reset as well, by which
//! many servers end a request whose code panics. The *input* is all that a request holds, as a hash; so a batch with other
//! keys is another input, and so is the same request with another caller's headers. From that:
//!
//! - *An input that keeps failing is refused by itself*, once its failures in a row are no chance ([`weather`]). It costs
//!   nobody but those who ask for it, neither slots nor retries. An endpoint that has a single input is left alone by
//!   this rule.
//! - *An endpoint is down when successes stop, not when failures come.* Whoever knows inputs that fail can add as many
//!   failures as he likes, and by batches with one bad key each may be a new input; he cannot take successes away. So the
//!   circuit opens if several inputs have failed since the last success, none of them known to fail before, and if the
//!   silence is too long to be chance, by the successes of the ten seconds before it.
//! - *Without connections, count.* No input can cause those. The circuit opens after a row of failed connections that is
//!   no chance, and a twentieth of the calls of ten seconds: of thousands a second, a few in a row are a blip.
//!
//! There is no share of failures that opens a circuit. Where half of all calls fail, the other half is answered, and most
//! of the rest by a retry; an open circuit would answer none. What an endpoint that fails so costs is bounded by its
//! service's slots and its retry budget.
//!
//! **The way back.** A circuit is open for a second, then one call is let through to find out (`HalfOpen`); each failure of
//! that doubles the time, up to five seconds: a call each five seconds burdens nobody, and a service that is back is used
//! soon. Inputs that failed lately have probes of their own, so that one that always fails keeps no other out; and where
//! the service was reached, another input is tried four times a second. The first success closes the circuit, and releases
//! inputs that were refused in the silence.
//!
//! **What is left.** Whoever can make up failing inputs without end can open the circuit of an endpoint that hardly anybody
//! else uses, for few successes are not missed soon. In the simulation, 60 such calls a second made 13 of 60,000 others be
//! refused that came five times a second, and one in seven that came each five seconds; 50 inputs that are known make 9 of
//! 2,400 of the latter.
//!
//! A caller that gives up early tells nothing about the endpoint. One that gives up after having waited for nearly as
//! long as any call may take tells the same as a timeout: else, where requests may take no longer than a call, no
//! call would ever time out.
//!
//! Always true:
//! - in `HalfOpen` at most two calls are on their way, of which one has an input that failed lately; should one end
//!   without an outcome, the next one takes its part;
//! - only calls sent in a state decide about it: what was sent before it opened does not close it;
//! - the number of breakers has a bound, and so have the inputs that each knows.

mod circuit;
mod gate;
mod suspects;
mod weather;

use self::circuit::{Circuit, Pass};
pub(super) use self::suspects::Suspects;
use crate::report::BreakerState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// When an endpoint is left alone.
#[derive(Debug, Clone, Copy)]
pub struct BreakerOptions {
    /// Whether it may open at all. Default: `true`.
    pub enabled: bool,
    /// Failures in a row that open it, or have an input refused, where all was well before. Where calls fail by chance
    /// more are needed, up to thirteen times as many; where nothing is known yet, nearly twice as many.
    /// Default: 5.
    pub failures_in_row: u32,
    /// How long it is open first. Default: 1 s; each failed probe doubles it.
    pub open_for: Duration,
    /// How long it is open at most. Default: 5 s.
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
            open_for: Duration::from_secs(1),
            max_open: Duration::from_secs(5),
            patience: Duration::from_millis(1800),
        }
    }
}

/// What came of a call, for its breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service has answered, with a status below 500.
    Success,
    /// The request was sent, and failed.
    Failure,
    /// There was no connection, so that the service has seen nothing of the request.
    Unsent,
}

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

    /// Would a call with this input be refused now? For those who have to wait for something else first.
    pub(super) fn refuses(&self, input: u64, now: Instant) -> bool {
        self.circuit().refuses(input, now)
    }

    /// Lets a call through, or not.
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
#[path = "breaker/simulation.rs"]
mod simulation;
#[cfg(test)]
#[path = "breaker/tests.rs"]
mod tests;

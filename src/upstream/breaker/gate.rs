//! A gate: it refuses calls for a time, and then lets one call through that finds out whether calls succeed again.
//!
//! Always true: at most one probe is in flight; each probe that fails doubles the time, up to a bound.

use std::time::Duration;
use tokio::time::Instant;

/// Refuses calls for a time, and then lets single calls through. It has no clock of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    until: Instant,
    open_for: Duration,
    is_probing: bool,
}

impl Gate {
    /// A gate that refuses all calls for `open_for` from now on.
    pub(super) fn new(open_for: Duration, now: Instant) -> Self {
        Self { until: now + open_for, open_for, is_probing: false }
    }

    /// Whether a call would be refused now.
    pub(super) fn refuses(&self, now: Instant) -> bool {
        self.is_probing || now < self.until
    }

    /// Lets a call through as the probe; `false` if the call is refused.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let is_admitted = !self.refuses(now);
        self.is_probing |= is_admitted;
        is_admitted
    }

    /// Notes that the probe has failed: calls are refused for twice as long as before, but at most for `most`.
    pub(super) fn refuse_longer(&mut self, most: Duration, now: Instant) {
        *self = Self::new(self.open_for.saturating_mul(2).min(most), now);
    }

    /// Notes that the probe has ended without an outcome: the next call is the probe.
    pub(super) fn give_back(&mut self) {
        self.is_probing = false;
    }

    /// Whether a probe is in flight.
    pub(super) fn is_probing(&self) -> bool {
        self.is_probing
    }

    /// How long the gate refuses calls, or did the last time.
    pub(super) fn open_for(&self) -> Duration {
        self.open_for
    }

    /// When calls are let through again.
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

//! The circuit of one endpoint: which calls are let through. It has no clock of its own.
//!
//! In: the outcome of each call, with its input. Out: whether a call with an input may be sent.
//! Elsewhere: the reasons for the rules ([`super`]); which failures chance explains ([`super::weather`]).

use super::gate::Gate;
use super::suspects::Suspects;
use super::weather::{UNKNOWN_SILENCE, Weather, Window, silence};
use super::{BreakerOptions, Outcome};
use crate::report::BreakerState;
use std::time::Duration;
use tokio::time::Instant;

/// How a call was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    input: u64,
    part: Part,
    /// The state in which the call was let through, as a number that grows with every change.
    sent_in: u64,
}

/// What the outcome of a call decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The call is not a probe.
    Free,
    /// The call is the probe of its input.
    OfInput,
    /// The call is a probe of the endpoint, with an input that has not failed recently.
    OfEndpoint,
    /// The call is a probe of the endpoint, with an input that has failed recently.
    OfEndpointBySuspect,
}

/// The state machine of one endpoint.
#[derive(Debug)]
pub(super) struct Circuit {
    options: BreakerOptions,
    /// The gates that refuse inputs; `None` if the circuit is closed.
    open: Option<Open>,
    changes: u64,
    row: Row,
    suspects: Suspects,
    weather: Weather,
    window: Window,
    born: Instant,
    last_success: Option<Instant>,
}

/// The two gates of an open circuit. Each has its own probes, so that an input that always
/// fails keeps no other input out.
#[derive(Debug)]
struct Open {
    others: Gate,
    suspects: Gate,
    /// How long the gate for inputs without recent failures refuses calls at most.
    most: Duration,
}

/// The failures since the last success.
#[derive(Debug, Default)]
struct Row {
    /// How many calls failed before there was a connection, so that the service has seen nothing of them.
    unsent: u32,
    /// How many of the inputs that failed had not failed recently.
    inputs: u32,
    /// How many calls succeeded in the ten seconds before the first failure.
    successes: u32,
    /// Whether there has been a failure since the last success.
    has_begun: bool,
}

/// How many times within `open_for` an input without recent failures is tried, if the service was reached.
const PROBES: u32 = 4;

/// Failed connections open the circuit only if they are at least one in this many of the last ten seconds' calls.
const PART_OF_CALLS: u32 = 20;

impl Circuit {
    pub(super) fn new(options: BreakerOptions, now: Instant) -> Self {
        Self {
            options,
            open: None,
            changes: 0,
            row: Row::default(),
            suspects: Suspects::default(),
            weather: Weather::default(),
            window: Window::default(),
            born: now,
            last_success: None,
        }
    }

    /// The state that operators see. An endpoint also counts as open if every input that is asked for is refused.
    pub(super) fn state(&self) -> BreakerState {
        let is_probing = match &self.open {
            Some(open) => open.others.is_probing() || open.suspects.is_probing(),
            None if !self.row.has_begun => return BreakerState::Closed,
            None => match self.suspects.gates(self.last_success).map(Gate::is_probing).reduce(|a, b| a || b) {
                Some(is_probing) => is_probing,
                None => return BreakerState::Closed,
            },
        };
        if is_probing { BreakerState::HalfOpen } else { BreakerState::Open }
    }

    /// How long the circuit refuses calls, or did the last time.
    pub(super) fn open_for(&self) -> Duration {
        match &self.open {
            Some(open) => open.others.open_for(),
            None => self.suspects.gates(self.last_success).map(Gate::open_for).max().unwrap_or_default(),
        }
    }

    /// Whether a call with this input would be refused now.
    pub(super) fn refuses(&mut self, input: u64, now: Instant) -> bool {
        self.gate(input, now).is_some_and(|(gate, _)| gate.refuses(now))
    }

    /// Lets a call through; `None` if it is refused.
    pub(super) fn admit(&mut self, input: u64, now: Instant) -> Option<Pass> {
        let sent_in = self.changes;
        let part = match self.gate(input, now) {
            None => Part::Free,
            Some((gate, part)) => gate.admit(now).then_some(part)?,
        };
        Some(Pass { input, part, sent_in })
    }

    /// The gate that decides about a call with this input.
    fn gate(&mut self, input: u64, now: Instant) -> Option<(&mut Gate, Part)> {
        let suspect = self.suspects.get(input, now);
        match (&mut self.open, suspect) {
            (Some(open), Some(_)) => Some((&mut open.suspects, Part::OfEndpointBySuspect)),
            (Some(open), None) => Some((&mut open.others, Part::OfEndpoint)),
            (None, suspect) => suspect?.gate.as_mut().map(|gate| (gate, Part::OfInput)),
        }
    }

    /// Takes in the outcome of a call.
    pub(super) fn settle(&mut self, pass: Pass, outcome: Outcome, now: Instant) {
        if pass.sent_in != self.changes {
            return self.give_back(pass, now);
        }
        let second = now.saturating_duration_since(self.born).as_secs();
        if outcome == Outcome::Success {
            self.window.count(second, true);
            return self.succeed(pass.input, now);
        }
        if !self.row.has_begun {
            let (_, successes) = self.window.sums(second);
            self.row = Row { successes, has_begun: true, ..Row::default() };
        }
        self.window.count(second, false);
        match outcome {
            Outcome::Unsent => {
                self.row.unsent = self.row.unsent.saturating_add(1);
                self.give_back(pass, now);
            }
            _ => self.blame(pass, now),
        }
        self.judge(pass.part, second, now);
    }

    /// Takes in that a call has ended without an outcome.
    pub(super) fn give_back(&mut self, pass: Pass, now: Instant) {
        let is_current = pass.sent_in == self.changes;
        let gate = match (pass.part, &mut self.open) {
            (Part::Free, _) => None,
            (Part::OfInput, _) => self.suspects.get(pass.input, now).and_then(|suspect| suspect.gate.as_mut()),
            (Part::OfEndpoint, open) => open.as_mut().filter(|_| is_current).map(|open| &mut open.others),
            (Part::OfEndpointBySuspect, open) => open.as_mut().filter(|_| is_current).map(|open| &mut open.suspects),
        };
        gate.into_iter().for_each(Gate::give_back);
    }

    fn succeed(&mut self, input: u64, now: Instant) {
        let of_input = self.suspects.clear(input);
        // Inputs that were refused since the last success may have failed only because the endpoint was down.
        let has_released = self.suspects.release(self.last_success);
        let was_open = self.open.take().is_some();
        self.changes += u64::from(was_open);
        // An outage says nothing about chance, so its failures are left out. The first failure of an input is already
        // counted among the inputs of the row.
        let by_chance = self.row.unsent.saturating_add(self.row.inputs).saturating_add(of_input.saturating_sub(1));
        self.weather.note(if was_open || has_released { 0 } else { by_chance });
        self.last_success = Some(now);
        self.row = Row::default();
    }

    /// Counts a failure of an input, and refuses the input if it has failed too often.
    fn blame(&mut self, pass: Pass, now: Instant) {
        let BreakerOptions { failures_in_row, open_for, max_open, .. } = self.options;
        let row = self.weather.row(failures_in_row);
        let (is_new, suspect) = self.suspects.blame(pass.input, now);
        self.row.inputs = self.row.inputs.saturating_add(u32::from(is_new));
        match &mut suspect.gate {
            Some(gate) if pass.part == Part::OfInput => gate.refuse_longer(max_open, now),
            Some(_) => {}
            None if suspect.failures >= row => suspect.refuse(open_for, now),
            None => {}
        }
    }

    /// Opens the circuit, or keeps it open, if the failures are due to the endpoint.
    fn judge(&mut self, part: Part, second: u64, now: Instant) {
        let BreakerOptions { failures_in_row, open_for, max_open, .. } = self.options;
        if let Some(open) = &mut self.open {
            match part {
                Part::OfEndpoint => open.others.refuse_longer(open.most, now),
                Part::OfEndpointBySuspect => open.suspects.refuse_longer(max_open, now),
                Part::Free | Part::OfInput => {}
            }
            return;
        }
        let row = self.weather.row(failures_in_row);
        let (calls, _) = self.window.sums(second);
        let is_unreachable = self.row.unsent >= row.max(calls / PART_OF_CALLS);
        let (since, wanted) = match self.last_success {
            Some(success) => (success, silence(self.row.successes)),
            None => (self.born, UNKNOWN_SILENCE),
        };
        let is_silent = now.saturating_duration_since(since) >= wanted;
        if is_unreachable || self.row.inputs >= row && is_silent {
            let most = if is_unreachable { max_open } else { open_for / PROBES };
            let [others, suspects] = [open_for.min(most), open_for].map(|time| Gate::new(time, now));
            self.open = Some(Open { others, suspects, most });
            self.changes += 1;
        }
    }
}

//! How calling the services goes: what `/metrics` shows beside the calls themselves.

use std::sync::Arc;

/// Writes that are being finished while nobody waits for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// How many there are now.
    pub unattended: u64,
    /// How many further ones were refused since the process began, for there were too many.
    pub refused: u64,
}

/// One service, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceReport {
    /// Its name.
    pub service: Arc<str>,
    /// Calls that are under way.
    pub in_flight: u64,
    /// Calls that wait until they may be sent.
    pub waiting: u64,
    /// What became of each call that could have been retried, counted since the engine was made.
    pub retries: Vec<(RetryOutcome, u64)>,
    /// The circuit breaker of each endpoint that was called.
    pub breakers: Vec<(Arc<str>, BreakerState)>,
    /// Its instances, if there are several.
    pub instances: Vec<InstanceReport>,
    /// Endpoints whose answers say that they are deprecated or will go, and how many said so.
    pub deprecated: Vec<(Arc<str>, u64)>,
}

/// One of several instances of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceReport {
    /// Its base URL.
    pub instance: Arc<str>,
    /// Calls that are under way.
    pub in_flight: u64,
    /// Is it not called for a while, for it has failed?
    pub is_ejected: bool,
}

/// What became of a call that failed in a way for which a retry may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryOutcome {
    /// Sent again, and answered.
    Recovered,
    /// Sent again, and failed again.
    Failed,
    /// Not sent again: the retry budget was used up.
    OverBudget,
    /// Not sent again: it could not have ended in time.
    TooLate,
}

impl RetryOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Recovered, Self::Failed, Self::OverBudget, Self::TooLate];

    /// As a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Failed => "failed",
            Self::OverBudget => "over_budget",
            Self::TooLate => "too_late",
        }
    }
}

/// A circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// Requests are refused.
    Open,
    /// One request is on its way to find out.
    HalfOpen,
}

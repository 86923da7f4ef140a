//! The state of services: what `/metrics` shows beside the calls themselves.

use std::sync::Arc;

/// The writes that are being finished while no request waits for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// How many such writes there are now.
    pub unattended: u64,
    /// How many writes were refused since the process began, because there were too many.
    pub refused: u64,
}

/// One service, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceReport {
    /// Its name.
    pub service: Arc<str>,
    /// How many calls are under way.
    pub in_flight: u64,
    /// How many calls wait until they may be sent.
    pub waiting: u64,
    /// What became of each call that could have been retried, counted since the engine was made.
    pub retries: Vec<(RetryOutcome, u64)>,
    /// The circuit breaker of each endpoint that was called.
    pub breakers: Vec<(Arc<str>, BreakerState)>,
    /// Its instances, if it has several.
    pub instances: Vec<InstanceReport>,
    /// The endpoints whose answers announce that they are deprecated or will be removed, with the number of such
    /// answers.
    pub deprecated: Vec<(Arc<str>, u64)>,
}

/// One of several instances of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceReport {
    /// Its base URL.
    pub instance: Arc<str>,
    /// How many calls are under way.
    pub in_flight: u64,
    /// Whether it is not called for a while, because it has failed.
    pub is_ejected: bool,
}

/// What happened to a call that failed in a way that a retry may mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryOutcome {
    /// It was sent again and answered.
    Recovered,
    /// It was sent again and failed again.
    Failed,
    /// It was not sent again, because the retry budget was used up.
    OverBudget,
    /// It was not sent again, because it could not have ended in time.
    TooLate,
}

impl RetryOutcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Recovered, Self::Failed, Self::OverBudget, Self::TooLate];

    /// Its value as a label of the metrics.
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

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// Requests are refused.
    Open,
    /// One request is under way to find out whether the endpoint answers again.
    HalfOpen,
}

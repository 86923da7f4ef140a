//! What is told of the polls of subscriptions, at the moment when it happens.

use super::CallRecord;

/// Counts what subscriptions do.
pub trait PollObserver: Send + Sync + std::fmt::Debug {
    /// A call was made for subscriptions, either by a poll or for a joined field of an event.
    fn called(&self, call: &CallRecord, is_poll: bool);

    /// An event was made for a subscriber.
    fn event(&self);

    /// Ticks passed without an answer, for a reason that is not the service's fault.
    fn missed(&self, why: MissedTick, ticks: u64);
}

/// Why a tick passed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MissedTick {
    /// The call was refused before it was sent: the service's queue was full, or the endpoint's circuit breaker open.
    Refused,
    /// The call before it had not ended, or the call waited too long for its turn.
    Late,
    /// The service asked for a pause (`Retry-After`, RFC 9110 §10.2.3).
    RetryAfter,
}

impl MissedTick {
    /// Its value as a label of the metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Late => "late",
            Self::RetryAfter => "retry_after",
        }
    }
}

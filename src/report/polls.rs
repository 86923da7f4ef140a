//! What is told of the polls of subscriptions, at the moment it happens.

use super::CallRecord;

/// Counts what subscriptions do.
pub trait PollObserver: Send + Sync + std::fmt::Debug {
    /// A call was made for subscriptions: by a poll, or for a joined field of an event.
    fn called(&self, call: &CallRecord, is_poll: bool);

    /// An event was made for a subscriber.
    fn event(&self);

    /// Ticks passed without an answer, through no fault of the service.
    fn missed(&self, why: MissedTick, ticks: u64);
}

/// Why a tick passed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MissedTick {
    /// The call was refused before it was sent: the service's queue was full, or the endpoint's circuit breaker open.
    Refused,
    /// The call before it had not ended, or had waited too long for its turn.
    Late,
    /// The service wants to be left alone (`Retry-After`).
    RetryAfter,
}

impl MissedTick {
    /// As a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Late => "late",
            Self::RetryAfter => "retry_after",
        }
    }
}

//! The outcome of a poll's call.

use super::wanted::Recent;
use crate::upstream::{Answer, CallError, CallErrorKind};
use std::time::Instant;

/// The outcome of a call, for all who share the poll.
#[derive(Debug)]
pub(in crate::execute) struct Tick {
    /// The number of the answer. It increases when an answer differs from the one before; 0 if there was no answer yet.
    pub(in crate::execute) version: u64,
    /// The result. `None` if nobody needs it any more, or if the service has confirmed it without sending it again.
    pub(in crate::execute) result: Option<Result<Answer, CallError>>,
    /// When the call was begun, and how many writes to its source were over then.
    pub(in crate::execute) recent: Recent,
    /// When the call ended.
    pub(in crate::execute) ended: Instant,
    /// Whether this process did not send the call, so that the result says nothing about the service.
    pub(in crate::execute) is_refused: bool,
    /// The moment before which the service wants no calls (`Retry-After`).
    pub(in crate::execute) held_until: Option<Instant>,
}

impl Tick {
    /// The state before the first call.
    pub(super) fn none(now: Instant) -> Self {
        let recent = Recent { began: now, writes: [0].into() };
        Self { version: 0, result: None, recent, ended: now, is_refused: false, held_until: None }
    }

    /// The recency that the tick has now. While the service wants no calls, nothing can be more recent.
    pub(in crate::execute) fn recent(&self, now: Instant, writes: u64) -> Recent {
        match self.held_until {
            Some(until) if until > now => Recent { began: now, writes: [writes].into() },
            _ => self.recent.clone(),
        }
    }

    /// The same tick without its result.
    pub(super) fn forgotten(&self) -> Self {
        let &Self { version, ended, is_refused, held_until, .. } = self;
        Self { version, result: None, recent: self.recent.clone(), ended, is_refused, held_until }
    }
}

/// Whether a call failed before it was sent: the service's queue was full, the call waited in it until its deadline, or
/// the endpoint's circuit breaker was open.
pub(in crate::execute) fn is_refused(error: &CallError) -> bool {
    match error.kind {
        CallErrorKind::CircuitOpen | CallErrorKind::Refused => true,
        CallErrorKind::Timeout => error.is_unsent,
        CallErrorKind::Unsendable
        | CallErrorKind::Unreachable
        | CallErrorKind::Malformed
        | CallErrorKind::TooLarge
        | CallErrorKind::NotConfigured => false,
    }
}

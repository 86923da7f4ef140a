//! What a poll tells.

use super::wanted::Recent;
use crate::upstream::{Answer, CallError, CallErrorKind};
use std::time::Instant;

/// What came of a call, for all who share the poll.
#[derive(Debug)]
pub(in crate::execute) struct Tick {
    /// Another number for each answer that differs from the one before; 0: there was none yet.
    pub(in crate::execute) version: u64,
    /// What came; `None`: nobody needs it any more, or the service has confirmed it without sending it again.
    pub(in crate::execute) result: Option<Result<Answer, CallError>>,
    /// When the call was begun, and the writes to its source that were over then.
    pub(in crate::execute) recent: Recent,
    /// When it ended.
    pub(in crate::execute) ended: Instant,
    /// Was the call refused here, so that the result tells nothing of the service?
    pub(in crate::execute) is_refused: bool,
    /// The service is left alone until then, as it wants.
    pub(in crate::execute) held_until: Option<Instant>,
}

impl Tick {
    /// Before the first call.
    pub(super) fn none(now: Instant) -> Self {
        let recent = Recent { began: now, writes: [0].into() };
        Self { version: 0, result: None, recent, ended: now, is_refused: false, held_until: None }
    }

    /// How recent it is, now: nothing is more recent while the service is left alone.
    pub(in crate::execute) fn recent(&self, now: Instant, writes: u64) -> Recent {
        match self.held_until {
            Some(until) if until > now => Recent { began: now, writes: [writes].into() },
            _ => self.recent.clone(),
        }
    }

    /// The same without its body.
    pub(super) fn forgotten(&self) -> Self {
        let &Self { version, ended, is_refused, held_until, .. } = self;
        Self { version, result: None, recent: self.recent.clone(), ended, is_refused, held_until }
    }
}

/// Whether a call was refused here before it was sent: the service's queue was full, it waited there until its deadline,
/// or the endpoint's circuit breaker was open.
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

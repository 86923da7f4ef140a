//! Who is told causes: clients in development, and the log always, but not without end.

use crate::compose::WayId;
use crate::execute::Failure;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most causes that one answer writes to the log.
const MAX_NOTES: usize = 8;
/// In production, causes that are alike are logged once in so long a time.
const PERIOD: Duration = Duration::from_secs(10);
/// Kinds of causes that are told apart for that. While all are taken, further kinds are not logged.
const MAX_KINDS: usize = 1_024;

/// What is reported of the causes of failures, and to whom.
///
/// The log gets at most 8 causes of one answer. In production it also gets causes of the same service, code and message
/// at most once in 10 seconds, and how many were left out.
#[derive(Debug, Default)]
pub struct CauseReport {
    is_shown: bool,
    /// File and line, by way.
    bindings: Vec<Box<str>>,
    hasher: ahash::RandomState,
    kinds: Mutex<HashMap<u64, Kind, ahash::RandomState>>,
}

/// How often causes of one kind came.
#[derive(Debug)]
struct Kind {
    logged: Instant,
    /// Since then.
    left_out: u64,
}

impl CauseReport {
    /// A report. `is_shown`: clients see causes, and all are logged; `bindings`: file and line by way.
    #[must_use]
    pub fn new(is_shown: bool, bindings: Vec<Box<str>>) -> Self {
        Self { is_shown, bindings, ..Self::default() }
    }

    pub(super) fn is_shown(&self) -> bool {
        self.is_shown
    }

    pub(super) fn binding(&self, way: WayId) -> Option<&str> {
        self.bindings.get(way.index()).map(|binding| &**binding)
    }

    /// May a failure's cause be logged, beside what was noted for the same answer? Then: how many like it were left
    /// out since the last.
    pub(super) fn admits(&self, failure: &Failure, noted: &[Note]) -> Option<u64> {
        if noted.len() >= MAX_NOTES || noted.iter().any(|note| note.is_like(failure)) {
            return None;
        }
        if self.is_shown {
            return Some(0);
        }
        self.admits_at(self.hasher.hash_one((&failure.service, &failure.code, &failure.message)), Instant::now())
    }

    fn admits_at(&self, kind: u64, now: Instant) -> Option<u64> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kinds.get_mut(&kind) {
            if now.saturating_duration_since(known.logged) < PERIOD {
                known.left_out += 1;
                return None;
            }
            known.logged = now;
            return Some(std::mem::take(&mut known.left_out));
        }
        if kinds.len() >= MAX_KINDS {
            kinds.retain(|_, kind| now.saturating_duration_since(kind.logged) < PERIOD);
        }
        (kinds.len() < MAX_KINDS).then(|| {
            kinds.insert(kind, Kind { logged: now, left_out: 0 });
            0
        })
    }
}

/// What the log is to hold.
#[derive(Debug)]
pub(super) struct Note {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    service: Option<Arc<str>>,
    cause: Value,
    left_out: u64,
}

impl Note {
    pub(super) fn new(failure: &Failure, cause: Value, left_out: u64) -> Self {
        let (code, message, service) = (failure.code.clone(), failure.message.clone(), failure.service.clone());
        Self { code, message, service, cause, left_out }
    }

    fn is_like(&self, failure: &Failure) -> bool {
        (&self.code, &self.message, &self.service) == (&failure.code, &failure.message, &failure.service)
    }

    pub(super) fn log(&self, request_id: &str) {
        let text = |name: &str| self.cause.get(name).and_then(Value::as_str);
        let status = self.cause.get("status").and_then(Value::as_u64);
        tracing::warn!(
            target: "bespoke::cause",
            request_id,
            code = &*self.code,
            service = text("service"),
            endpoint = text("endpoint"),
            request = text("request"),
            status,
            media_type = text("mediaType"),
            pointer = text("pointer"),
            expected = text("expected"),
            got = text("got"),
            binding = text("binding"),
            left_out = (self.left_out > 0).then_some(self.left_out),
            cause = text("what"),
            "{}",
            self.message
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_one_kind_are_logged_once_in_a_period() {
        let report = CauseReport::default();
        let start = Instant::now();
        assert_eq!(report.admits_at(1, start), Some(0));
        assert_eq!((0..5).filter_map(|_| report.admits_at(1, start)).count(), 0);
        assert_eq!(report.admits_at(2, start), Some(0), "another kind");
        assert_eq!(report.admits_at(1, start + PERIOD), Some(5), "with the number left out");
        assert_eq!(report.admits_at(1, start + PERIOD * 2), Some(0));
    }

    #[test]
    fn kinds_are_bounded_and_forgotten() {
        let report = CauseReport::default();
        let start = Instant::now();
        let admitted = (0..5_000).filter_map(|kind| report.admits_at(kind, start)).count();
        assert_eq!(admitted, MAX_KINDS);
        assert_eq!(report.admits_at(9_999, start + PERIOD), Some(0));
    }
}

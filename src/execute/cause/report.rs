//! Who is told causes: clients only in development, the log always, but at a limited rate.

use crate::compose::WayId;
use crate::execute::Failure;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The greatest number of causes that one answer writes to the log.
const MAX_NOTES: usize = 8;
/// In production, equal causes are logged once in this time: 10 seconds.
const PERIOD: Duration = Duration::from_secs(10);
/// How many kinds of causes are counted separately for [`PERIOD`]. While that many are counted, causes of further kinds
/// are not logged.
const MAX_KINDS: usize = 1_024;

/// The rules by which causes of failures are reported.
///
/// The log gets at most 8 causes of one answer. In production, it gets causes of the same service, code and message at
/// most once in 10 seconds, with the number of those that were left out.
#[derive(Debug, Default)]
pub struct CauseReport {
    is_shown: bool,
    /// The file and line of each binding, by `WayId`.
    bindings: Vec<Box<str>>,
    hasher: ahash::RandomState,
    kinds: Mutex<HashMap<u64, Kind, ahash::RandomState>>,
}

/// How often causes of one kind were reported.
#[derive(Debug)]
struct Kind {
    logged: Instant,
    /// How many were not logged since then.
    left_out: u64,
}

impl CauseReport {
    /// A report. `is_shown`: whether clients see causes, and the log gets all of them. `bindings`: the file and line of
    /// each binding, by `WayId`.
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

    /// Whether a failure's cause may be logged beside those that were noted for the same answer. If so, returns how
    /// many causes of its kind were left out since the last one that was logged.
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

/// A cause that is to be logged.
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

//! The bounds of what one operation may cost while it runs: calls, values, bytes, and uninterrupted time of its thread.

use crate::defaults;
use std::time::Duration;

/// The bounds of one operation. Where a bound is exceeded, the answer has an error.
///
/// A *value* is a leaf of the answer or an item of one of its lists. The bound of a plan
/// ([`crate::plan::Plan::values`]) counts values in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The greatest length of `data` of one answer, in bytes. For an answer that comes in parts, all parts count
    /// together. Beyond it: `ANSWER_TOO_LARGE`.
    pub answer_bytes: usize,
    /// The greatest number of values of one answer, in all its parts together. Beyond it: `OVER_BUDGET`. `None` if
    /// there is no bound.
    pub values: Option<u64>,
    /// The greatest number of calls to services, counted as the plan's bound counts them. Beyond it: `OVER_BUDGET`.
    /// `None` if only the bound of calls that every request has applies.
    pub calls: Option<u64>,
    /// For how long reading and writing may use the thread before other tasks get it. Default: 1 ms.
    pub stretch: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            answer_bytes: defaults::ANSWER_BYTES.get(),
            values: None,
            calls: None,
            stretch: Duration::from_millis(1),
        }
    }
}

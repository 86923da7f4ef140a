//! What one operation may cost while it runs: calls, values, bytes, and time of its thread at a stretch.

use std::time::Duration;

/// The bounds of one operation. Beyond any of them the place at which it was reached is an error.
///
/// A *value* is a leaf of the answer or an item of one of its lists; the bound of a plan
/// ([`crate::plan::Plan::values`]) counts the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Length of `data` of one answer, in bytes; of an answer that comes in parts, all parts together. Beyond it:
    /// `ANSWER_TOO_LARGE`.
    pub answer_bytes: usize,
    /// Values of one answer, of all its parts together. Beyond it: `OVER_BUDGET`. `None`: as many as there are.
    pub values: Option<u64>,
    /// Calls of services, counted as the plan's bound counts them. Beyond it: `OVER_BUDGET`. `None`: only what every
    /// request may make at most.
    pub calls: Option<u64>,
    /// For how long reading and writing have the thread before others have their turn. Default: 1 ms.
    pub stretch: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { answer_bytes: 16 << 20, values: None, calls: None, stretch: Duration::from_millis(1) }
    }
}

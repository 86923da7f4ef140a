//! `services.<name>.retry` and `.breaker`: what is done when a service fails.

use crate::defaults;
use crate::diagnostic::{Code, Finding, Span};
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::time::Duration;

/// How failed reads are retried: `services.<name>.retry`. With both options 0, none is.
///
/// A read is retried once if no connection was made, if the connection was reset before the answer, and after the statuses
/// 502, 503 and 504. `Retry-After` is respected. Writes are never retried.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Most retries, as a share of first attempts, from 0.0 to 1.0. Default: 0.1.
    pub ratio: f64,
    /// Retries per second that are allowed beyond that share, from 0.0 to 1000.0. Default: 3.0.
    pub per_second: f64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { ratio: defaults::RETRY_RATIO, per_second: defaults::RETRIES_PER_SECOND }
    }
}

/// When the circuit breaker of an endpoint opens, so that calls to it fail at once: `services.<name>.breaker`.
///
/// A breaker opens when no connection can be made, or when the endpoint answers none of its calls any more. A single input
/// that keeps failing, such as an id that is always answered with 500, has a breaker of its own. Failures are timeouts,
/// broken connections and the statuses 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Whether breakers open at all. Default: true.
    pub enabled: bool,
    /// Failures in a row that open a breaker if no call failed before; if calls fail now and then, more are needed.
    /// Default: 5.
    pub failures_in_row: NonZeroU32,
    /// How long a breaker stays open at first. Each probe that fails doubles the time. Default: 1s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub open_for: Duration,
    /// Longest time for which a breaker stays open without a probe. Default: 5s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_open: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            failures_in_row: defaults::FAILURES_IN_ROW,
            open_for: defaults::OPEN_FOR,
            max_open: defaults::MAX_OPEN,
        }
    }
}

/// Most retries per second.
const MAX_PER_SECOND: f64 = 1000.0;

impl RetryConfig {
    /// The findings about these options, which stand at `path`.
    pub(super) fn check(&self, path: &str, at: &dyn Fn(&str) -> Span) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !(0.0..=1.0).contains(&self.ratio) {
            findings.push(out_of_range(&format!("{path}.ratio"), "0.0 to 1.0", at));
        }
        if !(0.0..=MAX_PER_SECOND).contains(&self.per_second) {
            findings.push(out_of_range(&format!("{path}.per_second"), "0.0 to 1000.0", at));
        }
        findings
    }
}

fn out_of_range(path: &str, range: &str, at: &dyn Fn(&str) -> Span) -> Finding {
    Finding::new(Code::E321, format!("`{path}` must be {range}"), at(path), "this number")
}

/// Headers about the content, the framing and the target of a message. No option may replace them.
const FRAMING: [&str; 9] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether calls may carry a further header of this name. `taken` are more names that they may not carry.
pub(super) fn is_free_header(name: &str, taken: &[&str]) -> bool {
    HeaderName::try_from(name).is_ok_and(|name| !FRAMING.contains(&name.as_str()) && !taken.contains(&name.as_str()))
}

//! `services.<name>.retry` and `.breaker`: what is done when a service fails.

use crate::defaults;
use crate::diagnostic::{Code, Finding, Span};
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::time::Duration;

/// Which failed reads are sent once more: `services.<name>.retry`. With both options 0 none is.
///
/// Only reads are, on no connection, a reset before the answer, and 502, 503, 504; `Retry-After` is heeded.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Retries as a share of first attempts, 0.0 to 1.0; what goes beyond is not retried. Default: 0.1.
    pub ratio: f64,
    /// Retries per second beyond that share, 0.0 to 1000.0. Default: 3.0.
    pub per_second: f64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { ratio: defaults::RETRY_RATIO, per_second: defaults::RETRIES_PER_SECOND }
    }
}

/// When an endpoint of a service is left alone, so that calls of it fail at once: `services.<name>.breaker`.
///
/// An endpoint is left alone when no connection is made, or when nothing it is asked for is answered any more. A single
/// input that keeps failing, such as one id that is always answered with 500, is left alone by itself. Failures are
/// timeouts, broken connections and the statuses 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Whether any endpoint or input is ever left alone. Default: true.
    pub enabled: bool,
    /// Failures in a row that open the breaker where all was well before; where calls fail by chance, more are needed.
    /// Default: 5.
    pub failures_in_row: NonZeroU32,
    /// How long it stays open at first; each probe that fails doubles it. Default: 1s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub open_for: Duration,
    /// How long it stays open at most. Default: 5s.
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
    /// What is wrong with it, at `path`.
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

/// Headers that say what a message is, how it is framed and where it goes, which no option may replace.
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

/// May a header of this name be added to calls? `taken` are further ones that may not.
pub(super) fn is_free_header(name: &str, taken: &[&str]) -> bool {
    HeaderName::try_from(name).is_ok_and(|name| !FRAMING.contains(&name.as_str()) && !taken.contains(&name.as_str()))
}

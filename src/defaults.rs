//! Defaults that the configuration shares with what it configures: each number stands here, once.
//!
//! The options of `cache`, `upstream`, `execute`, `flight` and `operation` can be used without a configuration, by tests and
//! by programs. They and [`crate::config`] take the same defaults from here. A default that only one of them has stands
//! there.

use std::num::NonZero;
use std::time::Duration;

/// Longest a request may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest document, in bytes.
pub(crate) const DOCUMENT_BYTES: NonZero<usize> = NonZero::new(64 << 10).expect("a positive number");
/// Most tokens of a document.
pub(crate) const DOCUMENT_TOKENS: NonZero<u32> = NonZero::new(5_000).expect("a positive number");
/// Deepest selection set.
pub(crate) const DOCUMENT_DEPTH: NonZero<u32> = NonZero::new(32).expect("a positive number");
/// Most fields of an operation.
pub(crate) const DOCUMENT_FIELDS: NonZero<u32> = NonZero::new(2_000).expect("a positive number");
/// Most values in all variables of a request.
pub(crate) const VARIABLE_VALUES: NonZero<u32> = NonZero::new(100_000).expect("a positive number");
/// Longest `data` of an answer, in bytes.
pub(crate) const ANSWER_BYTES: NonZero<usize> = NonZero::new(16 << 20).expect("a positive number");

/// Memory for cached entries, in bytes.
pub(crate) const CACHE_BYTES: NonZero<u64> = NonZero::new(64 << 20).expect("a positive number");
/// Memory for cached whole answers, in bytes.
pub(crate) const CACHED_ANSWER_BYTES: u64 = 16 << 20;
/// How long it is believed that something does not exist.
pub(crate) const NEGATIVE: Duration = Duration::from_secs(5);
/// How long a stale answer may stand in for a service that fails.
pub(crate) const STALE_IF_ERROR: Duration = Duration::ZERO;

/// Longest wait for a service's answer.
pub(crate) const SERVICE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for a connection to a service.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// The header that tells a service how long its answer is waited for.
pub(crate) const TIMEOUT_HEADER: &str = "x-request-timeout-ms";
/// Longest body of a service's answer, in bytes.
pub(crate) const RESPONSE_BYTES: NonZero<usize> = NonZero::new(8 << 20).expect("a positive number");
/// Most headers of a service's answer: as many as hyper has room for on the stack.
pub(crate) const RESPONSE_HEADERS: NonZero<usize> = NonZero::new(100).expect("a positive number");
/// Length of a service's head, in bytes.
pub(crate) const RESPONSE_HEADER_BYTES: NonZero<usize> = NonZero::new(64 << 10).expect("a positive number");
/// Calls of one service at once.
pub(crate) const SERVICE_IN_FLIGHT: NonZero<u32> = NonZero::new(256).expect("a positive number");
/// Calls that wait for their turn at one service.
pub(crate) const SERVICE_WAITING: u32 = 256;

/// Retries of a service, as a share of first attempts.
pub(crate) const RETRY_RATIO: f64 = 0.1;
/// Retries of a service per second, beyond that share.
pub(crate) const RETRIES_PER_SECOND: f64 = 3.0;
/// Failures in a row that open a circuit breaker.
pub(crate) const FAILURES_IN_ROW: NonZero<u32> = NonZero::new(5).expect("a positive number");
/// How long a circuit breaker stays open at first.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(1);
/// How long a circuit breaker stays open at most.
pub(crate) const MAX_OPEN: Duration = Duration::from_secs(5);

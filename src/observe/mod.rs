//! Observation: metrics, and one line in the log for each request.
//!
//! In: the result of each request, and the [`crate::report::CallRecord`]s of its answer. Out: `/metrics` and the log.
//! Elsewhere: what is recorded ([`crate::http`], [`crate::engine`]).
//!
//! Always true:
//! - a request never waits for the log;
//! - the number of label values has a bound: the names that clients choose (those of operations) are limited, and all
//!   other values come from our own files;
//! - variables, headers, claims and bodies are never recorded.

mod drain;
mod exposition;
mod line;
mod log;
mod metrics;
mod names;
mod open;
mod polls;
mod record;
mod services;

pub use exposition::Exposition;
pub use log::init;
pub use metrics::{Metrics, ReloadOutcome};
pub use open::{ClosedBy, OpenConnection, OpenStreams};
pub use record::RequestRecord;

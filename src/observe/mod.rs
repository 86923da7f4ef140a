//! Observation: metrics, and one log line per request.
//!
//! In: what became of each request, and the [`crate::report::CallRecord`]s of its answer. Out: `/metrics`, the log.
//! Elsewhere: what is recorded ([`crate::http`], [`crate::engine`]).
//!
//! Always true:
//! - logging waits for nobody;
//! - label values are bounded: what clients choose (operation names) is capped, the rest comes from our own files;
//! - neither variables, headers, claims nor bodies are ever recorded.

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

//! Execution: a plan becomes response bytes.
//!
//! In: a [`crate::plan::Plan`], coerced variables, the caller, the sources. Out: [`Ran`]: bytes, calls, errors.
//! Elsewhere: sending ([`crate::upstream`]); HTTP statuses ([`crate::http`]).
//!
//! Always true:
//! - one step makes one call per batch, whatever number of aliases, fragments, paths and list positions feed it;
//! - bodies are projected straight into an arena: there is no tree of JSON values on this path;
//! - nothing of an upstream body reaches the caller but what the plan captured.

mod arena;
mod bounds;
mod cause;
mod digest;
mod entity_cache;
mod events;
mod in_flight;
mod input;
mod key_rules;
mod leaf;
mod memo;
mod pace;
mod parts;
mod polls;
mod problem;
mod project;
mod read;
mod remote;
mod representation;
mod request;
mod required;
mod run;
mod scope;
mod series;
mod start;
mod step;
#[cfg(test)]
mod tests;
mod wording;
mod write;

pub use arena::Failure;
pub use bounds::Bounds;
pub use cause::CauseReport;
pub use entity_cache::Caching;
pub use events::{Feed, Subscriber, poll_interval};
pub use parts::run_in_parts;
pub use polls::Polls;
pub(crate) use polls::{Member, Table};
#[cfg(feature = "fuzz")]
pub(crate) use project::compare::compare_projections;
pub(crate) use run::now;
pub use run::{Ran, Run, Sourced, run};
pub use scope::OperationScope;
pub use wording::{Part, Wording};

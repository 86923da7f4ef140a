//! Execution: a plan becomes the bytes of a response.
//!
//! In: a [`crate::plan::Plan`], coerced variables, the caller, and the sources. Out: a [`RunOutput`]: the body, the
//! calls and the errors. Elsewhere: sending ([`crate::upstream`]); HTTP statuses ([`crate::http`]).
//!
//! Always true:
//! - one step makes one call per batch, however many aliases, fragments, paths and list positions use it;
//! - bodies are projected straight into an arena: no tree of JSON values is built;
//! - of an upstream body, only what the plan captured reaches the caller.

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
pub use entity_cache::CacheRules;
pub use events::{Feed, Subscriber, poll_interval};
pub use parts::run_in_parts;
pub use polls::Polls;
pub(crate) use polls::{Member, Table};
#[cfg(feature = "fuzz")]
pub(crate) use project::compare::compare_projections;
pub(crate) use run::now;
pub use run::{Run, RunOutput, SourceAccess, run};
pub use scope::OperationScope;
pub use wording::{Part, Wording};

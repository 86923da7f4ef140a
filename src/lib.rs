//! Bespoke tailors one GraphQL API to each client, over the REST and GraphQL services that a company already runs.
//!
//! The modules, in the order data takes:
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`contract`] | OpenAPI text | endpoints with typed parameters and response shapes |
//! | [`sdl`] | service SDL text | types with spans, our directives, parsed mappings |
//! | [`compose`] | contracts and SDL | one graph, with every way to get each field |
//! | [`view`] | a client schema | lowering tables, checked against the graph |
//! | [`operation`] | a client document | a validated, lowered operation; coerced variables |
//! | [`plan`] | a lowered operation | steps and their dependencies |
//! | [`execute`] | a plan | response bytes |
//! | [`upstream`] | a call | an answer: the only module that calls out |
//! | [`cache`] | an answer | the same answer, as long as it holds |
//! | [`policy`] | credentials | the caller |
//! | [`http`] | an engine | GraphQL over HTTP, GraphiQL, health, metrics |
//!
//! Beside them: [`report`] (what is told of calls and services), [`diagnostic`] (findings about text), `directive` (the table of all directives), [`json`] (values that keep
//! the text of numbers), [`config`], [`observe`], [`flight`] (equal work done once), [`engine`] (all of it, wired), `mock`
//! (any schema, without services).

pub mod bff;
pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compose;
pub mod config;
pub mod contract;
pub mod diagnostic;
mod directive;
pub mod engine;
pub mod execute;
pub mod flight;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzzing;
mod heap;
pub mod http;
mod ids;
pub mod json;
#[cfg(feature = "cli")]
pub mod mock;
pub mod observe;
pub mod operation;
pub mod plan;
pub mod policy;
pub mod project;
pub mod report;
mod retirement;
pub mod sdl;
mod suggest;
pub mod upstream;
pub mod view;

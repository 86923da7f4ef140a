//! Bespoke tailors one GraphQL API to each client, over the REST and GraphQL services that a company already runs.
//!
//! [`bff`] holds what the program of a client needs; start there. No other module is part of the public API. The
//! project calls its modules rooms; the table lists them in the order in which data passes them.
//!
//! | room | turns | into |
//! |---|---|---|
//! | `contract` | OpenAPI text | endpoints with typed parameters and response shapes |
//! | `sdl` | service SDL text | types with spans, our directives, parsed mappings |
//! | `compose` | contracts and SDL | one graph, with every way to get each field |
//! | `view` | a client schema | lowering tables, checked against the graph |
//! | `operation` | a client document | a validated, lowered operation; coerced variables |
//! | `plan` | a lowered operation | steps and their dependencies |
//! | `execute` | a plan | response bytes |
//! | `upstream` | a call | an answer; it is the only room that calls services |
//! | `cache` | an answer | the same answer, for as long as it is fresh |
//! | `policy` | credentials | the caller |
//! | `http` | an engine | GraphQL over HTTP, GraphiQL, health, metrics |
//!
//! Further rooms are `report` (records of calls and of the state of services), `diagnostic` (findings about text),
//! `directive` (the table of all directives), `json` (values that keep the text of numbers), `file` (reading files that
//! may hang), `config`, `observe` (metrics and the log), `flight` (doing equal work once), `engine` (all rooms, wired
//! for one client) and `mock` (answers for any schema, without services). `ARCHITECTURE.md` describes all rooms, and
//! `tests/it/architecture.rs` says which room may use which.

// Without the command line nothing is served, so some items are not used.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]

pub mod bff;
mod cache;
#[cfg(feature = "cli")]
mod cli;
mod compose;
mod config;
mod contract;
mod defaults;
mod diagnostic;
mod directive;
mod engine;
mod execute;
mod file;
mod flight;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzzing;
mod heap;
mod http;
mod ids;
#[doc(hidden)]
pub mod internals;
mod json;
#[cfg(feature = "cli")]
mod mock;
mod observe;
mod operation;
mod plan;
mod policy;
mod prefixed;
mod project;
mod report;
mod retirement;
mod sdl;
mod suggest;
mod upstream;
mod view;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub use cli::run;

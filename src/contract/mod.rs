//! Contracts: OpenAPI text becomes endpoints with typed parameters and response shapes.
//!
//! In: the text of one OpenAPI 3.0 or 3.1 document, in YAML or JSON, with local `$ref`s.
//! Out: a [`Contract`], and findings with file, line and column.
//! Elsewhere: checking bindings against it ([`crate::compose`]).
//!
//! How data flows: `load` makes a tree with spans (`document`), and `reader` looks things up in it. `contract` gives
//! each part when it is asked for. `operations` and `parameters` read endpoints, `announcements` reads which of them
//! are deprecated or will be switched off, and `schemas` reads types with `keywords`, `draft` and `discriminator`.
//!
//! Findings have the codes `E001` to `E026` and `W001` to `W003` ([`crate::diagnostic::Code`]).
//!
//! Always true:
//! - `$ref`s are resolved: a schema that refers to itself is a cycle of [`SchemaId`]s;
//! - `allOf` is merged, and `nullable: true` (3.0) and `type: [T, "null"]` (3.1) give the same schema.

mod announcements;
mod cells;
#[expect(clippy::module_inception, reason = "the room is named after what it gives")]
mod contract;
mod discriminator;
mod document;
mod draft;
mod keywords;
mod load;
mod model;
mod numbers;
mod operations;
mod parameters;
mod read;
mod reader;
mod schemas;
#[cfg(test)]
mod tests;

pub use contract::Contract;
pub use model::{
    Endpoint, IntegerFormat, Location, Parameter, RequestBody, Response, SchemaId, SchemaKind, StatusPattern, Style,
};
#[cfg(test)]
pub use numbers::NumberBound;
pub use numbers::NumberBounds;
pub use read::read;
#[cfg(any(test, feature = "fuzz"))]
pub use read::read_whole;

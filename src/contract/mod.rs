//! Contracts: OpenAPI text becomes endpoints with typed parameters and response shapes.
//!
//! In: the text of one OpenAPI 3.0 or 3.1 document, YAML or JSON, with local `$ref`s.
//! Out: a [`Contract`], or every finding with file, line and column.
//! Elsewhere: checking bindings against it ([`crate::compose`]).
//!
//! The way of data: `load` makes a tree with spans (`document`), `reader` looks things up in it, `operations` and
//! `parameters` read endpoints, `announcements` what their answers say of their end, `schemas` reads types with `keywords`,
//! `draft` and `discriminator`.
//!
//! Findings: the codes `E001` to `E026` and `W001` to `W003` ([`crate::diagnostic::Code`]).
//!
//! Always true:
//! - `$ref`s are resolved: a schema that refers to itself is a cycle of [`SchemaId`]s;
//! - `allOf` is merged, and `nullable: true` (3.0) and `type: [T, "null"]` (3.1) are the same here.

mod announcements;
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

pub use model::{
    Contract, Endpoint, IntegerFormat, Location, Parameter, RequestBody, Response, SchemaId, SchemaKind, StatusPattern,
    Style,
};
#[cfg(test)]
pub use numbers::NumberBound;
pub use numbers::NumberBounds;
pub use read::read;

//! Contracts: OpenAPI text becomes endpoints with typed parameters and response shapes.
//!
//! In: the text of one OpenAPI 3.0 or 3.1 document, YAML or JSON, with local `$ref`s.
//! Out: a [`Contract`], or every finding with file, line and column.
//! Elsewhere: checking bindings against it ([`crate::compose`]).
//!
//! Always true:
//! - `$ref`s are resolved: a schema that refers to itself is a cycle of [`SchemaId`]s;
//! - `allOf` is merged, and `nullable: true` (3.0) and `type: [T, "null"]` (3.1) are the same here.

mod model;

pub use model::{
    Contract, Discriminator, Endpoint, IntegerFormat, Location, Parameter, Property, RequestBody, Response, Schema,
    SchemaId, SchemaKind, StatusPattern, Style,
};

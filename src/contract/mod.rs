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
//! Findings: E001 no YAML or JSON · E002 too large · E003 too deep · E004 no OpenAPI · E005 key twice · E006 Swagger 2.0 ·
//! E007 other version · E008 wrong kind of value · E009 field missing · E010 reference to nothing · E011 reference to
//! another file · E012 circle of references or parts · E013 `operationId` twice · E014 placeholder without parameter ·
//! E015 path parameter not in the path · E016 unknown type · E017 no responses · E018 no status · E019 contradicting
//! parts · E020 value not of its type · E021 too many schemas · E022 discriminator leads elsewhere · E023 no path template ·
//! E024 parameter twice · E025 style not allowed · E026 unknown place of a parameter · W001 no JSON media type · W002 second
//! list of alternatives not read · W003 path parameter not required.
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

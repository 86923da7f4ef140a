//! Composition: contracts and service SDL become one graph, with shapes and lookups.
//!
//! In: the services' SDL files and the contracts that they name, as text.
//! Out: a [`Graph`], and every finding.
//! Elsewhere: what a client may see of it ([`crate::view`]); choosing among ways ([`crate::plan`]).
//!
//! Always true:
//! - every id in a graph is valid in it;
//! - a binding in a graph has been checked against its contract, where it has one.

mod agree;
mod call;
mod check;
mod composer;
mod graph;
mod graphql;
mod guard;
mod inputs;
mod list_size;
mod merge;
mod print;
mod read;
mod rest;
mod schema;
mod shape;
mod sizing;
mod source;
mod types;
mod way;

pub use crate::sdl::Origin;
pub use call::{Call, Fieldset, HeaderParameter, Input, ListForm, PathPart, QueryParameter, RestCall};
pub use composer::{ServiceFile, Services, compose, contract_paths};
pub use graph::{FieldId, Graph, ShapeId, SourceId, TypeId, WayId};
pub use print::print_graph;
pub use read::{From, JsonPath, Method, Read, Segment};
#[cfg(test)]
pub use shape::Slicing;
pub use shape::{ListBound, Shape, ShapeField, TypeChoice};
pub use source::{HeaderRule, HeaderValue, Source, SourceKind};
#[cfg(test)]
pub use types::{Argument, GraphField, GraphType};
pub use types::{Bounds, TypeKind, TypeRef};
pub use way::{Batch, CallerInputs, Effect, Entry, KeyPath, Pairing, Way};

#[cfg(test)]
mod demo_tests;
#[cfg(test)]
mod directive_tests;
#[cfg(test)]
mod federation_tests;
#[cfg(test)]
mod finding_tests;
#[cfg(test)]
mod tests;

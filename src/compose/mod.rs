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
mod sizing;

pub use crate::sdl::Origin;
pub use call::{Call, Fieldset, HeaderParameter, Input, ListForm, PathPart, QueryParameter, RestCall};
pub use composer::{ServiceFile, Services, compose, contract_paths};
pub use graph::{
    Answer, Argument, Batch, Bounds, CacheRule, CallerInputs, DeclaredStatus, Effect, Entry, FieldId, Graph,
    GraphField, GraphType, HeaderRule, HeaderValue, KeyPath, ListBound, Outcome, Pairing, Shape, ShapeField, ShapeId,
    ShapeVariant, Slicing, Source, SourceId, SourceKind, TypeChoice, TypeId, TypeKind, TypeRef, Way, WayId,
};
pub use print::print_graph;
pub use read::{From, JsonPath, Method, Read, Segment};

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

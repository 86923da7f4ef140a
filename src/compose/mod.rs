//! Composition: contracts and service SDL become one graph, with shapes and lookups.
//!
//! In: the services' SDL files, and the contracts that they name, as text. Out: a [`Graph`], and all findings.
//! Elsewhere: what a client may see of the graph ([`crate::view`]); the choice among ways ([`crate::plan`]).
//!
//! Always true:
//! - every id in a graph is valid in it;
//! - every binding in a graph was checked against its contract, if it has one.

mod agree;
mod bind;
mod check;
mod composer;
mod draft;
mod graph;
mod graph_types;
mod guard;
mod header;
mod ids;
mod inputs;
mod key;
mod kind;
mod list_size;
mod merge;
mod merged;
mod overrides;
mod print;
mod read;
mod request_value;
mod schema;
mod services;
mod shape;
mod sizing;
mod source;
mod types;
mod way;

pub use crate::sdl::Origin;
pub use composer::compose;
pub use graph::Graph;
pub use header::{HeaderRule, HeaderValue, ResolvedHeader};
pub use ids::{FieldId, ShapeId, SourceId, TypeId, WayId};
pub use kind::rest::{Fieldset, HeaderParameter, ListForm, PathPart, QueryParameter, RestCall};
pub use kind::{Call, GraphQlCall, Transport};
pub use print::print_graph;
pub use read::{From, JsonPath, Method, Read, Segment};
pub use request_value::Input;
pub use services::{ServiceFile, Services};
#[cfg(test)]
pub use shape::Slicing;
pub use shape::{ListBound, Shape, ShapeField, TypeChoice};
pub use source::Source;
#[cfg(test)]
pub use types::{Argument, GraphField, GraphType};
pub use types::{Bounds, TypeKind, TypeRef};
pub use way::{CallerInputs, Effect, Entry, KeyPath, Pairing, Way};

#[cfg(test)]
mod tests;

//! Which arguments say how long a list is.

use super::graph::{Graph, ListBound};
use std::collections::HashSet;

impl Graph {
    /// Names of the arguments, of whatever field, that a list's bound names: the bounds of a plan follow from their
    /// values.
    #[must_use]
    pub fn sizing_arguments(&self) -> HashSet<String> {
        let of_ways = self.ways.iter().map(|way| &way.answer.bound);
        let variants = self.shapes.iter().flat_map(|shape| &shape.variants);
        let of_fields = variants.flat_map(|variant| variant.fields.values()).map(|field| &field.bound);
        of_ways.chain(of_fields).filter_map(sizing_argument).map(str::to_owned).collect()
    }
}

fn sizing_argument(bound: &ListBound) -> Option<&str> {
    match bound {
        ListBound::Argument { name, .. } => Some(name),
        ListBound::Max(_) | ListBound::Unbounded => None,
    }
}

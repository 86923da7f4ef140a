//! The arguments that set the length of lists.

use super::graph::Graph;
use std::collections::HashSet;

impl Graph {
    /// The names of all arguments, of any field, that the bound of a list names. The bounds of a plan depend on their
    /// values.
    #[must_use]
    pub fn sizing_arguments(&self) -> HashSet<String> {
        let of_ways = self.ways.iter().map(|way| &way.answer.bound);
        let variants = self.shapes.iter().flat_map(|shape| &shape.variants);
        let of_fields = variants.flat_map(|variant| variant.fields.values()).map(|field| &field.bound);
        of_ways.chain(of_fields).flat_map(|bound| &bound.slicing).map(|slicing| slicing.argument.clone()).collect()
    }
}

//! Which arguments say how long a list is.

use super::graph::Graph;
use std::collections::HashSet;

impl Graph {
    /// Names of the arguments, of whatever field, that a list's bound names: the bounds of a plan follow from their
    /// values.
    #[must_use]
    pub fn sizing_arguments(&self) -> HashSet<String> {
        let of_ways = self.ways.iter().map(|way| &way.answer.bound);
        let variants = self.shapes.iter().flat_map(|shape| &shape.variants);
        let of_fields = variants.flat_map(|variant| variant.fields.values()).map(|field| &field.bound);
        of_ways.chain(of_fields).flat_map(|bound| &bound.slicing).map(|slicing| slicing.argument.clone()).collect()
    }
}

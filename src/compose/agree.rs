//! Whether two answers are read alike: they have the same fields of the same types, at the same places.
//!
//! In: two shapes of a graph. Out: whether one way of reading serves both.

use super::graph::Graph;
use super::ids::ShapeId;
use super::shape::{ShapeField, TypeChoice};
use std::collections::HashSet;

/// Whether two answers of these shapes are read alike. Each pair of shapes is compared once, so recursive shapes end.
pub(super) fn are_alike(graph: &Graph, one: ShapeId, other: ShapeId) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(one, other)];
    while let Some((one, other)) = open.pop() {
        if one != other && seen.insert((one, other)) && !are_alike_here(graph, one, other, &mut open) {
            return false;
        }
    }
    true
}

/// Compares two places without what is below them; `open` gets the pairs of shapes below.
fn are_alike_here(graph: &Graph, one: ShapeId, other: ShapeId, open: &mut Vec<(ShapeId, ShapeId)>) -> bool {
    let (one, other) = (graph.shape(one), graph.shape(other));
    let are_alike = one.ty == other.ty && is_same_choice(&one.choice, &other.choice);
    if !are_alike || one.variants.len() != other.variants.len() {
        return false;
    }
    one.variants.iter().zip(&other.variants).all(|(one, other)| {
        one.ty == other.ty
            && one.fields.len() == other.fields.len()
            && one.fields.iter().all(|(field, own)| {
                let same = other.fields.get(field).filter(|same| is_same_field(own, same));
                open.extend(same.and_then(|same| own.shape.zip(same.shape)));
                same.is_some()
            })
    })
}

fn is_same_choice(one: &TypeChoice, other: &TypeChoice) -> bool {
    match (one, other) {
        (TypeChoice::Only, TypeChoice::Only) => true,
        (TypeChoice::By { read, cases }, TypeChoice::By { read: other, cases: others }) => {
            read == other && cases == others
        }
        _ => false,
    }
}

fn is_same_field(one: &ShapeField, other: &ShapeField) -> bool {
    one.read == other.read && one.bound == other.bound && one.shape.is_some() == other.shape.is_some()
}

//! Look-ups in shapes: where a value is that an answer already has. The value is a leaf, or an object whose presence is
//! wanted.

use super::search::Held;
use crate::compose::{FieldId, From, Graph, JsonPath, KeyPath, Read, TypeChoice};

/// Finds a path of fields in a shape. Gives the path as one read, and its last field.
pub(super) fn held_path(graph: &Graph, held: Option<Held>, path: &KeyPath) -> Option<(Read, FieldId)> {
    let Held { mut shape, mut variant } = held?;
    let mut segments = Vec::new();
    let (&last, parents) = path.0.split_last()?;
    for field in parents {
        let held = graph.shape(shape).variants.get(variant)?.fields.get(field)?;
        let JsonPath(inner) = held.read.as_path()?;
        segments.extend(inner.iter().cloned());
        shape = held.shape?;
        variant = 0;
        if !matches!(graph.shape(shape).choice, TypeChoice::Only) {
            return None;
        }
    }
    let held = graph.shape(shape).variants.get(variant)?.fields.get(&last)?;
    if let Some(shape) = held.shape {
        let is_object = matches!(graph.shape(shape).choice, TypeChoice::Only) && !graph.field(last).ty.is_list();
        held.read.as_path().filter(|_| is_object)?;
    }
    let mut read = held.read.clone();
    if let From::Json(JsonPath(rest)) = &mut read.from {
        segments.append(rest);
        read.from = From::Json(JsonPath(segments));
    }
    Some((read, last))
}

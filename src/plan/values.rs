//! The greatest number of values in an answer, which follows from its leaves and the sizes of its lists.
//!
//! A value is a leaf or an item of a list. For an object of abstract type, the concrete type with the most values
//! counts. For a list, as many items count as its size says. Sums that are too large for 64 bits count as the largest
//! 64-bit number.

use super::deferred::DeferPlan;
use super::ids::FrameId;
use super::model::{Found, FoundValue, HopPlan, OutFieldPlan, OutKindPlan, OutObjectPlan, OutputPlan};
use crate::operation::{NodeId, OutId, OutType};
use std::collections::HashMap;

/// The node whose list has no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenList(pub(super) NodeId);

type Count = Result<u64, OpenList>;

/// Counts the values of an answer with all of its parts. `size` gives the greatest length of the list whose items are
/// the rows of a frame.
///
/// # Errors
/// The first node, in the order of the answer, whose list has no size.
pub(super) fn most_values(
    output: &OutputPlan,
    deferred: Option<&DeferPlan>,
    size: &dyn Fn(FrameId) -> Option<u64>,
) -> Count {
    let OutputPlan { objects, nodes, root, .. } = output;
    Counter { objects, nodes, deferred, size, known: HashMap::new() }.object(*root)
}

struct Counter<'a> {
    objects: &'a [OutObjectPlan],
    nodes: &'a [Found],
    deferred: Option<&'a DeferPlan>,
    size: &'a dyn Fn(FrameId) -> Option<u64>,
    known: HashMap<OutId, u64>,
}

impl Counter<'_> {
    fn object(&mut self, id: OutId) -> Count {
        if let Some(&known) = self.known.get(&id) {
            return Ok(known);
        }
        let mut most = 0;
        let objects = self.objects;
        for variant in &objects[id.index()].variants {
            let deferred = self.deferred.and_then(|deferred| deferred.objects.get(&(id, variant.ty)));
            let groups = deferred.map_or(&[][..], |object| object.groups.as_slice());
            let all = groups.iter().map(|(_, fields)| fields).chain([&variant.fields]);
            let mut sum = 0u64;
            for field in all.flatten() {
                sum = sum.saturating_add(self.field(field)?);
            }
            most = sum.max(most);
        }
        self.known.insert(id, most);
        Ok(most)
    }

    fn field(&mut self, field: &OutFieldPlan) -> Count {
        let own = u64::from(field.object().is_none());
        match &field.kind {
            OutKindPlan::Value { path, ty, .. } => Ok(own.saturating_add(self.path(path, ty)?)),
            _ => Ok(own),
        }
    }

    fn path(&mut self, path: &[HopPlan], ty: &OutType) -> Count {
        let Some((hop, rest)) = path.split_first() else {
            return match ty {
                OutType::Object { id, .. } => self.object(*id),
                _ => Ok(0),
            };
        };
        let nodes = self.nodes;
        let mut most = 0;
        for &(_, node) in &hop.nodes {
            most = self.value(&nodes[node.index()].value, node, hop.index, rest, ty)?.max(most);
        }
        Ok(most)
    }

    fn value(&mut self, value: &FoundValue, node: NodeId, pick: Option<u32>, rest: &[HopPlan], ty: &OutType) -> Count {
        let (size, item) = match value {
            FoundValue::Nothing | FoundValue::Leaf(_) => return Ok(0),
            FoundValue::Object { .. } => return self.path(rest, ty),
            FoundValue::Leaves { size, .. } => (*size, None),
            FoundValue::List { frame, item, .. } => ((self.size)(*frame), Some(item)),
        };
        let of = match (pick, ty) {
            (Some(_), ty) => ty,
            (None, OutType::List { of, .. }) => of,
            (None, _) => return Ok(0),
        };
        let inner = match (item, of) {
            (Some(item), of) => self.value(item, node, None, rest, of)?,
            // The size of a list inside a list of leaves is not known.
            (None, OutType::List { .. }) => return Err(OpenList(node)),
            (None, _) => 0,
        };
        match pick {
            Some(_) => Ok(inner),
            None => Ok(size.ok_or(OpenList(node))?.saturating_mul(inner.saturating_add(1))),
        }
    }
}

//! Refusals: an anonymous caller may not make a write whose answer the caller may not see.
//!
//! In: the answer of a mutation, as it will be written. Out: the steps whose calls need a caller who is signed in.
//! Elsewhere: what `@authenticated` means for types and fields ([`crate::compose`]); fields below the root that are
//! refused by themselves ([`crate::execute`]).
//!
//! A call is refused if the root of its answer would be refused whatever the service answers. This is so if
//! `@authenticated` stands on one of these:
//! - the field itself, or a field on its path in a flattened view;
//! - its type, all members of its union, or all implementers of its interface;
//! - all types of which the selection asks anything, if it does so only in fragments with type conditions;
//! - a field below it that must not be null, so that its error makes the root null (GraphQL §6.4.4).

use super::deferred::DeferPlan;
use super::ids::ROOT_FRAME;
use super::model::{HopPlan, OutFieldPlan, OutKindPlan, OutputPlan, Step};
use crate::operation::{OperationKind, OutId, OutType};

struct Refusals<'a> {
    output: &'a OutputPlan,
    deferred: Option<&'a DeferPlan>,
}

/// Marks the steps of root fields whose answer is refused to anonymous callers.
pub(super) fn mark(kind: OperationKind, steps: &mut [Step], output: &OutputPlan, deferred: Option<&DeferPlan>) {
    if kind != OperationKind::Mutation || !output.asks_identity() {
        return;
    }
    let refusals = Refusals { output, deferred };
    let fields = output.objects[output.root.index()].variants.iter().flat_map(|variant| &variant.fields);
    for field in fields.filter(|field| refusals.is_field_refused(field)) {
        let OutKindPlan::Value { path, .. } = &field.kind else { continue };
        let nodes = path.first().map_or(&[][..], |hop| &hop.nodes);
        let joins = nodes.iter().filter_map(|&(_, node)| output.nodes[node.index()].joins.first());
        let slots: Vec<_> = joins.map(|join| join.slot).collect();
        for step in &mut *steps {
            let is_its = step.feeds.iter().any(|feed| feed.frame == ROOT_FRAME && slots.contains(&feed.join));
            step.authenticated |= is_its;
        }
    }
}

impl Refusals<'_> {
    fn is_field_refused(&self, field: &OutFieldPlan) -> bool {
        let OutKindPlan::Value { path, ty, .. } = &field.kind else { return false };
        let is_refused = |hop: &HopPlan| {
            let mut nodes = hop.nodes.iter();
            !hop.nodes.is_empty() && nodes.all(|&(_, node)| self.output.authenticated[node.index()])
        };
        path.iter().any(is_refused) || self.is_value_refused(ty)
    }

    fn is_value_refused(&self, ty: &OutType) -> bool {
        match ty {
            OutType::Leaf { .. } => false,
            // An error in an item does not refuse the list, because the list may be empty.
            OutType::List { of, .. } => self.is_type_refused(of),
            OutType::Object { id, .. } => self.is_type_refused(ty) || self.is_object_refused(*id),
        }
    }

    /// Whether all types that the value can have are refused to anonymous callers.
    fn is_type_refused(&self, ty: &OutType) -> bool {
        match ty {
            OutType::Leaf { .. } => false,
            OutType::List { of, .. } => self.is_type_refused(of),
            OutType::Object { id, .. } => {
                let variants = &self.output.objects[id.index()].variants;
                !variants.is_empty() && variants.iter().all(|variant| self.output.guarded.contains(&variant.ty))
            }
        }
    }

    /// Whether all types for which the selection asks anything are refused.
    fn is_object_refused(&self, id: OutId) -> bool {
        let is_deferred = |ty| self.deferred.is_some_and(|deferred| deferred.objects.contains_key(&(id, ty)));
        let variants = self.output.objects[id.index()].variants.iter();
        let mut asked = variants.filter(|variant| !variant.fields.is_empty() || is_deferred(variant.ty)).peekable();
        asked.peek().is_some()
            && asked.all(|variant| {
                let takes_all = |field: &OutFieldPlan| !field.is_nullable() && self.is_field_refused(field);
                self.output.guarded.contains(&variant.ty) || variant.fields.iter().any(takes_all)
            })
    }
}

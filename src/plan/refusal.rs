//! Refusals: which writes an anonymous caller may not make, because the caller may not have their answer.
//!
//! In: the answer of a mutation, as it will be written. Out: the steps whose calls need a caller who is signed in.
//! Elsewhere: what `@authenticated` means for types and fields ([`crate::compose`]); fields of the answer that are refused by
//! themselves, below a root that is not ([`crate::execute`]).
//!
//! What would refuse the root of the answer, whatever the service says, refuses the call: the field itself, or one on its
//! path in a flattened view; its type; every member of its union, or every implementer of its interface; every type of which
//! anything is asked, where only type conditions ask; a field below that may not be null, and so takes the root with it
//! (GraphQL §6.4.4).

use super::deferred::DeferPlan;
use super::model::{HopPlan, OutFieldPlan, OutKindPlan, OutputPlan, ROOT_FRAME, Step};
use crate::operation::{OperationKind, OutType};

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
    let fields = output.objects[output.root as usize].variants.iter().flat_map(|variant| &variant.fields);
    for field in fields.filter(|field| refusals.is_field_refused(field)) {
        let OutKindPlan::Value { path, .. } = &field.kind else { continue };
        let nodes = path.first().map_or(&[][..], |hop| &hop.nodes);
        let joins = nodes.iter().filter_map(|&(_, node)| output.nodes[node as usize].joins.first());
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
            !hop.nodes.is_empty() && nodes.all(|&(_, node)| self.output.authenticated[node as usize])
        };
        path.iter().any(is_refused) || self.is_value_refused(ty)
    }

    fn is_value_refused(&self, ty: &OutType) -> bool {
        match ty {
            OutType::Leaf { .. } => false,
            // What fails in an item fails nothing of a list that has none.
            OutType::List { of, .. } => self.is_type_refused(of),
            OutType::Object { id, .. } => self.is_type_refused(ty) || self.is_object_refused(id.0),
        }
    }

    /// Whether no type that can stand here is for anonymous callers.
    fn is_type_refused(&self, ty: &OutType) -> bool {
        match ty {
            OutType::Leaf { .. } => false,
            OutType::List { of, .. } => self.is_type_refused(of),
            OutType::Object { id, .. } => {
                let variants = &self.output.objects[id.0 as usize].variants;
                !variants.is_empty() && variants.iter().all(|variant| self.output.guarded.contains(&variant.ty))
            }
        }
    }

    /// Whether each type of which anything is asked is refused.
    fn is_object_refused(&self, id: u32) -> bool {
        let is_deferred = |ty| self.deferred.is_some_and(|deferred| deferred.objects.contains_key(&(id, ty)));
        let variants = self.output.objects[id as usize].variants.iter();
        let mut asked = variants.filter(|variant| !variant.fields.is_empty() || is_deferred(variant.ty)).peekable();
        asked.peek().is_some()
            && asked.all(|variant| {
                let takes_all = |field: &OutFieldPlan| !field.is_nullable() && self.is_field_refused(field);
                self.output.guarded.contains(&variant.ty) || variant.fields.iter().any(takes_all)
            })
    }
}

//! `@defer`: the steps for which each part of the answer waits.
//!
//! Always true: the initial answer never waits for a step that only a deferred part needs.

use super::finish::out_fields;
use super::ids::{FrameId, StepId};
use super::model::{Found, OutFieldPlan, OutKindPlan, OutObjectPlan};
use super::planner::Planner;
use crate::compose::TypeId;
use crate::operation::{DeferredObject, OutId, UsageId};
use std::collections::{BTreeSet, HashMap};

/// What may come after the initial answer.
#[derive(Debug)]
pub struct DeferPlan {
    /// The steps from whose answers the initial answer is written.
    pub initial: Vec<StepId>,
    /// The deferred fragments. A fragment stands before those inside it.
    pub usages: Vec<UsagePlan>,
    /// The deferred fields of each object, by index into [`super::model::OutputPlan::objects`] and concrete type.
    pub objects: HashMap<(OutId, TypeId), DeferredObject<OutFieldPlan>>,
}

/// A deferred fragment at one place in the answer.
#[derive(Debug)]
pub struct UsagePlan {
    /// The client's name for the fragment (`@defer(label:)`).
    pub label: Option<String>,
    /// The deferred fragment around this one.
    pub parent: Option<UsageId>,
    /// The steps from whose answers its fields are written.
    pub steps: Vec<StepId>,
}

impl Planner<'_> {
    /// Plans the deferred parts; `None` if nothing is deferred.
    pub(super) fn deferred(&self, objects: &[OutObjectPlan], nodes: &[Found]) -> Option<DeferPlan> {
        let deferral = self.operation.deferral.as_ref()?;
        let roots = self.steps.iter().enumerate().map(|(at, step)| (step.root, StepId::at(at))).collect();
        let reader = Reader { roots, objects, nodes };
        let mut planned = HashMap::new();
        let mut steps = vec![BTreeSet::new(); deferral.usages.len()];
        for (&(out, ty), object) in &deferral.objects {
            let variant = &self.operation.outputs[out.index()].variants;
            let name = variant.iter().find(|variant| variant.ty == ty).map_or("", |variant| variant.name.as_str());
            let mut groups = Vec::with_capacity(object.groups.len());
            for (usages, fields) in &object.groups {
                let fields = out_fields(name, fields);
                for &usage in usages {
                    reader.fields(&fields, &mut steps[usage.index()]);
                }
                groups.push((usages.clone(), fields));
            }
            planned.insert((out, ty), DeferredObject { starts: object.starts.clone(), groups });
        }
        let mut initial = BTreeSet::new();
        reader.object(self.operation.output, &mut initial);
        let usages = deferral.usages.iter().zip(steps).map(|(usage, steps)| UsagePlan {
            label: usage.label.clone(),
            parent: usage.parent,
            steps: steps.into_iter().collect(),
        });
        Some(DeferPlan { initial: initial.into_iter().collect(), usages: usages.collect(), objects: planned })
    }
}

/// Finds the steps from whose answers a part is written. Each client object belongs to one set of fragments, so it is
/// visited once for each fragment of the set.
struct Reader<'a> {
    /// The step that fills each frame into which joins point.
    roots: HashMap<FrameId, StepId>,
    objects: &'a [OutObjectPlan],
    nodes: &'a [Found],
}

impl Reader<'_> {
    fn object(&self, id: OutId, steps: &mut BTreeSet<StepId>) {
        for variant in &self.objects[id.index()].variants {
            self.fields(&variant.fields, steps);
        }
    }

    fn fields(&self, fields: &[OutFieldPlan], steps: &mut BTreeSet<StepId>) {
        for field in fields {
            let OutKindPlan::Value { path, .. } = &field.kind else { continue };
            for &(_, node) in path.iter().flat_map(|hop| &hop.nodes) {
                let joins = self.nodes[node.index()].joins.iter();
                steps.extend(joins.filter_map(|join| self.roots.get(&join.frame)));
            }
            if let Some(id) = field.object() {
                self.object(id, steps);
            }
        }
    }
}

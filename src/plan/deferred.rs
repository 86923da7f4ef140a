//! `@defer`: which steps each part of the answer waits for.
//!
//! Always true: what the initial answer needs never waits for a step that only a deferred part needs.

use super::finish::out_fields;
use super::model::{Found, OutFieldPlan, OutKindPlan, OutObjectPlan, StepId};
use super::planner::{Planner, step_id};
use crate::compose::TypeId;
use crate::operation::{DeferredObject, UsageId};
use std::collections::{BTreeSet, HashMap};

/// What may come after the initial answer.
#[derive(Debug)]
pub struct DeferPlan {
    /// Steps that the initial answer reads from.
    pub initial: Vec<StepId>,
    /// The deferred fragments, outer ones first.
    pub usages: Vec<UsagePlan>,
    /// What is deferred, by index into [`super::model::OutputPlan::objects`] and concrete type.
    pub objects: HashMap<(u32, TypeId), DeferredObject<OutFieldPlan>>,
}

/// A deferred fragment at one place.
#[derive(Debug)]
pub struct UsagePlan {
    /// The client's name for it.
    pub label: Option<String>,
    /// The deferred fragment around it.
    pub parent: Option<UsageId>,
    /// Steps that its fields are read from.
    pub steps: Vec<StepId>,
}

impl Planner<'_> {
    /// How the deferred parts are written; `None` if there are none.
    pub(super) fn deferred(&self, objects: &[OutObjectPlan], nodes: &[Found]) -> Option<DeferPlan> {
        let deferral = self.operation.deferral.as_ref()?;
        let roots = self.steps.iter().enumerate().map(|(at, step)| (step.root, step_id(at))).collect();
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
                    reader.fields(&fields, &mut steps[usage as usize]);
                }
                groups.push((usages.clone(), fields));
            }
            planned.insert((out.0, ty), DeferredObject { starts: object.starts.clone(), groups });
        }
        let mut initial = BTreeSet::new();
        reader.object(self.operation.output.0, &mut initial);
        let usages = deferral.usages.iter().zip(steps).map(|(usage, steps)| UsagePlan {
            label: usage.label.clone(),
            parent: usage.parent,
            steps: steps.into_iter().collect(),
        });
        Some(DeferPlan { initial: initial.into_iter().collect(), usages: usages.collect(), objects: planned })
    }
}

/// Finds the steps that parts of the answer are read from. Each client object belongs to one part, so each is met once
/// per part that reads it.
struct Reader<'a> {
    /// Which step fills a frame that joins point into.
    roots: HashMap<u32, StepId>,
    objects: &'a [OutObjectPlan],
    nodes: &'a [Found],
}

impl Reader<'_> {
    fn object(&self, id: u32, steps: &mut BTreeSet<StepId>) {
        for variant in &self.objects[id as usize].variants {
            self.fields(&variant.fields, steps);
        }
    }

    fn fields(&self, fields: &[OutFieldPlan], steps: &mut BTreeSet<StepId>) {
        for field in fields {
            let OutKindPlan::Value { path, .. } = &field.kind else { continue };
            for &(_, node) in path.iter().flat_map(|hop| &hop.nodes) {
                let joins = self.nodes[node as usize].joins.iter();
                steps.extend(joins.filter_map(|join| self.roots.get(&join.frame)));
            }
            if let Some(id) = field.object() {
                self.object(id.0, steps);
            }
        }
    }
}

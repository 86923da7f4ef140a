//! `@defer`: which parts of an answer may come later, and in what order.
//!
//! In: the fragments of a valid document. Out: a [`Deferral`], which belongs to an [`super::Operation`].
//! Elsewhere: where `@defer` may stand (the compiler's validation); which steps a part waits for ([`crate::plan`]);
//! when a part is written ([`crate::execute`]).
//!
//! Always true: a field that is also selected outside of deferred fragments belongs to the initial answer.
//!
//! # Source
//! GraphQL, RFC "incremental delivery" (September 2025): `CollectFields`, `BuildExecutionPlan`.

use super::lowered::{OutField, OutId};
use super::outcomes::Outcomes;
use super::prepare::Prepared;
use crate::compose::TypeId;
use crate::ids::ids;
use apollo_compiler::ast::{Directive, DirectiveList};
use std::collections::HashMap;

ids! {
    /// A deferred fragment at one place in the answer, as an index into [`Deferral::usages`].
    pub UsageId
}

/// What may come after the initial answer.
#[derive(Debug, Default)]
pub struct Deferral {
    /// The deferred fragments; a fragment stands before those inside it.
    pub usages: Vec<DeferUsage>,
    /// What is deferred in each object, for objects in which something is deferred.
    pub objects: HashMap<(OutId, TypeId), DeferredObject<OutField>>,
}

/// A deferred fragment at one place in the answer.
#[derive(Debug, Clone)]
pub struct DeferUsage {
    /// The client's name for the fragment (`@defer(label:)`).
    pub label: Option<String>,
    /// The deferred fragment around this one.
    pub parent: Option<UsageId>,
}

/// What is deferred in an object of one concrete type.
#[derive(Debug)]
pub struct DeferredObject<F> {
    /// The fragments that begin in this object.
    pub starts: Vec<UsageId>,
    /// The deferred fields, grouped by the set of fragments through which alone they are reached.
    pub groups: Vec<(Vec<UsageId>, Vec<F>)>,
}

impl Deferral {
    /// The fragments whose delivery a field waits for, sorted; empty if the field belongs to the initial answer
    /// (`BuildExecutionPlan`).
    pub(super) fn group_of(&self, usages: impl Iterator<Item = Option<UsageId>>) -> Vec<UsageId> {
        let Some(mut set) = usages.collect::<Option<Vec<UsageId>>>() else { return Vec::new() };
        set.sort_unstable();
        set.dedup();
        let is_inside = |usage: UsageId| {
            let parents = std::iter::successors(self.parent(usage), |&parent| self.parent(parent));
            parents.into_iter().any(|parent| set.contains(&parent))
        };
        set.iter().copied().filter(|&usage| !is_inside(usage)).collect()
    }

    fn parent(&self, usage: UsageId) -> Option<UsageId> {
        self.usages[usage.index()].parent
    }

    pub(super) fn add(&mut self, label: Option<String>, parent: Option<UsageId>) -> UsageId {
        self.usages.push(DeferUsage { label, parent });
        // Each usage is one directive for one concrete type, so the limits of the operation bound their number.
        UsageId::at(self.usages.len() - 1)
    }
}

impl Prepared {
    /// Whether a fragment of the operation has `@defer`.
    #[must_use]
    pub fn has_defer(&self) -> bool {
        self.has_defer
    }

    /// The `@defer` of a fragment, unless the outcomes switch it off.
    pub(super) fn deferred<'a>(&self, outcomes: &Outcomes, directives: &'a DirectiveList) -> Option<&'a Directive> {
        if !outcomes.is_incremental() {
            return None;
        }
        let directive = directives.get("defer")?;
        self.condition(outcomes, directive).unwrap_or(true).then_some(&**directive)
    }
}

/// The `label` of a `@defer`.
pub(super) fn label(directive: &Directive) -> Option<String> {
    directive.specified_argument_by_name("label").and_then(|label| label.as_str()).map(str::to_owned)
}

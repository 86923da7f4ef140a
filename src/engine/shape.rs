//! A shape: an operation without its literal values, with the plans that were made for it.

use crate::execute::OperationScope;
use crate::operation::{Operation, Outcomes, Prepared, RequestError};
use crate::plan::Plan;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How many plans a shape keeps: one for each set of `@skip`, `@include` and `@defer` outcomes, and a second one for
/// anonymous callers if the operation asks for something that they may not have.
const MAX_PLANS: usize = 64;

/// An operation that is shared by all documents that differ only in literal values.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its key in the cache.
    key: String,
    pub(super) prepared: Prepared,
    /// Its name, for the responses.
    pub(super) name: Option<Arc<str>>,
    plans: RwLock<HashMap<Outcomes, PlanLookup, ahash::RandomState>>,
    /// The memory that it holds, in bytes.
    weight: AtomicUsize,
    /// How often it was used. Counting is not atomic: a lost count does no harm.
    uses: AtomicU32,
}

/// A plan, or why there is none: the same for all documents of a shape.
pub(super) type PlanLookup = Result<Arc<PlannedOperation>, Arc<[RequestError]>>;

/// A plan and what is checked before it is run.
#[derive(Debug)]
pub(super) struct PlannedOperation {
    /// Its number, which no other plan of this process ever has.
    pub(super) id: u64,
    pub(super) plan: Plan,
    /// What the check of bounds needs of the lowered operation.
    pub(super) lowered: Operation,
    /// What must be equal for sharing; `None` if the operation is not shared.
    pub(super) scope: Option<OperationScope>,
    /// Whether it asks for something that anonymous callers may not have.
    pub(super) asks_identity: bool,
}

impl PlannedOperation {
    pub(super) fn new(plan: Plan, lowered: Operation, scope: Option<OperationScope>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (id, asks_identity) = (NEXT.fetch_add(1, Ordering::Relaxed), plan.output.asks_identity());
        Self { id, plan, lowered: lowered.bounds_only(), scope, asks_identity }
    }

    fn weight(&self) -> usize {
        let scope = self.scope.as_ref().map_or(0, OperationScope::weight);
        size_of::<Self>() + self.plan.weight() + self.lowered.weight() + scope
    }
}

impl Shape {
    pub(super) fn new(key: String, prepared: Prepared) -> Self {
        let name = prepared.name().map(Arc::from);
        let weight = size_of::<Self>() + key.capacity() + prepared.weight();
        let (weight, uses) = (AtomicUsize::new(weight), AtomicU32::new(0));
        Self { key, prepared, name, plans: RwLock::default(), weight, uses }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The memory that it holds with all plans so far, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    /// Counts a use, and returns whether it is one of every `every` uses.
    pub(super) fn is_due(&self, every: u32) -> bool {
        let uses = self.uses.load(Ordering::Relaxed).wrapping_add(1);
        self.uses.store(uses, Ordering::Relaxed);
        uses.is_multiple_of(every)
    }

    /// Drops all plans. A request that is about to run one holds it already.
    pub(super) fn forget_plans(&self) {
        self.plans.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The plan for some outcomes, or the reason why there is none, if it was made before.
    pub(super) fn plan(&self, outcomes: &Outcomes) -> Option<PlanLookup> {
        self.plans.read().unwrap_or_else(PoisonError::into_inner).get(outcomes).cloned()
    }

    /// Keeps a plan, or the reason why there is none. Returns the plan to use, which is another thread's if that was
    /// faster, and whether the shape weighs more now.
    pub(super) fn keep(
        &self,
        outcomes: Outcomes,
        plan: Result<PlannedOperation, Arc<[RequestError]>>,
    ) -> (PlanLookup, bool) {
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = plans.get(&outcomes) {
            return (first.clone(), false);
        }
        let plan = plan.map(Arc::new);
        let has_room = plans.len() < MAX_PLANS;
        if has_room {
            let held = match &plan {
                Ok(planned) => planned.weight(),
                Err(errors) => errors.iter().map(RequestError::weight).sum(),
            };
            self.weight.fetch_add(held + outcomes.weight() + size_of::<PlanLookup>(), Ordering::Relaxed);
            plans.insert(outcomes, plan.clone());
        }
        (plan, has_room)
    }
}

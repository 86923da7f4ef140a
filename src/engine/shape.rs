//! A shape: an operation without its literal values, with the plans that were made for it.

use crate::execute::OperationScope;
use crate::operation::{Operation, Outcomes, Prepared, RequestError};
use crate::plan::Plan;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Plans kept per shape: one for each set of `@skip`, `@include` and `@defer` outcomes; for callers who are not signed in
/// another one, if something is asked for that they do not get.
const MAX_PLANS: usize = 64;

/// An operation that documents share which differ in literal values alone.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its key in the cache.
    key: String,
    pub(super) prepared: Prepared,
    /// Its name, for the responses.
    pub(super) name: Option<Arc<str>>,
    plans: RwLock<HashMap<Outcomes, PlanLookup, ahash::RandomState>>,
    /// Bytes of memory that it holds.
    weight: AtomicUsize,
    /// How often it was found; lost counts do not matter.
    uses: AtomicU32,
}

/// A plan, or why there is none: the same for all documents of a shape.
pub(super) type PlanLookup = Result<Arc<Planned>, Arc<[RequestError]>>;

/// A plan and what is checked before it is run.
#[derive(Debug)]
pub(super) struct Planned {
    /// Tells it from every other plan of this process, also when it is gone.
    pub(super) id: u64,
    pub(super) plan: Plan,
    /// The lowered operation, as far as bounds are checked by it.
    pub(super) lowered: Operation,
    /// What must be equal for sharing; `None`: it is not shared.
    pub(super) scope: Option<OperationScope>,
    /// Is something asked for that only callers who are signed in get?
    pub(super) asks_identity: bool,
}

impl Planned {
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

    /// Bytes of memory that it holds, all plans so far included.
    pub(super) fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    /// Counts a use. Is it one of every so many?
    pub(super) fn is_due(&self, every: u32) -> bool {
        let uses = self.uses.load(Ordering::Relaxed).wrapping_add(1);
        self.uses.store(uses, Ordering::Relaxed);
        uses.is_multiple_of(every)
    }

    /// Drops all plans; who is about to run one has it already.
    pub(super) fn forget_plans(&self) {
        self.plans.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The plan for some outcomes, or why there is none, if it was looked for before.
    pub(super) fn plan(&self, outcomes: &Outcomes) -> Option<PlanLookup> {
        self.plans.read().unwrap_or_else(PoisonError::into_inner).get(outcomes).cloned()
    }

    /// Keeps a plan, or why there is none. Returns what counts, for somebody may have been faster (plans are told apart
    /// by identity), and whether the shape weighs more now.
    pub(super) fn keep(&self, outcomes: Outcomes, plan: Result<Planned, Arc<[RequestError]>>) -> (PlanLookup, bool) {
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

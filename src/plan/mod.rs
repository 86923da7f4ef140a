//! Planning: which step gives which field at which place.
//!
//! In: a lowered [`Operation`] and the [`Graph`]. Out: a [`Plan`], or the field that cannot be had and why.
//! Elsewhere: running it ([`crate::execute`]).
//!
//! Always true:
//! - plans never touch the network and hold no conditions and no variables' values;
//! - steps form a DAG; a step waits only for the steps that feed it (and, in a mutation, for earlier root fields);
//! - planning is deterministic.

mod answer;
mod build;
mod capture;
mod choose;
mod deferred;
mod describe;
mod document;
mod error;
mod feed;
mod finish;
mod held;
mod list_size;
mod model;
mod planner;
mod refusal;
mod search;
#[cfg(test)]
pub(crate) mod tests;
mod values;
mod waits;
mod weight;
mod work;

pub use deferred::DeferPlan;
pub use describe::{describe, describe_values};
pub use error::PlanError;
pub use model::{
    AbstractCapture, Capture, Feed, Found, FoundValue, FrameId, HopPlan, Join, LeafRead, LeafSource, Member,
    ObjectCapture, OutFieldPlan, OutKindPlan, OutcomePlan, PairingPlan, Plan, ROOT_FRAME, SlotId, Step, StepId,
    SubgraphDocument, TypedLeaf,
};
pub use search::Search;

use crate::compose::{Graph, ShapeId, WayId};
use crate::operation::Operation;

/// Plans an operation.
///
/// # Errors
/// - [`PlanError::NoWay`] when a field cannot be had at its place; composition's probes make that a finding at load.
/// - [`PlanError::TooManySteps`] and [`PlanError::TooComplex`] when the operation is over a limit. Work is counted, not
///   timed, so an operation that was planned once is always planned.
pub fn plan(graph: &Graph, operation: &Operation) -> Result<Plan, PlanError> {
    counted(graph, operation).0
}

/// Plans an operation, and counts the work.
fn counted(graph: &Graph, operation: &Operation) -> (Result<Plan, PlanError>, u64) {
    let mut planner = planner::Planner::new(graph, operation, Search::default());
    let result = planner.run();
    let work = planner.work.done();
    (result.map(|()| planner.finish_plan()), work)
}

/// What planning for one place has shown.
#[derive(Debug)]
pub struct Probed {
    /// The shape of the answer at the place: places of equal type and shape can be planned alike.
    pub shape: Option<ShapeId>,
    /// The ways that lead to it.
    pub ways: Vec<WayId>,
}

/// Tries to plan an operation that asks for one place. `search` is kept from probe to probe of one graph.
///
/// Gives the outcome, and the work that was spent: some tens of nanoseconds each.
pub fn probe(graph: &Graph, operation: &Operation, search: &mut Search) -> (Result<Probed, PlanError>, u64) {
    let mut planner = planner::Planner::new(graph, operation, std::mem::take(search));
    let result = planner.run().map(|()| {
        let ways = planner.steps.iter().map(|step| step.key.way).collect();
        Probed { shape: planner.shapes.pop(), ways }
    });
    let work = planner.work.done();
    *search = planner.search;
    (result, work)
}

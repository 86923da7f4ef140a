//! Planning: which step gives which field at which place.
//!
//! In: a lowered [`Operation`] and the [`Graph`]. Out: a [`Plan`], or the field that no way gives and the reason.
//! Elsewhere: running the plan ([`crate::execute`]).
//!
//! Always true:
//! - planning does no I/O, and plans contain neither conditions nor the values of variables;
//! - steps form a directed acyclic graph: a step waits only for the steps that feed it and, in a mutation, for earlier
//!   root fields;
//! - the same operation and graph always give the same plan.

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
mod ids;
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
pub use ids::{FrameId, ROOT_FRAME, SlotId, StepId};
pub use model::{
    AbstractCapture, Capture, Feed, Found, FoundValue, HopPlan, Join, LeafRead, LeafSource, Member, ObjectCapture,
    OutFieldPlan, OutKindPlan, OutcomePlan, PairingPlan, Plan, Step, SubgraphDocument, Tag, TypedLeaf, When,
};
pub use search::Search;

use crate::compose::{Graph, ShapeId, WayId};
use crate::operation::Operation;

/// Plans an operation.
///
/// # Errors
/// - [`PlanError::NoWay`] if no way gives a field at its place. Composition tries all places, so that this is a finding
///   when the project is loaded.
/// - [`PlanError::TooManySteps`] and [`PlanError::TooComplex`] if the operation exceeds a limit. Work is counted, not
///   timed, so an operation that could be planned once can always be planned.
pub fn plan(graph: &Graph, operation: &Operation) -> Result<Plan, PlanError> {
    counted(graph, operation).0
}

/// Plans an operation and counts the work.
fn counted(graph: &Graph, operation: &Operation) -> (Result<Plan, PlanError>, u64) {
    let mut planner = planner::Planner::new(graph, operation, Search::default());
    let result = planner.run();
    let work = planner.work.done();
    (result.map(|()| planner.finish_plan()), work)
}

/// What a probe of one place has found.
#[derive(Debug)]
pub struct Probed {
    /// The shape of the answer at the place. Places with equal types and shapes are planned in the same way.
    pub shape: Option<ShapeId>,
    /// The ways that lead to the place.
    pub ways: Vec<WayId>,
}

/// Tries to plan an operation that asks for one place. `search` is kept for the next probe of the same graph.
///
/// Gives the outcome and the work in steps, each of which takes some tens of nanoseconds.
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

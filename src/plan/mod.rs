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
mod model;
mod planner;

pub use deferred::{DeferPlan, UsagePlan};
pub use describe::describe;
pub use error::PlanError;
pub use model::{
    AbstractCapture, Access, Capture, Feed, Found, FoundValue, FrameId, HopPlan, Join, LeafRead, LeafSource, Member,
    ObjectCapture, OutFieldPlan, OutKindPlan, OutObjectPlan, OutcomePlan, OutputPlan, PairingPlan, Plan, ROOT_FRAME,
    SlotId, Step, StepId, SubgraphDocument,
};

use crate::compose::{Graph, ShapeId, WayId};
use crate::operation::Operation;

/// Plans an operation.
///
/// # Errors
/// [`PlanError::NoWay`] when a field cannot be had at its place; composition's probes make that a finding at load.
pub fn plan(graph: &Graph, operation: &Operation) -> Result<Plan, PlanError> {
    let mut planner = planner::Planner::new(graph, operation);
    planner.run()?;
    Ok(planner.finish_plan())
}

/// What planning for one place has shown.
#[derive(Debug)]
pub struct Probed {
    /// The shape of the answer at the place: places of equal type and shape can be planned alike.
    pub shape: Option<ShapeId>,
    /// The ways that lead to it.
    pub ways: Vec<WayId>,
}

/// Tries to plan an operation that asks for one place.
///
/// # Errors
/// As [`plan`].
pub fn probe(graph: &Graph, operation: &Operation) -> Result<Probed, PlanError> {
    let mut planner = planner::Planner::new(graph, operation);
    planner.run()?;
    let ways = planner.steps.iter().map(|step| step.key.way).collect();
    Ok(Probed { shape: planner.shapes.pop(), ways })
}

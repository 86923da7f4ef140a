//! Series: whether a later root field of a mutation is still sent.
//!
//! In: a write that would be sent next. Out: whether an earlier field has made the whole answer null.
//!
//! Root fields of a mutation run one after the other (GraphQL §6.2.2). If a non-null one fails, `data` becomes null
//! (§6.4.4), and fields that have not begun may be cancelled. They are cancelled here, because a client that gets no
//! data could not see what they did; graphql-js does the same. If a nullable field fails, the next one is sent.

use super::cause::Causes;
use super::run::State;
use super::write::{Left, WriteCost, Writer, root_fields};
use crate::compose::{Input, TypeId};
use crate::operation::OperationKind;
use crate::plan::{OutFieldPlan, OutKindPlan, ROOT_FRAME, StepId};

/// How many root fields of a mutation were checked, and with which result.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// The number of root fields that were checked, from the first one on.
    looked_at: usize,
    /// Whether one of them has made the answer null.
    is_void: bool,
}

impl<'a> State<'a> {
    /// Whether the answer is null already, whatever this step would add. Then no more writes are sent for it.
    ///
    /// This step waits for the steps of all earlier fields, so they have ended.
    pub(super) async fn is_void(&mut self, number: usize, root: TypeId) -> bool {
        let (step, way, _) = self.step(number);
        if self.run.plan.kind != OperationKind::Mutation || way.is_safe || step.group == 0 || self.series.is_void {
            return self.series.is_void && !way.is_safe;
        }
        let (plan, output) = (self.run.plan, &self.run.plan.output);
        let joins = |field: &OutFieldPlan| match &field.kind {
            OutKindPlan::Value { path, .. } => {
                let nodes = path.first().map_or(&[][..], |hop| &hop.nodes);
                let node = nodes.first().map(|&(_, node)| &output.nodes[node.index()]);
                let join = node.and_then(|found| found.joins.first());
                step.feeds
                    .iter()
                    .any(|feed| feed.frame == ROOT_FRAME && join.is_some_and(|join| join.slot == feed.join))
            }
            _ => false,
        };
        let before = root_fields(plan, root).iter().position(joins).unwrap_or(0);
        let looked_at = self.series.looked_at;
        let mut left = Left::new(plan.deferred.as_ref().map_or(0, |deferred| deferred.usages.len()));
        let fields = root_fields(plan, root).get(looked_at..before.max(looked_at)).unwrap_or_default();
        self.series.is_void = self.are_void(fields, &mut left).await;
        self.series.looked_at = before.max(looked_at);
        self.series.is_void
    }

    /// Whether one of these root fields makes the whole answer null.
    async fn are_void(&mut self, fields: &'a [OutFieldPlan], left: &mut Left) -> bool {
        let run = self.run;
        let inputs = |step: StepId, input: &Input| run.input(step, input);
        let causes = Causes::new(run, &self.arena);
        let source = run.source(&self.arena, &inputs, &causes, WriteCost::default());
        let mut writer = match run.plan.deferred {
            Some(_) => Writer::leaving(&source, left),
            None => Writer::new(&source),
        };
        for field in fields.iter().filter(|field| !field.is_nullable()) {
            let is_void = loop {
                match writer.makes_void(field) {
                    Some(is_void) => break is_void,
                    None if self.pace.rest().await => {}
                    None => writer.give_up(),
                }
            };
            if is_void {
                return true;
            }
        }
        false
    }
}

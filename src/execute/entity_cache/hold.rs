//! For how long an answer holds as a whole, for those who keep whole answers.

use crate::cache::{Freshness, HoldLimits, Tag};
use crate::execute::run::{Run, State, now};
use crate::operation::OperationKind;

impl State<'_> {
    /// The state before any call. `None` if the answer is not to be kept.
    pub(in crate::execute) fn held_at_first(run: &Run<'_>) -> Option<HoldLimits> {
        let caching = run.caching.filter(|_| run.plan.kind == OperationKind::Query)?;
        let mut held = HoldLimits::new(now(), caching.cache.tags().mark());
        // A caller who is not signed in gets another answer.
        held.is_public = !run.plan.output.asks_identity();
        Some(held)
    }

    /// Limits the answer by one of its parts, which holds this long.
    pub(super) fn hold(&mut self, number: usize, freshness: &Freshness, tags: &[Tag]) {
        let (step, way, _) = self.step(number);
        let is_public = !step.authenticated && !way.caller.is_private();
        let Some(held) = &mut self.held else { return };
        held.is_public &= is_public;
        if !held.add(freshness, tags) {
            self.held = None;
        }
    }
}

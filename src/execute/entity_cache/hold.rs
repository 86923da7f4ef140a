//! What holds of an answer as a whole, for whoever keeps it whole.

use crate::cache::{Freshness, Held, Slot};
use crate::execute::run::{Run, State, now};
use crate::operation::OperationKind;

impl State<'_> {
    /// What holds before anything was asked; `None`: the answer is none to keep.
    pub(in crate::execute) fn held_at_first(run: &Run<'_>) -> Option<Held> {
        let caching = run.caching.filter(|_| run.plan.kind == OperationKind::Query)?;
        let mut held = Held::new(now(), caching.cache.tags().mark());
        // Who is not signed in gets another one.
        held.is_public = !run.plan.output.asks_identity();
        Some(held)
    }

    /// A part of the answer holds as long as this.
    pub(super) fn hold(&mut self, number: usize, freshness: &Freshness, tags: &[Slot]) {
        let (step, way, _) = self.step(number);
        let is_public = !step.authenticated && !way.caller.is_private();
        let Some(held) = &mut self.held else { return };
        held.is_public &= is_public;
        if !held.add(freshness, tags) {
            self.held = None;
        }
    }
}

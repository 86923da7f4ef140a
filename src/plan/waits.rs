//! Which step waits for which, directly or through others.

use super::model::StepId;

/// Most steps of one plan.
pub(super) const MAX_STEPS: usize = 256;

/// For each step, the set of those that must have ended before it.
#[derive(Debug, Default)]
pub(super) struct Waits(Vec<Set>);

/// A set of steps, one bit each.
type Set = [u64; MAX_STEPS / 64];

impl Waits {
    /// Adds a step that waits for nothing yet.
    pub(super) fn push(&mut self) {
        self.0.push(Set::default());
    }

    /// Makes a step wait for another, and for whatever that one waits for.
    pub(super) fn add(&mut self, step: StepId, other: StepId) {
        let mut added = self.0[other as usize];
        insert(&mut added, other);
        for (at, set) in self.0.iter_mut().enumerate() {
            if at == step as usize || contains(set, step) {
                set.iter_mut().zip(added).for_each(|(word, added)| *word |= added);
            }
        }
    }

    /// Does a step wait for another one, or is it that?
    pub(super) fn waits_for(&self, step: StepId, other: StepId) -> bool {
        step == other || contains(&self.0[step as usize], other)
    }
}

fn insert(set: &mut Set, step: StepId) {
    set[step as usize / 64] |= 1 << (step % 64);
}

fn contains(set: &Set, step: StepId) -> bool {
    set[step as usize / 64] & (1 << (step % 64)) != 0
}

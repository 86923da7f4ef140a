//! Which steps each step waits for, directly or through other steps.

use super::ids::StepId;

/// The most steps of one plan.
pub(super) const MAX_STEPS: usize = 256;

/// For each step, the set of steps that must have ended before it.
#[derive(Debug, Default)]
pub(super) struct Waits(Vec<Set>);

/// A set of steps with one bit for each step.
type Set = [u64; MAX_STEPS / 64];

impl Waits {
    /// Adds a step that does not wait for any other.
    pub(super) fn push(&mut self) {
        self.0.push(Set::default());
    }

    /// Makes a step wait for another step and for all steps for which that one waits.
    pub(super) fn add(&mut self, step: StepId, other: StepId) {
        let mut added = self.0[other.index()];
        insert(&mut added, other);
        for (at, set) in self.0.iter_mut().enumerate() {
            if at == step.index() || contains(set, step) {
                set.iter_mut().zip(added).for_each(|(word, added)| *word |= added);
            }
        }
    }

    /// Whether a step is the other step or waits for it.
    pub(super) fn waits_for(&self, step: StepId, other: StepId) -> bool {
        step == other || contains(&self.0[step.index()], other)
    }
}

fn insert(set: &mut Set, step: StepId) {
    set[step.index() / 64] |= 1 << (step.index() % 64);
}

fn contains(set: &Set, step: StepId) -> bool {
    set[step.index() / 64] & (1 << (step.index() % 64)) != 0
}

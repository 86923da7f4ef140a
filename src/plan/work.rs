//! The work of planning. It is counted in steps, so that an operation is either always planned or always refused.
//!
//! A step of work is one thing that is examined, such as a field, a way, an input of a lookup, a combination of ways,
//! or a step that could be shared. It takes some tens of nanoseconds.

use super::error::PlanError;

/// The most steps of work for one plan. Planning occupies a worker, so it should take some ten milliseconds at most. An
/// operation with 5,000 fields needs about a third of these steps.
pub(super) const MAX_WORK: u64 = 500_000;

/// The steps of work that were taken so far.
#[derive(Debug, Default)]
pub(super) struct Work {
    done: u64,
}

impl Work {
    /// Takes this many steps.
    ///
    /// # Errors
    /// [`PlanError::TooComplex`] if more than [`MAX_WORK`] steps are taken.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), PlanError> {
        self.done = self.done.saturating_add(u64::try_from(steps).unwrap_or(u64::MAX));
        if self.done > MAX_WORK { Err(PlanError::TooComplex { limit: MAX_WORK }) } else { Ok(()) }
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }
}

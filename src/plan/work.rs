//! The work of planning, counted in steps, so that the same operation is always planned or always refused.
//!
//! A step is one thing that is looked at: a field, a way in, a lookup's input, a combination of ways, a step to share. It
//! takes some tens of nanoseconds.

use super::error::PlanError;

/// Most steps of work for one plan: planning holds up a worker, so they are to take some ten milliseconds at most. An
/// operation of 5,000 fields needs about a third of them.
pub(super) const MAX_WORK: u64 = 500_000;

/// The steps that were taken.
#[derive(Debug, Default)]
pub(super) struct Work {
    done: u64,
}

impl Work {
    /// Takes so many steps.
    ///
    /// # Errors
    /// [`PlanError::TooComplex`] once all are used up.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), PlanError> {
        self.done = self.done.saturating_add(u64::try_from(steps).unwrap_or(u64::MAX));
        if self.done > MAX_WORK { Err(PlanError::TooComplex { limit: MAX_WORK }) } else { Ok(()) }
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }
}

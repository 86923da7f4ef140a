//! What an answer holds so far, and what it may hold.
//!
//! Bytes are compared where an object or an item of a list begins, and before a long text: what is short in between
//! adds less than the document's own length. Values are counted per object and per item, never per leaf.
//!
//! Always true: what reaches a bound is reported once, at the place where it was reached, and the field of the root that
//! it stands in becomes null.

use super::{Failure, Spent, Stop, Writer};
use crate::execute::bounds::Bounds;

/// Values in one slice of the work.
const SLICE: u64 = 2_048;
/// Bytes of long texts in one slice: those that are copied, and those that the methods of a mapping read.
const EFFORT: usize = 1 << 18;

/// The counters of one writer.
#[derive(Debug)]
pub(super) struct Meter {
    most_bytes: usize,
    most_values: u64,
    /// [`Bounds::answer_bytes`] and [`Bounds::values`], for messages.
    bounds: Bounds,
    before: Spent,
    /// Leaves and items so far, those of earlier parts included.
    pub(super) values: u64,
    /// At so many values there is something to do: the slice or the answer is full.
    halt: u64,
    slice: u64,
    /// Bytes of long texts that this slice has read.
    pub(super) effort: usize,
    /// Nobody waits any more.
    is_late: bool,
}

impl Meter {
    pub(super) fn new(bounds: &Bounds, before: Spent) -> Self {
        let mut meter = Self {
            most_bytes: bounds.answer_bytes.saturating_sub(before.bytes),
            most_values: bounds.values.unwrap_or(u64::MAX),
            bounds: *bounds,
            before,
            values: before.values,
            halt: 0,
            slice: SLICE,
            effort: 0,
            is_late: false,
        };
        meter.begin_slice();
        meter
    }

    /// Sets how many values a slice has.
    #[cfg(test)]
    pub(super) fn slice(&mut self, values: u64) {
        self.slice = values;
        self.begin_slice();
    }

    pub(super) fn begin_slice(&mut self) {
        self.effort = 0;
        if self.is_late {
            return;
        }
        self.halt = self.values.saturating_add(self.slice).min(self.most_values.saturating_add(1));
    }

    /// Lets nothing more be written.
    pub(super) fn give_up(&mut self) {
        (self.is_late, self.halt) = (true, 0);
    }

    pub(super) fn is_late(&self) -> bool {
        self.is_late
    }

    /// All that was written, with so many bytes by this writer.
    pub(super) fn spent(&self, bytes: usize) -> Spent {
        Spent { bytes: self.before.bytes.saturating_add(bytes), values: self.values }
    }

    /// The bound that is reached once so many bytes are written.
    fn reached(&self, bytes: usize) -> Option<Failure> {
        if self.is_late {
            return Some(Failure::new("DEADLINE_PASSED", "the request's deadline passed while its answer was written"));
        }
        if bytes > self.most_bytes {
            let message = format!(
                "the answer is larger than {} bytes; ask for shorter lists or fewer fields",
                self.bounds.answer_bytes
            );
            return Some(Failure::new("ANSWER_TOO_LARGE", message));
        }
        if self.values > self.most_values {
            let message = format!(
                "the answer holds more than {} values; ask for shorter lists or fewer fields",
                self.most_values
            );
            return Some(Failure::new("OVER_BUDGET", message));
        }
        None
    }
}

impl Writer<'_> {
    /// Counts an item of a list that is about to be written.
    #[inline]
    pub(super) fn count_item(&mut self) -> Result<(), Stop> {
        self.meter.values += 1;
        if self.meter.values < self.meter.halt && self.out.len() <= self.meter.most_bytes {
            return Ok(());
        }
        self.halted()
    }

    /// Counts the leaves of an object that is about to be written. Its bytes are looked at with the next item.
    #[inline]
    pub(super) fn count_leaves(&mut self, leaves: u32) -> Result<(), Stop> {
        self.meter.values += u64::from(leaves);
        if self.meter.values < self.meter.halt { Ok(()) } else { self.over(0) }
    }

    /// Is there room for what is counted, and for so many bytes more?
    #[inline]
    pub(super) fn check_room(&mut self, more: usize) -> Result<(), Stop> {
        if self.meter.values < self.meter.halt && self.out.len() + more <= self.meter.most_bytes {
            return Ok(());
        }
        self.over(more)
    }

    /// The slice is full, or the answer is.
    #[cold]
    fn halted(&mut self) -> Result<(), Stop> {
        self.over(0).and(Err(Stop::Paused))
    }

    /// Reports the bound that is reached, if one is.
    #[cold]
    pub(super) fn over(&mut self, more: usize) -> Result<(), Stop> {
        match self.meter.reached(self.out.len() + more) {
            None => Ok(()),
            Some(failure) => {
                self.report(&failure, None);
                Err(Stop::Over)
            }
        }
    }

    /// Ends the slice if its long texts were enough work for one.
    #[inline]
    pub(super) fn check_effort(&mut self) -> Result<(), Stop> {
        if self.meter.effort < EFFORT { Ok(()) } else { Err(Stop::Paused) }
    }
}

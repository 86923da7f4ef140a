//! Counters of what an answer has so far, and the bounds of what it may have.
//!
//! Bytes are compared where an object or an item of a list begins, and before a long text; short texts in between add
//! less than the document's own length. Values are counted per object and per item, never per leaf.
//!
//! Always true: a bound that is reached is reported once, at the place where it was reached, and the field of the root
//! around this place becomes null.

use super::{Failure, Stop, WriteCost, Writer};
use crate::execute::bounds::Bounds;

/// How many values are written in one slice of the work.
const SLICE: u64 = 2_048;
/// How many bytes of long texts are read in one slice: texts that are copied, and texts that the methods of a mapping
/// read.
const EFFORT: usize = 1 << 18;

/// The counters of one writer.
#[derive(Debug)]
pub(super) struct Meter {
    most_bytes: usize,
    most_values: u64,
    /// The bounds as they were set, for messages.
    bounds: Bounds,
    before: WriteCost,
    /// The leaves and items that were written so far, those of earlier parts included.
    pub(super) values: u64,
    /// The number of values at which the slice or the answer is full.
    halt: u64,
    slice: u64,
    /// Bytes of long texts that this slice has read.
    pub(super) effort: usize,
    /// Whether the deadline has passed, so that nobody waits any more.
    is_late: bool,
}

impl Meter {
    pub(super) fn new(bounds: &Bounds, before: WriteCost) -> Self {
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

    /// Makes every further value fail, because the deadline has passed.
    pub(super) fn give_up(&mut self) {
        (self.is_late, self.halt) = (true, 0);
    }

    pub(super) fn is_late(&self) -> bool {
        self.is_late
    }

    /// The size of all parts so far, of which this writer wrote `bytes` bytes.
    pub(super) fn spent(&self, bytes: usize) -> WriteCost {
        WriteCost { bytes: self.before.bytes.saturating_add(bytes), values: self.values }
    }

    /// The error of the bound that is exceeded with this number of bytes, if one is.
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

    /// Counts the leaves of an object that is about to be written. Its bytes are checked with the next item.
    #[inline]
    pub(super) fn count_leaves(&mut self, leaves: u32) -> Result<(), Stop> {
        self.meter.values += u64::from(leaves);
        if self.meter.values < self.meter.halt { Ok(()) } else { self.over(0) }
    }

    /// Checks that there is room for what was counted, and for `more` bytes.
    #[inline]
    pub(super) fn check_room(&mut self, more: usize) -> Result<(), Stop> {
        if self.meter.values < self.meter.halt && self.out.len() + more <= self.meter.most_bytes {
            return Ok(());
        }
        self.over(more)
    }

    /// Ends the slice, or the answer if a bound of it is reached.
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

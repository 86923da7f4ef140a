//! Slices: a long answer is written piece by piece, so that others have their turn in between.
//!
//! A writer that has worked for long enough returns [`Stop::Paused`] through all levels of its recursion. Each level
//! keeps its [`Level`] on the way out, the innermost first. The next slice takes the same way down, for the arena does
//! not change meanwhile: each level takes its own back and goes on behind what it has written.
//!
//! Always true: an answer in slices is the same, byte for byte, as one that was written at once.

#[cfg(test)]
use super::Source;
use super::{Spent, Stop, Writer, Written, parts};

/// Where one level of a paused writer has stopped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    /// The entry, or the item, that it was at; of a list in one text, the byte behind the item before.
    pub(super) next: usize,
    /// Of a list: items written.
    pub(super) number: usize,
    /// The answer's length when the value began, and when its item did.
    pub(super) mark: usize,
    pub(super) item: usize,
    /// What was left out, errors and values when the value began.
    pub(super) left: Option<parts::Mark>,
    pub(super) errors: u32,
    pub(super) values: u64,
}

impl<'a> Writer<'a> {
    /// Writes one slice. `false`: there is more to write.
    pub(in crate::execute) fn go_on(&mut self) -> bool {
        self.meter.begin_slice();
        match self.piece {
            None => self.whole(),
            Some(piece) => self.write_piece(piece),
        }
    }

    /// Nobody waits any more: what is not written becomes an error.
    pub(in crate::execute) fn give_up(&mut self) {
        self.meter.give_up();
    }

    #[cfg(test)]
    pub(in crate::execute) fn is_late(&self) -> bool {
        self.meter.is_late()
    }

    /// What all parts of the answer hold, up to this one.
    pub(in crate::execute) fn spent(&self) -> Spent {
        self.meter.spent(self.out.len())
    }

    /// The answer, after the last slice.
    pub(in crate::execute) fn written(self) -> Written {
        Written { body: self.out, errors: self.error_count, codes: self.codes }
    }

    /// The level that begins here.
    #[inline]
    pub(super) fn level(&self, next: usize) -> Level {
        Level {
            next,
            number: 0,
            mark: self.out.len(),
            item: self.out.len(),
            left: self.mark(),
            errors: self.error_count,
            values: self.meter.values,
        }
    }

    /// Where the level at hand has stopped; `None`: it begins.
    #[inline]
    pub(super) fn resume(&mut self) -> Option<Level> {
        self.saved.pop()
    }

    /// Keeps the level of what has paused.
    #[inline]
    pub(super) fn stopped(&mut self, stop: Stop, level: impl FnOnce() -> Level) -> Stop {
        if stop == Stop::Paused {
            self.saved.push(level());
        }
        stop
    }

    /// Keeps the outermost level. `false`, for [`Self::go_on`].
    pub(super) fn pause(&mut self, level: Level) -> bool {
        self.saved.push(level);
        false
    }
}

/// Writes the whole answer in one go, with copies and without, and in the smallest slices: all are the same.
#[cfg(test)]
pub(in crate::execute) fn check_slices(source: &Source<'_>, written: &Written) {
    let run = |mut writer: Writer<'_>, slice: u64| {
        loop {
            writer.meter.slice(slice);
            if writer.go_on() {
                return writer.written();
            }
        }
    };
    assert_eq!(*written, run(Writer::new(source), 1), "slices change the answer");
    let plain = run(Writer::new(source).without_copies(), u64::MAX);
    assert_eq!(plain, run(Writer::new(source).without_copies(), 1), "slices change an answer without copies");
    // A bound that is reached in a copy is reached at the object that is copied, not within it.
    let is_over = written.codes.iter().any(|code| *code == "OVER_BUDGET" || *code == "ANSWER_TOO_LARGE");
    assert!(*written == plain || is_over, "copies change the answer");
}

//! Slices: a long answer is written slice by slice, so that other tasks get their turn in between.
//!
//! A writer that has worked for long enough returns [`Stop::Paused`] through all levels of its recursion. Each level
//! saves its [`Level`] on the way out, the innermost first. The next slice descends in the same way, because the arena
//! does not change meanwhile: each level takes its own back and continues after what it has written.
//!
//! Always true: an answer that was written in slices is the same, byte for byte, as one that was written at once.

#[cfg(test)]
use super::Source;
use super::{Stop, WriteCost, Writer, WrittenAnswer, parts};

/// The position at which one level of a paused writer has stopped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    /// The index of the current entry or item; for a list in one text, the position after the previous item, in bytes.
    pub(super) next: usize,
    /// For a list: how many items were written.
    pub(super) number: usize,
    /// The length of the answer when the value began, and when its current item began.
    pub(super) mark: usize,
    pub(super) item: usize,
    /// What was left out, and the numbers of errors and values, when the value began.
    pub(super) left: Option<parts::Mark>,
    pub(super) errors: u32,
    pub(super) values: u64,
}

impl<'a> Writer<'a> {
    /// Writes one slice. Returns `false` if there is more to write.
    pub(in crate::execute) fn go_on(&mut self) -> bool {
        self.meter.begin_slice();
        match self.piece {
            None => self.whole(),
            Some(piece) => self.write_piece(piece),
        }
    }

    /// Makes everything that is not written yet an error, because nobody waits any more.
    pub(in crate::execute) fn give_up(&mut self) {
        self.meter.give_up();
    }

    #[cfg(test)]
    pub(in crate::execute) fn is_late(&self) -> bool {
        self.meter.is_late()
    }

    /// The size of all parts of the answer, up to this one.
    pub(in crate::execute) fn spent(&self) -> WriteCost {
        self.meter.spent(self.out.len())
    }

    /// The answer, after the last slice.
    pub(in crate::execute) fn written(self) -> WrittenAnswer {
        WrittenAnswer { body: self.out, errors: self.error_count, codes: self.codes }
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

    /// The position at which the current level has stopped. `None` if the level begins.
    #[inline]
    pub(super) fn resume(&mut self) -> Option<Level> {
        self.saved.pop()
    }

    /// Saves the level of a paused value.
    #[inline]
    pub(super) fn stopped(&mut self, stop: Stop, level: impl FnOnce() -> Level) -> Stop {
        if stop == Stop::Paused {
            self.saved.push(level());
        }
        stop
    }

    /// Saves the outermost level. Returns `false`, for [`Self::go_on`].
    pub(super) fn pause(&mut self, level: Level) -> bool {
        self.saved.push(level);
        false
    }
}

/// Writes the whole answer at once, with copies and without, and in the smallest slices, and asserts that all are
/// equal.
#[cfg(test)]
pub(in crate::execute) fn check_slices(source: &Source<'_>, written: &WrittenAnswer) {
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
    // If a bound is reached in a copy, the error is at the object that is copied, not within it.
    let is_over = written.codes.iter().any(|code| *code == "OVER_BUDGET" || *code == "ANSWER_TOO_LARGE");
    assert!(*written == plain || is_over, "copies change the answer");
}

//! The arena: the answers to the calls of one request, as rows of slots.
//!
//! Leaves are spans of the upstream bodies, which the arena keeps alive. Nothing is parsed twice or cloned.

use super::cause::Evidence;
use crate::plan::{FrameId, ROOT_FRAME, SlotId};
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;

/// One slot of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The answer had no value here.
    Unset,
    /// The value `null`.
    Null,
    /// An object is there. The number is that of its variant in the capture.
    Object(u32),
    /// The text of a JSON value, as a span of a body.
    Text { body: u32, start: u32, len: u32 },
    /// Consecutive rows of another frame.
    Rows { start: u32, len: u32 },
    /// Rows of another frame, listed in a range of [`Arena::indices`].
    Indexed { start: u32, len: u32 },
    /// A row of another step's root frame.
    Row(u32),
    /// An error, as an index into [`Arena::failures`].
    Failed(u32),
}

/// The reason why there is no value, in words that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The value of `extensions.code`.
    pub code: Cow<'static, str>,
    /// The message. It is made only of the schema and the caller's input.
    pub message: Cow<'static, str>,
    /// The name of the source, if one has failed.
    pub service: Option<Arc<str>>,
    /// The origin of the failure, for operators and developers. Clients in production never see it.
    pub evidence: Option<Evidence>,
}

impl Failure {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), service: None, evidence: None }
    }

    pub(super) fn of(mut self, service: &str) -> Self {
        self.service = Some(service.into());
        self
    }

    pub(super) fn by(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }
}

#[derive(Debug, Default)]
struct Frame {
    width: usize,
    slots: Vec<Slot>,
    rows: u32,
}

/// How many of the last errors a new one is compared with.
const ALIKE: usize = 16;

/// All rows of one request.
#[derive(Debug)]
pub(super) struct Arena {
    frames: Vec<Frame>,
    bodies: Vec<Bytes>,
    pub(super) indices: Vec<u32>,
    pub(super) failures: Vec<Failure>,
    /// Indices of errors that belong to no value: a service reported them about its answer as a whole. There is at most
    /// one for each answer.
    pub(super) unplaced: Vec<u32>,
}

impl Arena {
    pub(super) fn new(widths: &[u32]) -> Self {
        let frames = widths.iter().map(|&width| Frame { width: width as usize, ..Frame::default() }).collect();
        let mut arena =
            Self { frames, bodies: Vec::new(), indices: Vec::new(), failures: Vec::new(), unplaced: Vec::new() };
        arena.push_row(ROOT_FRAME);
        arena
    }

    /// Adds a row of unset slots.
    pub(super) fn push_row(&mut self, frame: FrameId) -> u32 {
        let frame = &mut self.frames[frame.index()];
        frame.slots.resize(frame.slots.len() + frame.width, Slot::Unset);
        frame.rows += 1;
        frame.rows - 1
    }

    pub(super) fn rows(&self, frame: FrameId) -> u32 {
        self.frames[frame.index()].rows
    }

    /// Drops the rows from `rows` on.
    pub(super) fn truncate(&mut self, frame: FrameId, rows: u32) {
        let frame = &mut self.frames[frame.index()];
        frame.slots.truncate(rows as usize * frame.width);
        frame.rows = frame.rows.min(rows);
    }

    #[inline]
    pub(super) fn get(&self, frame: FrameId, row: u32, slot: SlotId) -> Slot {
        let frame = &self.frames[frame.index()];
        frame.slots[row as usize * frame.width + slot.index()]
    }

    #[inline]
    pub(super) fn set(&mut self, frame: FrameId, row: u32, slot: SlotId, value: Slot) {
        let frame = &mut self.frames[frame.index()];
        frame.slots[row as usize * frame.width + slot.index()] = value;
    }

    pub(super) fn add_body(&mut self, body: Bytes) -> u32 {
        self.bodies.push(body);
        index(self.bodies.len() - 1)
    }

    /// The slot of an error. An error that equals one of the last few is not stored again, because a body can be wrong
    /// in the same way in a million places.
    pub(super) fn fail(&mut self, failure: Failure) -> Slot {
        let first = self.failures.len().saturating_sub(ALIKE);
        let known = self.failures[first..].iter().position(|known| *known == failure).map(|at| first + at);
        let number = known.unwrap_or_else(|| {
            self.failures.push(failure);
            self.failures.len() - 1
        });
        Slot::Failed(index(number))
    }

    pub(super) fn body(&self, body: u32) -> &[u8] {
        &self.bodies[body as usize]
    }

    /// The number of the body that a text is a part of, and the offset of the text there, in bytes.
    pub(super) fn offset_of(&self, text: &[u8]) -> Option<(u32, usize)> {
        let start = text.as_ptr() as usize;
        self.bodies.iter().enumerate().find_map(|(number, body)| {
            let offset = start.checked_sub(body.as_ptr() as usize)?;
            (offset + text.len() <= body.len()).then(|| (index(number), offset))
        })
    }

    /// Reports an error that belongs to no value.
    pub(super) fn report(&mut self, failed: Slot) {
        if let Slot::Failed(error) = failed {
            self.unplaced.push(error);
        }
    }

    /// The JSON text of a [`Slot::Text`]. It is UTF-8, which was checked when the body was projected.
    #[inline]
    pub(super) fn text(&self, body: u32, start: u32, len: u32) -> &[u8] {
        &self.bodies[body as usize][start as usize..(start + len) as usize]
    }
}

/// Converts an index or a size of the arena. They are bounded by the sizes of bodies, far below 2³².
pub(super) fn index(at: usize) -> u32 {
    u32::try_from(at).expect("bodies are capped below 4 GiB")
}

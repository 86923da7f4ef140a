//! Projection: an upstream body is read once, straight into the arena; what no plan needs is skipped.
//!
//! In: a body and the step's [`Capture`]. Out: rows and slots in the [`Arena`].
//! Here is what is done with the values of a body ([`Reading`]): rows, pairs, and failures of values of a wrong type.
//! `scan` reads the text. `seed` does the same with `serde_json`: it is the oracle with which tests and fuzzing compare
//! `scan`.
//!
//! Always true:
//! - a body that is not JSON (RFC 8259) leaves no row behind;
//! - a value of the wrong type fails its own slots only;
//! - of the items of all lists of a body, no more than a given number are kept;
//! - nesting is bounded ([`crate::json::MAX_DEPTH`]), whether a value is kept, copied or skipped.

#[cfg(any(test, feature = "fuzz"))]
pub(super) mod compare;
mod items;
mod pairs;
mod scan;
#[cfg(any(test, feature = "fuzz"))]
mod seed;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use items::Items;
pub(super) use pairs::{KeyIndex, Pairs, most_items};
pub(super) use walk::values;

use super::arena::{Arena, Failure, Slot, index};
use super::cause::Evidence;
use super::leaf;
use super::required::fits;
use crate::json::Malformed;
use crate::plan::{AbstractCapture, Capture, FrameId, ObjectCapture, SlotId, Tag, TypedLeaf};
use bytes::Bytes;
use std::ops::Range;

/// The row that a body fills, and the bound of its items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) frame: FrameId,
    pub(super) row: u32,
    /// How many items of all lists of the body are kept at most, those of inner lists included.
    pub(super) max_items: u32,
}

/// Findings about a body that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Whether an item of a batched answer has no readable key.
    pub(super) has_keyless: bool,
    /// Whether a value is not the object or the list that it should be. Then the body is not cached as it is.
    pub(super) is_broken: bool,
}

/// Why a body is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenBody {
    /// The body is not JSON.
    NotJson,
    /// The items cannot be told apart, or there is no list of items. Says what is there instead.
    Items(&'static str),
    /// The body has more items than may be kept.
    TooLong,
}

/// Reads a body. If it is of no use, the frames are left as they were.
///
/// A batched answer without its list is of no use, because it would look like entities that do not exist. If an item
/// has no readable key, only the keys that have an item can be used, because that item could belong to any other key.
pub(super) fn project(
    capture: &Capture,
    arena: &mut Arena,
    body: &Bytes,
    target: Target,
    pairs: Option<Pairs<'_>>,
    frames: &[FrameId],
) -> Result<Read, BrokenBody> {
    project_by(scan::read, capture, arena, body, target, pairs, frames)
}

/// Whether a leaf in a row from `before` on does not fit its type. Null fits every type: whether it is allowed there is
/// checked elsewhere.
pub(super) fn misfits(arena: &Arena, leaves: &[TypedLeaf], frames: &[FrameId], before: &[u32]) -> bool {
    leaves.iter().any(|leaf| {
        let start = frames.iter().zip(before).find(|(frame, _)| **frame == leaf.frame).map_or(0, |(_, rows)| *rows);
        (start..arena.rows(leaf.frame)).any(|row| !leaf_fits(arena, leaf, row))
    })
}

fn leaf_fits(arena: &Arena, TypedLeaf { frame, slot, then, ty }: &TypedLeaf, row: u32) -> bool {
    let Slot::Text { body, start, len } = arena.get(*frame, row, *slot) else { return true };
    let text = arena.text(body, start, len);
    if then.is_empty() {
        return fits(ty, text);
    }
    let value = leaf::apply(String::from_utf8_lossy(text), then);
    value.is_none_or(|value| fits(ty, value.as_bytes()))
}

/// Projects a body with one of the two readers.
fn project_by(
    read: impl FnOnce(&mut Reading<'_, '_>, &[u8], &Capture, Target) -> Result<(), Malformed>,
    capture: &Capture,
    arena: &mut Arena,
    body: &Bytes,
    target: Target,
    pairs: Option<Pairs<'_>>,
    frames: &[FrameId],
) -> Result<Read, BrokenBody> {
    let before: smallvec::SmallVec<[u32; 8]> = frames.iter().map(|&frame| arena.rows(frame)).collect();
    let number = arena.add_body(body.clone());
    let max_items = target.max_items;
    let mut reading = Reading {
        arena,
        body: number,
        pairs,
        items: None,
        has_keyless: false,
        faults: 0,
        is_over: false,
        max_items,
        items_left: max_items,
    };
    let result = match read(&mut reading, body, capture, target) {
        Ok(()) => reading.check_items(),
        Err(Malformed) => Err(BrokenBody::NotJson),
    };
    let summary = Read { has_keyless: reading.has_keyless, is_broken: reading.faults > 0 };
    if result.is_err() {
        for (&frame, rows) in frames.iter().zip(before) {
            arena.truncate(frame, rows);
        }
    }
    result.map(|()| summary)
}

/// The state of reading a body, for both readers.
struct Reading<'a, 'k> {
    arena: &'a mut Arena,
    body: u32,
    pairs: Option<Pairs<'k>>,
    /// How many items the batched answer had. `None` if it had no list.
    items: Option<u32>,
    /// Whether there was an item whose key cannot be read.
    has_keyless: bool,
    /// How many values were not the object or the list that they should be.
    faults: u32,
    /// Whether a batched answer had more items than may be kept.
    is_over: bool,
    /// How many items of lists may be kept in all, and how many more may be kept now.
    max_items: u32,
    items_left: u32,
}

impl Reading<'_, '_> {
    /// The slot of a value that is not null, from the range of its text in the body.
    #[inline]
    fn slot(&self, text: Range<usize>) -> Slot {
        Slot::Text { body: self.body, start: index(text.start), len: index(text.len()) }
    }

    /// Fails every slot of this row that a capture would have filled.
    fn fail(&mut self, capture: &Capture, frame: FrameId, row: u32, with: Slot) {
        match capture {
            Capture::Leaf(slot) | Capture::List { slot, .. } => self.arena.set(frame, row, *slot, with),
            Capture::Object(object) => self.fail_object(object, frame, row, with),
            Capture::Index { item, .. } => self.fail(item, frame, row, with),
            Capture::Abstract(of) => {
                self.arena.set(frame, row, of.tag, with);
            }
            Capture::Many(all) => all.iter().for_each(|capture| self.fail(capture, frame, row, with)),
            Capture::Items { .. } => {}
        }
    }

    fn fail_object(&mut self, object: &ObjectCapture, frame: FrameId, row: u32, with: Slot) {
        self.tag(object, frame, row, |_| with);
        for (_, capture) in &object.properties {
            self.fail(capture, frame, row, with);
        }
    }

    /// Sets an object's tags, each by its variant.
    #[inline]
    fn tag(&mut self, object: &ObjectCapture, frame: FrameId, row: u32, with: impl Fn(u32) -> Slot) {
        for &Tag { slot: tag, variant } in &object.tags {
            self.arena.set(frame, row, tag, with(variant));
        }
    }

    /// Fails the slots of an object, because something else is there.
    fn not_an_object(&mut self, object: &ObjectCapture, frame: FrameId, row: u32, found: &'static str) {
        let failed = self.wrong_type("an object", found);
        self.fail_object(object, frame, row, failed);
    }

    /// Fails the slots of a list, because something else is there.
    fn not_a_list(&mut self, capture: &Capture, frame: FrameId, row: u32, found: &'static str) {
        let failed = self.wrong_type("a list", found);
        self.fail(capture, frame, row, failed);
    }

    fn wrong_type(&mut self, wanted: &'static str, found: &'static str) -> Slot {
        self.faults += 1;
        let message = format!("the service answered with {found} where {wanted} was expected");
        self.arena.fail(Failure::new("UPSTREAM_SHAPE", message).by(Evidence::Kind { expected: wanted, got: found }))
    }

    /// Whether a value's text is an object, so that its type can be found. If not, the tag says what it is.
    fn is_object(&mut self, of: &AbstractCapture, text: &[u8], (frame, row): (FrameId, u32)) -> bool {
        let instead = match text.first() {
            Some(b'{') => return true,
            Some(b'n') => Slot::Null,
            _ => self.wrong_type("an object", "something else"),
        };
        self.arena.set(frame, row, of.tag, instead);
        false
    }

    /// The capture of an object of abstract type, by the text of its discriminator. `None` if the type is not known.
    fn variant<'c>(
        &mut self,
        of: &'c AbstractCapture,
        discriminator: Option<&str>,
        (frame, row): (FrameId, u32),
    ) -> Option<&'c ObjectCapture> {
        let token = discriminator.and_then(|text| leaf::apply(text.into(), &of.then));
        let text = token.as_deref().and_then(leaf::canonical);
        let case = text.and_then(|text| of.cases.iter().find(|(case, _)| *case == *text));
        let object = case.and_then(|&(_, variant)| of.variants.get(variant as usize));
        if object.is_none() {
            self.faults += 1;
            let failure = Failure::new("UPSTREAM_SHAPE", "the service answered with an object of unknown type");
            let expected = "an object whose type can be told";
            let failure = failure.by(Evidence::Kind { expected, got: "an object of unknown type" });
            let failed = self.arena.fail(failure);
            self.arena.set(frame, row, of.tag, failed);
        }
        object
    }

    /// Begins a list.
    #[inline]
    fn begin_list(&self, items: FrameId, bound: Option<u64>) -> GrowingRows {
        GrowingRows {
            items,
            start: self.arena.rows(items),
            most: bound.unwrap_or(u64::MAX),
            items_left: self.items_left,
        }
    }

    /// The number of items of a list so far.
    #[inline]
    fn len(&self, list: &GrowingRows) -> u32 {
        self.arena.rows(list.items) - list.start
    }

    /// Whether a list may have no more items.
    #[inline]
    fn is_full(&self, list: &GrowingRows) -> bool {
        self.items_left == 0 || u64::from(self.len(list)) >= list.most
    }

    /// Adds a row for the next item of a list.
    #[inline]
    fn push_item(&mut self, items: FrameId) -> u32 {
        self.items_left = self.items_left.saturating_sub(1);
        self.arena.push_row(items)
    }

    /// The value of a list that is longer than allowed. Its rows are dropped.
    fn too_long(&mut self, list: &GrowingRows, item: &Capture) -> Slot {
        let is_over_its_own = u64::from(self.len(list)) >= list.most;
        let most = if is_over_its_own { list.most } else { self.max_items.into() };
        self.forget(list.items, item, list.start);
        self.items_left = list.items_left;
        self.faults += 1;
        let message = format!("the service answered with more than {most} items");
        self.arena.fail(Failure::new("UPSTREAM_LIST_TOO_LONG", message))
    }

    /// Drops the rows of a list that nobody will read, and of the lists in them, so that nothing is fetched for them.
    /// Rows are made depth first, so those of inner lists are the last of their frames.
    fn forget(&mut self, items: FrameId, item: &Capture, start: u32) {
        let mut lists = Vec::new();
        inner_lists(item, &mut lists);
        for (slot, inner, capture) in lists {
            let first = (start..self.arena.rows(items)).find_map(|row| match self.arena.get(items, row, slot) {
                Slot::Rows { start, .. } => Some(start),
                _ => None,
            });
            if let Some(first) = first {
                self.forget(inner, capture, first);
            }
        }
        self.arena.truncate(items, start);
    }
}

/// A list whose items become rows.
struct GrowingRows {
    items: FrameId,
    /// The first row of the list.
    start: u32,
    /// The greatest number of items that the plan allows this list.
    most: u64,
    /// How many more items could be kept when the list began.
    items_left: u32,
}

/// The lists of a row: the slot, the frame, and the capture of each item.
fn inner_lists<'c>(capture: &'c Capture, lists: &mut Vec<(SlotId, FrameId, &'c Capture)>) {
    match capture {
        Capture::Leaf(_) | Capture::Items { .. } => {}
        Capture::List { slot, frame, item, .. } => lists.push((*slot, *frame, item)),
        Capture::Object(object) => object.properties.iter().for_each(|(_, inner)| inner_lists(inner, lists)),
        Capture::Index { item, .. } => inner_lists(item, lists),
        Capture::Abstract(of) => {
            let properties = of.variants.iter().flat_map(|object| &object.properties);
            properties.for_each(|(_, inner)| inner_lists(inner, lists));
        }
        Capture::Many(all) => all.iter().for_each(|inner| inner_lists(inner, lists)),
    }
}

/// The index of the wanted property with this name. Services mostly keep the order of properties, so the search starts
/// after the last one that was found.
#[inline]
fn property(properties: &[(Box<str>, Capture)], expected: usize, name: &[u8]) -> Option<usize> {
    let (before, behind) = properties.split_at(expected.min(properties.len()));
    let is_it = |(wanted, _): &(Box<str>, Capture)| wanted.as_bytes() == name;
    let found = behind.iter().position(is_it).map(|at| at + before.len());
    found.or_else(|| before.iter().position(is_it))
}

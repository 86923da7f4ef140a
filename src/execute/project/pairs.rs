//! Pairing: which item of a batched answer belongs to which key.

use super::{BrokenBody, Reading, misfits};
use crate::execute::arena::Slot;
use crate::execute::leaf;
use crate::plan::{FrameId, PairingPlan, TypedLeaf};
use std::collections::HashMap;
use std::ops::Range;

/// The keys of one step in canonical text, and their numbers.
pub(in crate::execute) type KeyIndex = HashMap<Box<[u8]>, u32, ahash::RandomState>;

/// How the items of a batched answer are paired with keys.
pub(in crate::execute) struct Pairs<'a> {
    pub(in crate::execute) pairing: PairingPlan,
    pub(in crate::execute) keys: &'a KeyIndex,
    /// The frames to roll back when an item belongs to no key.
    pub(in crate::execute) frames: &'a [FrameId],
    /// The number of the first key of this call, and how many keys it asks for.
    pub(in crate::execute) asked: (u32, u32),
    /// The key and the row of each item, in the answer's order. The row is `None` if the item was null.
    pub(in crate::execute) found: &'a mut Vec<(u32, Option<u32>)>,
    /// How many items were read for each key. Items beyond what a key may have get no row, so that nothing is fetched
    /// for them.
    pub(in crate::execute) counts: &'a mut [u64],
    /// The leaves whose types are checked. Empty unless the answer is to be cached.
    pub(in crate::execute) leaves: &'a [TypedLeaf],
    /// The keys of items in which a value is not the object or list that it should be, or a leaf of `leaves` does not
    /// fit its type.
    pub(in crate::execute) broken: &'a mut Vec<u32>,
    /// The key and the range of each item that is paired. `None` if nobody needs them.
    pub(in crate::execute) spans: Option<&'a mut Vec<(u32, Range<usize>)>>,
}

/// The greatest number of items that one key may have.
pub(in crate::execute) fn most_items(pairing: PairingPlan) -> u64 {
    match pairing {
        PairingPlan::Group { bound, .. } => bound.unwrap_or(u64::MAX),
        _ => 1,
    }
}

/// The state before an item: the rows of the step's frames, and how many more items may be kept.
pub(super) struct Before {
    rows: smallvec::SmallVec<[u32; 8]>,
    pub(super) items_left: u32,
    faults: u32,
}

impl Reading<'_, '_> {
    /// Checks that the answer is of use as a whole.
    pub(super) fn check_items(&self) -> Result<(), BrokenBody> {
        let Some(pairs) = &self.pairs else { return Ok(()) };
        match (self.items, pairs.pairing) {
            (_, PairingPlan::Single) => Ok(()),
            (None, _) => Err(BrokenBody::Items("something else where a list was expected")),
            (Some(count), PairingPlan::Position) if count != pairs.asked.1 => {
                Err(BrokenBody::Items("another number of items than was asked for"))
            }
            (Some(_), _) if self.is_over => Err(BrokenBody::TooLong),
            // The item could belong to the list of any key.
            (Some(_), PairingPlan::Group { .. }) if self.has_keyless => {
                Err(BrokenBody::Items("an item that lacks its key"))
            }
            (Some(_), _) => Ok(()),
        }
    }

    /// Takes the state before an item, for [`Self::keep_item`].
    pub(super) fn before_item(&self) -> Before {
        let frames = self.pairs.as_ref().map_or(&[][..], |pairs| pairs.frames);
        let rows = frames.iter().map(|&frame| self.arena.rows(frame)).collect();
        Before { rows, items_left: self.items_left, faults: self.faults }
    }

    /// Pairs an item with its key, or drops it with all its rows if nobody asked for it.
    pub(super) fn keep_item(
        &mut self,
        (items, row): (FrameId, u32),
        position: u32,
        is_null: bool,
        before: Before,
        text: Range<usize>,
    ) {
        let is_wanted = !self.is_over && self.pair(items, row, position, is_null);
        if is_wanted && before.items_left > 0 {
            if let Some(Pairs { found, spans, broken, leaves, frames, .. }) = &mut self.pairs
                && let Some(&(key, _)) = found.last()
            {
                let has_misfit = || misfits(self.arena, leaves, frames, &before.rows);
                if self.faults > before.faults || has_misfit() {
                    broken.push(key);
                }
                if let Some(spans) = spans {
                    spans.push((key, text));
                }
            }
            return;
        }
        // With one item too many the whole answer fails, because it cannot be told whose items are missing.
        self.is_over |= is_wanted;
        let frames = self.pairs.as_ref().map_or(&[][..], |pairs| pairs.frames);
        for (&frame, rows) in frames.iter().zip(before.rows) {
            self.arena.truncate(frame, rows);
        }
        self.items_left = before.items_left;
    }

    /// Pairs an item with its key. Returns `false` if nobody asked for it.
    fn pair(&mut self, items: FrameId, row: u32, position: u32, is_null: bool) -> bool {
        let Some(pairs) = &mut self.pairs else { return true };
        let slot = match pairs.pairing {
            PairingPlan::Single => return true,
            PairingPlan::Position => {
                let (first, count) = pairs.asked;
                if position < count {
                    pairs.found.push((first + position, Some(row)));
                }
                return position < count;
            }
            PairingPlan::Index { key } | PairingPlan::Group { key, .. } => key,
        };
        let text = match self.arena.get(items, row, slot) {
            Slot::Text { body, start, len } => self.arena.text(body, start, len),
            _ => &[],
        };
        let canonical = leaf::canonical_bytes(text);
        // A string with half of a surrogate pair is never sent as a key, so nobody has asked for it.
        let is_unaskable = text.first() == Some(&b'"');
        let Some(canonical) = canonical else {
            // A list of entities may have null for an entity that does not exist; a null in a list of groups belongs to
            // no key.
            let is_told = is_null && matches!(pairs.pairing, PairingPlan::Index { .. });
            self.has_keyless |= !is_told && !is_unaskable;
            return false;
        };
        let (first, count) = pairs.asked;
        let key = pairs.keys.get(&*canonical).copied().filter(|key| (first..first + count).contains(key));
        let Some((key, met)) = key.and_then(|key| Some((key, pairs.counts.get_mut(key as usize)?))) else {
            return false;
        };
        *met += 1;
        let is_kept = *met <= most_items(pairs.pairing);
        if is_kept {
            pairs.found.push((key, Some(row)));
        }
        is_kept
    }
}

//! Tags: names for what an entry depends on, so that a write can invalidate the entries that it concerns.
//!
//! The slot of a tag holds the number of the last invalidation that named the tag. An entry is dead if one of its slots
//! holds a greater number than the last invalidation had when the entry's request was sent. So an entry that is read
//! while a write is in progress is dead after the write, whenever it is stored.
//!
//! While a write is in progress that nobody waits for, its slots are *open*, and no entry with one of
//! these slots is alive. An open slot holds the number of such writes in its upper bits, which makes
//! its value greater than every mark.
//!
//! Slots are found by a hash, so nothing is evicted and nothing grows. Two tags may share a slot. Then an invalidation
//! of one tag also kills entries of the other, which costs a call, but no entry outlives its own tag. The hash has a
//! random seed, so nobody outside can search for such pairs.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of slots, which take half a megabyte. With 10,000 entries alive, every sixth
/// invalidation kills one entry by accident.
const SLOTS: usize = 1 << 16;

/// One open write in the value of a slot. The numbers of invalidations are smaller than this, and the bits above can
/// count more open writes than there can be.
const OPEN: u64 = 1 << 48;

/// A position in the order of invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// The index of a tag in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// All tags of one cache.
pub struct Tags {
    latest: AtomicU64,
    slots: Box<[AtomicU64]>,
    hasher: ahash::RandomState,
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tags").field("latest", &self.latest).finish_non_exhaustive()
    }
}

impl Default for Tags {
    fn default() -> Self {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Self { latest: AtomicU64::new(0), slots, hasher: ahash::RandomState::new() }
    }
}

impl Tags {
    /// The current mark. A request takes it *before* it is sent.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.latest.load(Ordering::SeqCst))
    }

    /// A new mark, which is later than all marks before.
    pub fn advance(&self) -> Mark {
        Mark(self.latest.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// The slot of a tag.
    #[must_use]
    pub fn slot(&self, tag: &str) -> Slot {
        // The number of slots fits in a `u32`, and so does every index below it.
        Slot((self.hasher.hash_one(tag) % SLOTS as u64) as u32)
    }

    /// Kills every entry with one of these slots whose request was sent before now.
    pub fn invalidate(&self, slots: &[Slot]) {
        // The number is counted up first: a request that is marked with it was not sent before the write was over.
        let Mark(now) = self.advance();
        for slot in slots {
            let name = |held: u64| Some(held / OPEN * OPEN + (held % OPEN).max(now));
            let _ = self.slots[slot.0 as usize].fetch_update(Ordering::SeqCst, Ordering::SeqCst, name);
        }
    }

    /// Opens slots: no entry with one of them is alive until each slot was closed as often as it was opened.
    pub fn open(&self, slots: &[Slot]) {
        slots.iter().for_each(|slot| _ = self.slots[slot.0 as usize].fetch_add(OPEN, Ordering::SeqCst));
    }

    /// Closes slots that were opened before.
    pub fn close(&self, slots: &[Slot]) {
        slots.iter().for_each(|slot| _ = self.slots[slot.0 as usize].fetch_sub(OPEN, Ordering::SeqCst));
    }

    /// Whether none of these slots is open, and none was invalidated after `since`.
    #[must_use]
    pub fn is_alive(&self, slots: &[Slot], since: Mark) -> bool {
        slots.iter().all(|slot| self.slots[slot.0 as usize].load(Ordering::SeqCst) <= since.0)
    }
}

//! Tags: what an entry is about, so that whoever changes it can say so.
//!
//! A tag's slot holds the number of the invalidation that last named it. An entry is dead when one of its slots holds a
//! greater number than was the latest before its request was sent: what is read while a write is under way dies with it,
//! whenever it is stored.
//!
//! While a write is under way that nobody waits for, its slots are *open*: nothing that has one of them is alive. Such a
//! slot holds the number of open writes in its upper bits, above all moments.
//!
//! Slots are found by a hash, so nothing is ever forgotten and nothing grows. Two tags may share a slot: then an entry
//! may die for another's sake, which costs a call; it never outlives its own tag. The hash is seeded at random, so that
//! nobody outside can look for such pairs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Slots: half a megabyte of them. With 10,000 entries alive, an invalidation kills one by accident every sixth time.
const SLOTS: usize = 1 << 16;

/// One open write, in a slot. Moments are below it, and there are fewer open writes than the bits above it can count.
const OPEN: u64 = 1 << 48;

/// A moment in the order of invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// Where a tag is kept.
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
    /// The moment that has come: to be asked for *before* a request is sent.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.latest.load(Ordering::SeqCst))
    }

    /// A moment later than all that was marked before.
    pub fn advance(&self) -> Mark {
        Mark(self.latest.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Where a tag is kept.
    #[must_use]
    pub fn slot(&self, tag: &str) -> Slot {
        // The number of slots fits `u32`, and so does any index below it.
        Slot((self.hasher.hash_one(tag) % SLOTS as u64) as u32)
    }

    /// Kills what was asked for before now and has one of these slots.
    pub fn invalidate(&self, slots: &[Slot]) {
        // Counted first: who is marked with the new number has sent nothing before the write was over.
        let Mark(now) = self.advance();
        for slot in slots {
            let name = |held: u64| Some(held / OPEN * OPEN + (held % OPEN).max(now));
            let _ = self.slots[slot.0 as usize].fetch_update(Ordering::SeqCst, Ordering::SeqCst, name);
        }
    }

    /// Opens slots: nothing that has one of them is alive until they are closed as often.
    pub fn open(&self, slots: &[Slot]) {
        slots.iter().for_each(|slot| _ = self.slots[slot.0 as usize].fetch_add(OPEN, Ordering::SeqCst));
    }

    /// Closes slots that were opened.
    pub fn close(&self, slots: &[Slot]) {
        slots.iter().for_each(|slot| _ = self.slots[slot.0 as usize].fetch_sub(OPEN, Ordering::SeqCst));
    }

    /// Is nothing of this open, and nothing invalidated since then?
    #[must_use]
    pub fn is_alive(&self, slots: &[Slot], since: Mark) -> bool {
        slots.iter().all(|slot| self.slots[slot.0 as usize].load(Ordering::SeqCst) <= since.0)
    }
}

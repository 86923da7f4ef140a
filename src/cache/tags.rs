//! Tags: names for what an entry depends on, so that a write can invalidate the entries that it concerns.
//!
//! A tag is a hash of its text, the same in every process, so that entries and invalidations can be sent from one process
//! to another. In the table, a tag's slot holds the moment of the invalidation that last named it. An entry is dead when
//! one of its tags was named after the moment that its request was sent at: what is read while a write is under way dies
//! with it, whenever it is stored.
//!
//! Moments are a hybrid logical clock: the moment of an invalidation is that of the wall clock, or the one after the
//! latest where the wall clock shows none later. Within a process they order what happens, whatever its clock does;
//! between processes they can be compared as exactly as the clocks agree ([`CLOCK_SKEW`]).
//!
//! While a write is under way that nobody waits for, its tags are *open*: nothing that has one of them is alive. A slot
//! counts its open writes in its upper bits, above all moments.
//!
//! Nothing is ever forgotten and nothing grows, because the table has a fixed number of slots. Two tags may share one:
//! then an entry may die for another's sake, which costs a call; it never outlives its own tag. Which tags share a slot
//! follows from a random number of the process, so that nobody outside can look for such pairs.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The number of slots as a power of two; they take half a megabyte. With 10,000 entries alive, every sixth invalidation
/// kills one entry by accident.
const SLOT_BITS: u32 = 16;

/// One open write in the value of a slot. Moments are smaller than this until the year 2109, and the bits above it count
/// 65,535 open writes.
const OPEN: u64 = 1 << 48;

/// Moments in a millisecond.
const PER_MILLISECOND: u128 = 64;

/// How far the clocks of two processes may be apart. An entry that is sent to another process counts as this much older,
/// so that an invalidation by a process whose clock is late still kills it there.
pub const CLOCK_SKEW: Duration = Duration::from_millis(500);

/// A moment in the order of invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

impl Mark {
    /// The moment of a date.
    #[must_use]
    pub fn at(date: SystemTime) -> Self {
        let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let number = since.as_micros() * PER_MILLISECOND / 1_000;
        Self(u64::try_from(number).unwrap_or(OPEN - 1).min(OPEN - 1))
    }

    /// The moment so much earlier.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(Self::at(SystemTime::UNIX_EPOCH + by).0))
    }

    /// The moment that [`Self::to_number`] was called for.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        Self(number.min(OPEN - 1))
    }

    /// A number that is the same in every process, greater for later moments.
    #[must_use]
    pub fn to_number(self) -> u64 {
        self.0
    }
}

/// A tag, as the `stable_hash` of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u64);

impl Tag {
    /// The tag with this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(stable_hash(text))
    }

    /// The tag that [`Self::to_number`] was called for.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        Self(number)
    }

    /// A number that is the same in every process.
    #[must_use]
    pub fn to_number(self) -> u64 {
        self.0
    }
}

/// A hash that is the same in every process: SipHash-1-3 with a key of zeros.
#[must_use]
pub fn stable_hash(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// All tags of one cache.
pub struct Tags {
    latest: AtomicU64,
    slots: Box<[AtomicU64]>,
    /// Odd, and drawn at random: multiplied with it, a tag's upper bits are the number of its slot.
    factor: u64,
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tags").field("latest", &self.latest).finish_non_exhaustive()
    }
}

impl Default for Tags {
    fn default() -> Self {
        let slots = (0..1_u32 << SLOT_BITS).map(|_| AtomicU64::new(0)).collect();
        let factor = ahash::RandomState::new().hash_one(SLOT_BITS) | 1;
        Self { latest: AtomicU64::new(0), slots, factor }
    }
}

impl Tags {
    /// The latest moment that is known: to be asked for *before* a request is sent.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.latest.load(Ordering::SeqCst))
    }

    /// The same for an entry that other processes may get: no earlier than the date, so that what they invalidated
    /// before does not kill it.
    #[must_use]
    pub fn mark_at(&self, date: SystemTime) -> Mark {
        let Mark(at) = Mark::at(date);
        Mark(self.latest.fetch_max(at, Ordering::SeqCst).max(at))
    }

    /// A moment later than all that were marked before, and no earlier than the date.
    pub fn advance(&self, date: SystemTime) -> Mark {
        let Mark(at) = Mark::at(date);
        let next = |latest: u64| (latest + 1).max(at).min(OPEN - 1);
        let before = self.latest.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |latest| Some(next(latest)));
        Mark(next(before.unwrap_or_else(|latest| latest)))
    }

    /// Kills what was asked for before now and has one of these tags. Returns the moment.
    pub fn invalidate(&self, tags: &[Tag], date: SystemTime) -> Mark {
        // Advanced first: who is marked with the new moment has sent nothing before the write was over.
        let at = self.advance(date);
        self.name(tags, at);
        at
    }

    /// Kills what was asked for before a moment and has one of these tags: another process has invalidated them then.
    pub fn name(&self, tags: &[Tag], at: Mark) {
        self.latest.fetch_max(at.0, Ordering::SeqCst);
        for slot in tags.iter().map(|tag| self.slot(*tag)) {
            let named = |held: u64| Some(held / OPEN * OPEN + (held % OPEN).max(at.0));
            let _ = slot.fetch_update(Ordering::SeqCst, Ordering::SeqCst, named);
        }
    }

    /// Opens tags: nothing that has one of them is alive until they are closed as often.
    pub fn open(&self, tags: &[Tag]) {
        tags.iter().for_each(|tag| _ = self.slot(*tag).fetch_add(OPEN, Ordering::SeqCst));
    }

    /// Closes tags that were opened.
    pub fn close(&self, tags: &[Tag]) {
        tags.iter().for_each(|tag| _ = self.slot(*tag).fetch_sub(OPEN, Ordering::SeqCst));
    }

    /// Whether none of these tags is open, and none was invalidated since then.
    #[must_use]
    pub fn is_alive(&self, tags: &[Tag], since: Mark) -> bool {
        tags.iter().all(|tag| self.slot(*tag).load(Ordering::SeqCst) <= since.0)
    }

    fn slot(&self, Tag(tag): Tag) -> &AtomicU64 {
        &self.slots[(tag.wrapping_mul(self.factor) >> (u64::BITS - SLOT_BITS)) as usize]
    }
}

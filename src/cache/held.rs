//! For how long, and for whom, a whole answer holds: as its parts do together (RFC 9111 §4.2, of the strictest).

use super::freshness::Freshness;
use super::tags::{Mark, Slot, Tags};
use std::time::{Duration, Instant};

/// Most tags of an answer; one of more is about too much to be kept.
const MAX_TAGS: usize = 4_096;

/// What the parts of an answer have in common.
#[derive(Debug, Clone)]
pub struct Held {
    now: Instant,
    age: Duration,
    remaining: Option<Duration>,
    /// Does nothing of it depend on who has asked?
    pub is_public: bool,
    tags: Vec<Slot>,
    since: Mark,
}

impl Held {
    /// An answer without parts yet; `since`: before any of them was asked for, or looked up. What was taken from the cache
    /// was alive later than that, however old it is.
    #[must_use]
    pub fn new(now: Instant, since: Mark) -> Self {
        Self { now, age: Duration::ZERO, remaining: None, is_public: true, tags: Vec::new(), since }
    }

    /// Adds a part. `false`: with it, the answer does not hold.
    #[must_use]
    pub fn add(&mut self, freshness: &Freshness, tags: &[Slot]) -> bool {
        // Seen from the moment that the answer was begun at, which is before any part of it came.
        let at = self.now.max(freshness.received);
        let remaining = freshness.remaining(at);
        self.remaining = Some(self.remaining.map_or(remaining, |before| before.min(remaining)));
        self.age = self.age.max(freshness.age(at));
        self.tags.extend(tags);
        self.tags.sort_unstable();
        self.tags.dedup();
        !remaining.is_zero() && self.tags.len() <= MAX_TAGS
    }

    /// How much longer every part is fresh; zero if there are none.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.remaining.unwrap_or_default().saturating_sub(now.saturating_duration_since(self.now))
    }

    /// The age of its oldest part (RFC 9111 §5.1).
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        self.age.saturating_add(now.saturating_duration_since(self.now))
    }

    /// What it costs to keep, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.tags.len() * size_of::<Slot>()
    }

    /// Is every part fresh, and none invalidated?
    #[must_use]
    pub fn holds(&self, tags: &Tags, now: Instant) -> bool {
        !self.remaining(now).is_zero() && tags.is_alive(&self.tags, self.since)
    }
}

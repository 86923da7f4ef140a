//! How long, and for whom, a whole answer may be kept: each limit is that of the strictest part (RFC 9111 §4.2).

use super::freshness::Freshness;
use super::tags::{Mark, Tag, Tags};
use std::time::{Duration, Instant};

/// The most tags of an answer. An answer with more of them depends on too much to be kept.
const MAX_TAGS: usize = 4_096;

/// The limits that follow from all parts of an answer together.
#[derive(Debug, Clone)]
pub struct HoldLimits {
    now: Instant,
    age: Duration,
    remaining: Option<Duration>,
    /// Whether no part depends on the caller.
    pub is_public: bool,
    tags: Vec<Tag>,
    since: Mark,
}

impl HoldLimits {
    /// An answer without parts. `since` is a mark from before any part was requested or looked up. A part from the
    /// cache was alive when it was looked up, which was later, however old the part is.
    #[must_use]
    pub fn new(now: Instant, since: Mark) -> Self {
        Self { now, age: Duration::ZERO, remaining: None, is_public: true, tags: Vec::new(), since }
    }

    /// Adds a part. `false` if the answer cannot be kept with it.
    #[must_use]
    pub fn add(&mut self, freshness: &Freshness, tags: &[Tag]) -> bool {
        // The age is taken at the moment at which the answer was begun, or later if the part came later.
        let at = self.now.max(freshness.received);
        let remaining = freshness.remaining(at);
        self.remaining = Some(self.remaining.map_or(remaining, |before| before.min(remaining)));
        self.age = self.age.max(freshness.age(at));
        self.tags.extend(tags);
        self.tags.sort_unstable();
        self.tags.dedup();
        !remaining.is_zero() && self.tags.len() <= MAX_TAGS
    }

    /// How much longer every part is fresh; zero if there are no parts.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.remaining.unwrap_or_default().saturating_sub(now.saturating_duration_since(self.now))
    }

    /// The age of the oldest part (RFC 9111 §5.1).
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        self.age.saturating_add(now.saturating_duration_since(self.now))
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.tags.len() * size_of::<Tag>()
    }

    /// Whether every part is fresh and none was invalidated.
    #[must_use]
    pub fn holds(&self, tags: &Tags, now: Instant) -> bool {
        !self.remaining(now).is_zero() && tags.is_alive(&self.tags, self.since)
    }
}

//! The store: entries by key, bounded by bytes.

use super::freshness::{Freshness, State};
use super::key::{Domain, EntryKey, KeyRef};
use super::status::Miss;
use super::tags::{Mark, Slot, Tags};
use bytes::Bytes;
use http::HeaderMap;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How answers are kept.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// Are they at all? Default: yes.
    pub enabled: bool,
    /// Memory for entries, in bytes; at the limit those go that are asked for least. Default: 64 MiB.
    pub max_bytes: u64,
    /// Memory for whole answers, in bytes; as above. 0: none is kept. Default: 16 MiB.
    pub max_answer_bytes: u64,
    /// How long after its lifetime an answer may stand in for a service that fails, where the service does not say.
    /// Default: 0.
    pub stale_if_error: Duration,
    /// How long it is believed at most that something does not exist, where the service does not say. Default: 5 s.
    pub negative: Duration,
    /// Entries that are asked for behind the backs of those who got them stale, at once; further ones stay stale.
    /// Default: 256 entries.
    pub max_refreshes: usize,
    /// **For the isolation test only**: keeps everybody's answers under one scope, which is the one thing that must
    /// never happen. The test sets it to prove that it would notice. Default: no.
    pub ignore_scope: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 64 << 20,
            max_answer_bytes: 16 << 20,
            stale_if_error: Duration::ZERO,
            negative: Duration::from_secs(5),
            max_refreshes: 256,
            ignore_scope: false,
        }
    }
}

/// What is kept under a key.
#[derive(Debug)]
pub struct Entry {
    /// The bytes; their own copy, so that no longer body is kept alive.
    pub body: Bytes,
    /// The status that they came with.
    pub status: u16,
    /// The properties that were asked for, sorted; `None`: whatever there is.
    pub fields: Option<Arc<[String]>>,
    /// How long they hold.
    pub freshness: Freshness,
    /// Headers that decided, where the entry can be asked for by its validator.
    pub headers: Option<Box<HeaderMap>>,
    /// What it is about.
    pub tags: Box<[Slot]>,
    /// When its request was sent, in the order of invalidations.
    pub since: Mark,
}

impl Entry {
    /// Does it hold all of these properties? `fields` is sorted; empty: all that there are are wanted.
    #[must_use]
    pub fn covers(&self, fields: &[String]) -> bool {
        covers(self.fields.as_deref().unwrap_or_default(), fields)
    }

    /// What it costs.
    fn weight(&self, key: &EntryKey) -> u32 {
        /// An entry without its bytes, and its place in the table.
        const FRAME: usize = 320;
        let headers = self.headers.as_ref().map_or(0, |headers| 64 + headers.len() * 96);
        let size = FRAME + key.key.len() + key.domain.len() + self.body.len() + headers + self.tags.len() * 4;
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

/// Do these properties serve who wants those? Both are sorted; empty: all that there are.
pub(crate) fn covers(held: &[String], wanted: &[String]) -> bool {
    held.is_empty() || !wanted.is_empty() && wanted.iter().all(|field| held.binary_search(field).is_ok())
}

/// What is wanted of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The moment.
    pub now: Instant,
    /// Sorted; empty: all properties that there are.
    pub fields: &'a [String],
    /// Its request was sent no earlier than this.
    pub not_before: Option<Mark>,
}

/// What was found.
#[derive(Debug)]
pub enum Lookup {
    /// The answer.
    Fresh(Arc<Entry>),
    /// The answer, for which the service is to be asked again.
    Revalidate(Arc<Entry>),
    /// No answer. What there is may be asked for by its validator, or stand in when the service fails.
    Miss(Miss, Option<Arc<Entry>>),
}

/// Answers that are kept.
pub struct Cache {
    options: CacheOptions,
    entries: moka::sync::Cache<EntryKey, Arc<Entry>, ahash::RandomState>,
    tags: Tags,
    /// Held for a single operation at a time.
    refreshing: Mutex<HashSet<EntryKey, ahash::RandomState>>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Cache {
    /// An empty one.
    #[must_use]
    pub fn new(options: CacheOptions) -> Arc<Self> {
        let entries = moka::sync::Cache::builder()
            .max_capacity(options.max_bytes)
            .weigher(|key: &EntryKey, entry: &Arc<Entry>| entry.weight(key))
            .build_with_hasher(ahash::RandomState::new());
        Arc::new(Self { options, entries, tags: Tags::default(), refreshing: Mutex::default() })
    }

    /// How it was made.
    #[must_use]
    pub fn options(&self) -> &CacheOptions {
        &self.options
    }

    /// The tags that kill its entries.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Looks a key up.
    #[must_use]
    pub fn look_up(&self, domain: &Domain, key: &str, wanted: &Wanted<'_>) -> Lookup {
        let Some(entry) = self.entries.get(&KeyRef { domain, key }) else { return Lookup::Miss(Miss::Absent, None) };
        // What is known to have changed is no answer for anybody; it may still be what the service has.
        if !self.tags.is_alive(&entry.tags, entry.since) {
            return Lookup::Miss(Miss::Invalidated, Some(entry));
        }
        if wanted.not_before.is_some_and(|mark| entry.since < mark) {
            return Lookup::Miss(Miss::Written, Some(entry));
        }
        if !entry.covers(wanted.fields) {
            return Lookup::Miss(Miss::Fields, Some(entry));
        }
        match entry.freshness.state(wanted.now) {
            State::Fresh => Lookup::Fresh(entry),
            State::Revalidate => Lookup::Revalidate(entry),
            State::Stale => Lookup::Miss(Miss::Expired, Some(entry)),
        }
    }

    /// Keeps an entry. One that was asked for later stays: answers can overtake each other.
    pub fn keep(&self, key: EntryKey, entry: Entry) {
        let entry = Arc::new(entry);
        let is_newer =
            |kept: &Arc<Entry>| kept.since <= entry.since && kept.freshness.received <= entry.freshness.received;
        if self.entries.get(&KeyRef { domain: &key.domain, key: &key.key }).is_none_or(|kept| is_newer(&kept)) {
            self.entries.insert(key, entry);
        }
    }

    /// Takes an entry out.
    pub fn forget(&self, domain: &Domain, key: &str) {
        self.entries.invalidate(&KeyRef { domain, key });
    }

    /// The right to ask for an entry behind the backs of those who got it stale; `None`: somebody does already, or too
    /// many are.
    #[must_use]
    pub fn begin_refresh(self: &Arc<Self>, key: EntryKey) -> Option<Refreshing> {
        let mut refreshing = self.refreshing();
        let may = refreshing.len() < self.options.max_refreshes && refreshing.insert(key.clone());
        drop(refreshing);
        may.then(|| Refreshing { cache: Arc::clone(self), key })
    }

    fn refreshing(&self) -> MutexGuard<'_, HashSet<EntryKey, ahash::RandomState>> {
        self.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its entries cost together, in bytes; roughly, for they are counted now and then.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    /// Brings the count of bytes, and what it decides, up to now.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        self.entries.run_pending_tasks();
    }
}

/// The right to ask for an entry again, until dropped.
#[derive(Debug)]
pub struct Refreshing {
    cache: Arc<Cache>,
    key: EntryKey,
}

impl Refreshing {
    /// Of which entry.
    #[must_use]
    pub fn key(&self) -> &EntryKey {
        &self.key
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.cache.refreshing().remove(&self.key);
    }
}

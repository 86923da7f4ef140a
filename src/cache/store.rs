//! The store: entries by their key, with a bound in bytes.

use super::freshness::{Freshness, State};
use super::key::{Domain, EntryKey, KeyRef};
use super::status::Miss;
use super::tags::{Mark, Slot, Tags};
use crate::defaults;
use bytes::Bytes;
use http::HeaderMap;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How answers are kept.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// Whether answers are kept at all. Default: yes.
    pub enabled: bool,
    /// The memory for entries, in bytes; at the limit, the entries that are asked for
    /// least are removed. Default: 64 MiB.
    pub max_bytes: u64,
    /// The memory for whole answers, in bytes, with the same rule; 0 if none is kept. Default: 16 MiB.
    pub max_answer_bytes: u64,
    /// How long after its lifetime an answer may be used if the service fails and does not say how long. Default: 0 s.
    pub stale_if_error: Duration,
    /// How long an answer that something does not exist is kept at most, if the service does not say. Default: 5 s.
    pub negative: Duration,
    /// How many stale entries are asked for in the background at once; further ones stay stale. Default: 256 entries.
    pub max_refreshes: usize,
    /// **For the isolation test only**: keeps the answers of all callers under one scope, which must never happen
    /// otherwise. The test sets it to prove that it would notice. Default: no.
    #[cfg(any(test, feature = "ignore-scope"))]
    pub ignore_scope: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: defaults::CACHE_BYTES.get(),
            max_answer_bytes: defaults::CACHED_ANSWER_BYTES,
            stale_if_error: defaults::STALE_IF_ERROR,
            negative: defaults::NEGATIVE,
            max_refreshes: 256,
            #[cfg(any(test, feature = "ignore-scope"))]
            ignore_scope: false,
        }
    }
}

impl CacheOptions {
    /// Whether credential scopes are left out of keys: only a test can ask for it.
    #[cfg(any(test, feature = "ignore-scope"))]
    pub(crate) fn ignores_scope(&self) -> bool {
        self.ignore_scope
    }

    /// Whether credential scopes are left out of keys: never, in a program.
    #[cfg(not(any(test, feature = "ignore-scope")))]
    pub(crate) fn ignores_scope(&self) -> bool {
        false
    }
}

/// The answer that is kept for a key.
#[derive(Debug)]
pub struct Entry {
    /// The bytes of the answer. They are a copy, so that no longer body is kept alive.
    pub body: Bytes,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The properties that were asked for, sorted; `None` if all were.
    pub fields: Option<Arc<[String]>>,
    /// How long the answer holds.
    pub freshness: Freshness,
    /// The headers that decided about keeping it, if the service can be asked whether it still holds.
    pub headers: Option<Box<HeaderMap>>,
    /// The tags that invalidate it.
    pub tags: Box<[Slot]>,
    /// The position in the order of invalidations at which its request was sent.
    pub since: Mark,
}

impl Entry {
    /// Whether it holds all of these properties. `fields` is sorted; if it is empty, all properties are wanted.
    #[must_use]
    pub fn covers(&self, fields: &[String]) -> bool {
        covers(self.fields.as_deref().unwrap_or_default(), fields)
    }

    /// The memory that the entry takes, in bytes.
    fn weight(&self, key: &EntryKey) -> u32 {
        /// The memory of an entry without its bytes, and of its place in the table.
        const FRAME: usize = 320;
        let headers = self.headers.as_ref().map_or(0, |headers| 64 + headers.len() * 96);
        let size = FRAME + key.key.len() + key.domain.len() + self.body.len() + headers + self.tags.len() * 4;
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

/// Whether the held properties include the wanted ones. Both lists are sorted; an empty list stands for all properties.
pub(crate) fn covers(held: &[String], wanted: &[String]) -> bool {
    held.is_empty() || !wanted.is_empty() && wanted.iter().all(|field| held.binary_search(field).is_ok())
}

/// What a look-up requires of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The current time.
    pub now: Instant,
    /// The wanted properties, sorted; empty if all are wanted.
    pub fields: &'a [String],
    /// The mark before which the entry's request must not have been sent; `None` if any will do.
    pub not_before: Option<Mark>,
}

/// The result of a look-up.
#[derive(Debug)]
pub enum Lookup {
    /// The entry is the answer.
    Fresh(Arc<Entry>),
    /// The entry is the answer, and the service is to be asked again.
    Revalidate(Arc<Entry>),
    /// There is no answer. If there is an entry, the service can be asked whether it still holds, or it may be used if
    /// the service fails.
    Miss(Miss, Option<Arc<Entry>>),
}

/// The answers that are kept.
pub struct Cache {
    options: CacheOptions,
    entries: moka::sync::Cache<EntryKey, Arc<Entry>, ahash::RandomState>,
    tags: Tags,
    /// The keys of entries that are being asked for in the background. The lock is held for one operation at a time.
    refreshing: Mutex<HashSet<EntryKey, ahash::RandomState>>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Cache {
    /// An empty cache.
    #[must_use]
    pub fn new(options: CacheOptions) -> Arc<Self> {
        let entries = moka::sync::Cache::builder()
            .max_capacity(options.max_bytes)
            .weigher(|key: &EntryKey, entry: &Arc<Entry>| entry.weight(key))
            .build_with_hasher(ahash::RandomState::new());
        Arc::new(Self { options, entries, tags: Tags::default(), refreshing: Mutex::default() })
    }

    /// The options with which the cache was made.
    #[must_use]
    pub fn options(&self) -> &CacheOptions {
        &self.options
    }

    /// The tags that invalidate its entries.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Looks a key up.
    #[must_use]
    pub fn look_up(&self, domain: &Domain, key: &str, wanted: &Wanted<'_>) -> Lookup {
        let Some(entry) = self.entries.get(&KeyRef { domain, key }) else { return Lookup::Miss(Miss::Absent, None) };
        // An entry that is known to have changed answers no request, but the service may say that it still holds.
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

    /// Keeps an entry, unless an entry whose request was sent later is there: answers can overtake each other.
    pub fn keep(&self, key: EntryKey, entry: Entry) {
        let entry = Arc::new(entry);
        let is_newer =
            |kept: &Arc<Entry>| kept.since <= entry.since && kept.freshness.received <= entry.freshness.received;
        if self.entries.get(&KeyRef { domain: &key.domain, key: &key.key }).is_none_or(|kept| is_newer(&kept)) {
            self.entries.insert(key, entry);
        }
    }

    /// Removes an entry.
    pub fn forget(&self, domain: &Domain, key: &str) {
        self.entries.invalidate(&KeyRef { domain, key });
    }

    /// Takes the right to ask for a stale entry in the background; `None` if another request has it, or too many
    /// entries are being asked for.
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

    /// The memory of all entries, in bytes. The number is approximate, because the store counts at intervals.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    /// Updates the count of bytes now, and evicts what is over the bound.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        self.entries.run_pending_tasks();
    }
}

/// The right to ask for an entry again; dropping it gives it back.
#[derive(Debug)]
pub struct Refreshing {
    cache: Arc<Cache>,
    key: EntryKey,
}

impl Refreshing {
    /// The key of the entry.
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

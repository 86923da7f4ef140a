//! The cache of entries: its tiers, the table of tags, and what an entry is good for.

use super::entry::Entry;
use super::freshness::State;
use super::key::{Domain, EntryKey};
use super::memory::Memory;
use super::status::Miss;
use super::tags::{Mark, Tag, Tags};
use super::tier::Tier;
use crate::defaults;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

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
    /// How long a step waits for the tier behind the memory, if there is one, before it asks the service. Default: 5
    /// ms.
    pub tier_timeout: Duration,
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
            tier_timeout: Duration::from_millis(5),
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

/// What a look-up requires of an entry.
#[derive(Debug, Clone, Copy)]
pub struct LookUpTerms<'a> {
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
    memory: Memory,
    /// What stands behind the memory.
    second: Option<Arc<dyn Tier>>,
    tags: Tags,
    /// The keys of entries that are being asked for in the background. The lock is held for one operation at a time.
    refreshing: Mutex<HashSet<EntryKey, ahash::RandomState>>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("options", &self.options).field("second", &self.second).finish_non_exhaustive()
    }
}

impl Cache {
    /// An empty cache in memory alone.
    #[must_use]
    pub fn new(options: CacheOptions) -> Arc<Self> {
        Self::with_second(options, None)
    }

    /// An empty cache with a tier behind its memory.
    #[must_use]
    pub fn with_second(options: CacheOptions, second: Option<Arc<dyn Tier>>) -> Arc<Self> {
        let memory = Memory::new(options.max_bytes);
        Arc::new(Self { options, memory, second, tags: Tags::default(), refreshing: Mutex::default() })
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

    /// The first tier, which has an answer at once.
    #[must_use]
    pub fn first(&self) -> &dyn Tier {
        &self.memory
    }

    /// The tier behind the memory, if there is one and it may have entries of the domain: what is one caller's own
    /// stays in this process.
    #[must_use]
    pub fn second(&self, domain: &Domain) -> Option<&dyn Tier> {
        self.second.as_deref().filter(|_| domain.is_public())
    }

    /// Whether a tier stands behind the memory.
    #[must_use]
    pub fn has_second(&self) -> bool {
        self.second.is_some()
    }

    /// The latest moment in the order of invalidations: to be asked for *before* a request is sent. `date` is only
    /// asked for if other processes may get the entry.
    #[must_use]
    pub fn mark(&self, date: impl FnOnce() -> SystemTime) -> Mark {
        if self.has_second() { self.tags.mark_at(date()) } else { self.tags.mark() }
    }

    /// Says what an entry is good for, wherever it was found.
    #[must_use]
    pub fn judge(&self, entry: Option<Arc<Entry>>, wanted: &LookUpTerms<'_>) -> Lookup {
        let Some(entry) = entry else { return Lookup::Miss(Miss::Absent, None) };
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

    /// Keeps an entry in all tiers.
    pub fn keep(&self, key: EntryKey, entry: Entry) {
        let entry = Arc::new(entry);
        if let Some(second) = self.second(&key.domain) {
            second.put(key.clone(), Arc::clone(&entry));
        }
        self.memory.put(key, entry);
    }

    /// Takes an entry out of all tiers.
    pub fn forget(&self, domain: &Domain, key: &str) {
        self.memory.remove(domain, key);
        if let Some(second) = self.second(domain) {
            second.remove(domain, key);
        }
    }

    /// Kills what was asked for before now and has one of these tags, in all tiers.
    pub fn invalidate(&self, tags: &[Tag], date: SystemTime) {
        let at = self.tags.invalidate(tags, date);
        if let Some(second) = &self.second {
            second.invalidate(tags, at);
        }
    }

    /// Takes the right to ask for a stale entry in the background; `None` if another request has it, or too many
    /// entries are being asked for.
    #[must_use]
    pub fn begin_refresh(self: &Arc<Self>, key: EntryKey) -> Option<RefreshPermit> {
        let mut refreshing = self.refreshing();
        let may = refreshing.len() < self.options.max_refreshes && refreshing.insert(key.clone());
        drop(refreshing);
        may.then(|| RefreshPermit { cache: Arc::clone(self), key })
    }

    fn refreshing(&self) -> MutexGuard<'_, HashSet<EntryKey, ahash::RandomState>> {
        self.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The size of all entries in memory, in bytes. The number is approximate, because the store counts at intervals.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// Updates the count of bytes now, and evicts what is over the bound.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        self.memory.settle();
    }
}

/// The right to ask for an entry again; dropping it gives it back.
#[derive(Debug)]
pub struct RefreshPermit {
    cache: Arc<Cache>,
    key: EntryKey,
}

impl RefreshPermit {
    /// The key of the entry.
    #[must_use]
    pub fn key(&self) -> &EntryKey {
        &self.key
    }
}

impl Drop for RefreshPermit {
    fn drop(&mut self) {
        self.cache.refreshing().remove(&self.key);
    }
}

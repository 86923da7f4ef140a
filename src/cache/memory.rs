//! The first tier: entries in this process's memory, bounded by bytes.

use super::entry::Entry;
use super::key::{Domain, EntryKey, KeyRef};
use super::tags::{Mark, Tag};
use super::tier::{Fetch, Tier};
use std::sync::Arc;

/// Entries in memory; at the limit those go that are asked for least.
pub(super) struct Memory(moka::sync::Cache<EntryKey, Arc<Entry>, ahash::RandomState>);

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl Memory {
    /// No entries yet; all together may cost so many bytes.
    pub(super) fn new(max_bytes: u64) -> Self {
        let entries = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &EntryKey, entry: &Arc<Entry>| entry.weight(key))
            .build_with_hasher(ahash::RandomState::new());
        Self(entries)
    }

    /// What the entries cost together, in bytes; roughly, for they are counted now and then.
    pub(super) fn bytes(&self) -> u64 {
        self.0.weighted_size()
    }

    /// Brings the count of bytes, and what it decides, up to now.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.0.run_pending_tasks();
    }
}

impl Tier for Memory {
    fn get<'a>(&'a self, domain: &'a Domain, keys: &'a [&'a str]) -> Fetch<'a> {
        Fetch::Ready(keys.iter().map(|&key| self.0.get(&KeyRef { domain, key })).collect())
    }

    /// An entry that was asked for later stays: answers can overtake each other.
    fn put(&self, key: EntryKey, entry: Arc<Entry>) {
        let kept = self.0.get(&KeyRef { domain: &key.domain, key: &key.key });
        if kept.is_none_or(|kept| entry.is_no_older_than(&kept)) {
            self.0.insert(key, entry);
        }
    }

    fn remove(&self, domain: &Domain, key: &str) {
        self.0.invalidate(&KeyRef { domain, key });
    }

    /// The table of tags says which entries are dead ([`super::Cache::judge`]).
    fn invalidate(&self, _: &[Tag], _: Mark) {}
}

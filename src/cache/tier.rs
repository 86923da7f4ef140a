//! A tier of the cache: a store of entries.
//!
//! In: entries under their keys, and tags that were invalidated. Out: entries for some keys of a domain, at once or after
//! a wait.
//! Elsewhere: whether an entry is the answer ([`super::Cache`]); for how long a tier is waited for, and what becomes of
//! what it says ([`crate::execute`]).
//!
//! The first tier is this process's memory ([`super::memory`]). A second one may stand behind it, for what several
//! processes share. What leaves the process does so by [`super::portable`].

use super::entry::Entry;
use super::key::{Domain, EntryKey};
use super::tags::{Mark, Tag};
use futures_util::future::BoxFuture;
use std::fmt::Debug;
use std::sync::Arc;

/// For each key that was asked for, in order, its entry if there is one.
pub type Entries = Vec<Option<Arc<Entry>>>;

/// What a tier has for some keys.
pub enum Fetch<'a> {
    /// The entries. A tier that need not wait allocates no future.
    Ready(Entries),
    /// The entries will come; fewer of them than keys, such as none, if the tier cannot be asked. May be dropped.
    Pending(BoxFuture<'a, Entries>),
}

/// A store of entries.
///
/// A tier is never relied on: whatever it does not have, or does not say in time, is asked of the service. So none of its
/// methods fails; how often a tier that is down is tried is its own affair.
pub trait Tier: Debug + Send + Sync {
    /// The entries under some keys of a domain.
    ///
    /// An entry that another process has put there is left out if one of its tags was invalidated, by any process and as
    /// far as the tier knows, at a moment after [`Entry::since`].
    fn get<'a>(&'a self, domain: &'a Domain, keys: &'a [&'a str]) -> Fetch<'a>;

    /// Stores an entry. Never blocks: what takes time goes on behind the caller's back, within bounds of its own.
    fn put(&self, key: EntryKey, entry: Arc<Entry>);

    /// Takes an entry out. Never blocks.
    fn remove(&self, domain: &Domain, key: &str);

    /// Notes that tags were invalidated at a moment. Never blocks.
    fn invalidate(&self, tags: &[Tag], at: Mark);
}

//! Entries: what is kept under a key.

use super::freshness::Freshness;
use super::key::EntryKey;
use super::tags::{Mark, Tag};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;

/// The answer that is kept for a key.
#[derive(Debug, Clone)]
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
    pub tags: Box<[Tag]>,
    /// The position in the order of invalidations at which its request was sent.
    pub since: Mark,
}

impl Entry {
    /// Whether it holds all of these properties. `fields` is sorted; if it is empty, all properties are wanted.
    #[must_use]
    pub fn covers(&self, fields: &[String]) -> bool {
        covers(self.fields.as_deref().unwrap_or_default(), fields)
    }

    /// Whether the other entry was neither asked for nor received later.
    pub(super) fn is_no_older_than(&self, other: &Self) -> bool {
        other.since <= self.since && other.freshness.received <= self.freshness.received
    }

    /// The memory that the entry takes, in bytes.
    pub(super) fn weight(&self, key: &EntryKey) -> u32 {
        /// The memory of an entry without its bytes, and of its place in the table.
        const FRAME: usize = 320;
        let headers = self.headers.as_ref().map_or(0, |headers| 64 + headers.len() * 96);
        let tags = size_of_val(&*self.tags);
        let size = FRAME + key.key.len() + key.domain.len() + self.body.len() + headers + tags;
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

/// Whether the held properties include the wanted ones. Both lists are sorted; an empty list stands for all properties.
pub(crate) fn covers(held: &[String], wanted: &[String]) -> bool {
    held.is_empty() || !wanted.is_empty() && wanted.iter().all(|field| held.binary_search(field).is_ok())
}

//! The cache: answers of services, kept for as long as the services, or the graph, say that they hold.
//!
//! In: a key, and an answer with its headers. Out: the kept bytes with a [`CacheStatus`], or the reason why there are
//! none.
//! Elsewhere: making keys, cutting batched answers into entries, and asking again ([`crate::execute`]); conditional
//! requests ([`crate::upstream`]).
//!
//! Always true:
//! - a key holds everything in the request that can change its answer, including the caller's inputs themselves;
//! - an entry is dead if one of its tags was invalidated after its request was sent, whenever the entry was stored;
//! - nothing here reads a clock: callers pass the current time as an argument;
//! - the store has a bound in bytes, and the table of tags has a fixed size.

mod directives;
mod entry;
mod freshness;
mod held;
mod key;
mod memory;
mod portable;
mod responses;
mod status;
mod store;
mod tags;
#[cfg(test)]
mod tests;
mod tier;

pub use entry::Entry;
pub(crate) use entry::covers;
pub use freshness::{
    CacheKind, Exchange, Freshness, Guess, assess, condition, is_same_validator, kept_headers, merged,
};
pub use held::HoldLimits;
pub use key::{Domain, EntryKey};
pub use portable::{Moment, portable_key};
pub use responses::{CacheRequest, HttpCache, LookUp, Response, StoredResponse, strip_hop_by_hop};
pub use status::{Bypass, CacheStatus, Miss};
pub use store::{Cache, CacheOptions, LookUpTerms, Lookup, RefreshPermit};
pub use tags::{Mark, Tag, stable_hash};
pub use tier::{Entries, Fetch, Tier};

//! The cache: what services answered, kept as long as they, or the graph, say that it holds.
//!
//! In: a key, and an answer with its headers. Out: the kept bytes with a [`CacheStatus`], or why there are none.
//! Elsewhere: what a key is made of, cutting batched answers into entries, and asking again ([`crate::execute`]);
//! conditional requests ([`crate::upstream`]).
//!
//! Always true:
//! - a key holds everything of the request that can change its answer, the caller's inputs themselves included;
//! - an entry is dead once one of its tags was invalidated after its request was sent, whenever it was stored;
//! - no clock is read here: moments come in as arguments;
//! - the store is bounded by bytes, the table of tags by its size.

mod directives;
mod freshness;
mod held;
mod key;
mod responses;
mod status;
mod store;
mod tags;
#[cfg(test)]
mod tests;

pub use freshness::{
    CacheKind, Exchange, Freshness, Guess, assess, condition, is_same_validator, kept_headers, merged,
};
pub use held::Held;
pub use key::{Domain, EntryKey};
pub use responses::{Asked, Found, HttpCache, Response, Stored, strip_hop_by_hop};
pub use status::{Bypass, CacheStatus, Miss};
pub(crate) use store::covers;
pub use store::{Cache, CacheOptions, Entry, Lookup, Refreshing, Wanted};
pub use tags::{Mark, Slot, Tags};

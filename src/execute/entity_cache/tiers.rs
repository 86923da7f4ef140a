//! Tiers: keys for which the memory has no answer are looked up in the tier behind it.
//!
//! In: keys of one domain, and the conditions on their entries. Out: the result of the lookup for each key. An entry of
//! the second tier is copied into the memory, so that the next request finds it there.
//! Elsewhere: whether an entry serves a request ([`Cache::judge`]); the tiers themselves ([`crate::cache::Tier`]).
//!
//! Always true:
//! - without a second tier, nothing waits and no future is allocated;
//! - a tier that fails, or does not answer in time, counts as empty;
//! - an entry is judged in the same way, wherever it was found.

use crate::cache::{Cache, Domain, Entries, EntryKey, Fetch, LookUpTerms, Lookup, Miss};
use std::sync::Arc;
use std::time::Instant;

/// Looks up keys in one tier after the other. Returns one result for each key, in their order. The future may be
/// dropped.
pub(super) async fn look_up(
    cache: &Cache,
    domain: &Domain,
    keys: &[&str],
    wanted: &LookUpTerms<'_>,
    deadline: Instant,
) -> Vec<Lookup> {
    let until = wanted.now.checked_add(cache.options().tier_timeout).map_or(deadline, |until| until.min(deadline));
    let held = entries(cache.first().get(domain, keys), until).await;
    let mut found: Vec<Lookup> = held.into_iter().map(|entry| cache.judge(entry, wanted)).collect();
    found.resize_with(keys.len(), || Lookup::Miss(Miss::Absent, None));
    let Some(second) = cache.second(domain) else { return found };
    let is_missing = |at: &usize| matches!(found[*at], Lookup::Miss(..));
    let missing: Vec<usize> = (0..keys.len()).filter(is_missing).collect();
    if missing.is_empty() {
        return found;
    }
    let asked: Vec<&str> = missing.iter().map(|&at| keys[at]).collect();
    let fetched = entries(second.get(domain, &asked), until).await;
    for (at, entry) in missing.into_iter().zip(fetched) {
        let Some(entry) = entry else { continue };
        let lookup = cache.judge(Some(Arc::clone(&entry)), wanted);
        if !matches!(lookup, Lookup::Miss(Miss::Invalidated, _)) {
            cache.first().put(EntryKey { domain: domain.clone(), key: keys[at].into() }, entry);
        }
        // If the second tier has no answer either, the old entry of the memory is kept, if there is one.
        if !matches!((&lookup, &found[at]), (Lookup::Miss(..), Lookup::Miss(_, Some(_)))) {
            found[at] = lookup;
        }
    }
    found
}

/// The entries of a tier, if it answers in time; otherwise none.
async fn entries(fetch: Fetch<'_>, until: Instant) -> Entries {
    match fetch {
        Fetch::Ready(entries) => entries,
        // The timer is boxed, because its alignment would make every future that holds it larger.
        Fetch::Pending(entries) => Box::pin(tokio::time::timeout_at(until.into(), entries)).await.unwrap_or_default(),
    }
}

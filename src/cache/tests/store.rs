use super::{SHARED, kept, seconds};
use crate::cache::{Cache, CacheOptions, Domain, Entry, EntryKey, Lookup, Mark, Miss, Wanted};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;

fn cache() -> Arc<Cache> {
    Cache::new(CacheOptions::default())
}

fn domain() -> Domain {
    Domain::of(&[b"catalog", b"scope"])
}

/// An entry with one tag that is fresh for a minute.
fn entry(cache: &Cache, body: &'static str, tag: &str, since: Mark) -> Entry {
    let freshness = kept("cache-control: max-age=60, stale-while-revalidate=30", 200, SHARED, None).expect("kept");
    let tags = [cache.tags().slot(tag)].into();
    let body = Bytes::from_static(body.as_bytes());
    Entry { body, status: 200, fields: None, freshness, headers: None, tags, since }
}

fn keep(cache: &Cache, key: &str, entry: Entry) {
    cache.keep(EntryKey { domain: domain(), key: key.into() }, entry);
}

fn found(cache: &Cache, key: &str, not_before: Option<Mark>, later: u64) -> String {
    let wanted = Wanted { now: Instant::now() + seconds(later), fields: &[], not_before };
    match cache.look_up(&domain(), key, &wanted) {
        Lookup::Fresh(entry) => format!("fresh {}", String::from_utf8_lossy(&entry.body)),
        Lookup::Revalidate(entry) => format!("old {}", String::from_utf8_lossy(&entry.body)),
        Lookup::Miss(why, _) => format!("{why:?}"),
    }
}

#[test]
fn an_entry_is_found_by_its_key_and_domain_alone() {
    let cache = cache();
    keep(&cache, "7", entry(&cache, "a", "t", cache.tags().mark()));
    assert_eq!(found(&cache, "7", None, 0), "fresh a");
    assert_eq!(found(&cache, "8", None, 0), "Absent");
    assert_eq!(found(&cache, "7", None, 60), "old a");
    assert_eq!(found(&cache, "7", None, 90), "Expired");
    let wanted = Wanted { now: Instant::now(), fields: &[], not_before: None };
    for other in [&[b"catalog".as_slice(), b"other"][..], &[b"catalogscope", b""], &[b"catalo", b"gscope"]] {
        assert!(matches!(cache.look_up(&Domain::of(other), "7", &wanted), Lookup::Miss(Miss::Absent, None)));
    }
}

#[test]
fn an_entry_is_dead_once_its_tag_was_invalidated_after_its_request_was_sent() {
    let cache = cache();
    let tag = cache.tags().slot("cart:1");
    let before = cache.tags().mark();
    keep(&cache, "1", entry(&cache, "old", "cart:1", before));
    assert_eq!(found(&cache, "1", None, 0), "fresh old");
    cache.tags().invalidate(&[tag]);
    assert_eq!(found(&cache, "1", None, 0), "Invalidated");
    // The entry was read while the write was in progress, and is stored after the write.
    keep(&cache, "1", entry(&cache, "old", "cart:1", before));
    assert_eq!(found(&cache, "1", None, 0), "Invalidated");
    keep(&cache, "1", entry(&cache, "new", "cart:1", cache.tags().mark()));
    assert_eq!(found(&cache, "1", None, 0), "fresh new");
    // An older answer that arrives later does not replace the newer one.
    keep(&cache, "1", entry(&cache, "old", "cart:1", before));
    assert_eq!(found(&cache, "1", None, 0), "fresh new");
    cache.tags().invalidate(&[cache.tags().slot("cart:2")]);
    assert_eq!(found(&cache, "1", None, 0), "fresh new", "another's tag");
}

#[test]
fn a_dead_entry_stays_dead_whatever_is_invalidated_after_it() {
    let cache = cache();
    keep(&cache, "1", entry(&cache, "old", "cart:1", cache.tags().mark()));
    cache.tags().invalidate(&[cache.tags().slot("cart:1")]);
    for other in 0..200_000 {
        cache.tags().invalidate(&[cache.tags().slot(&format!("other:{other}"))]);
    }
    assert_eq!(found(&cache, "1", None, 0), "Invalidated");
}

#[test]
fn who_has_written_takes_nothing_older() {
    let cache = cache();
    keep(&cache, "1", entry(&cache, "old", "t", cache.tags().mark()));
    let written = cache.tags().advance();
    assert_eq!(found(&cache, "1", Some(written), 0), "Written");
    assert_eq!(found(&cache, "1", None, 0), "fresh old", "others may");
    keep(&cache, "1", entry(&cache, "new", "t", cache.tags().mark()));
    assert_eq!(found(&cache, "1", Some(written), 0), "fresh new");
}

#[test]
fn more_properties_serve_fewer_and_never_the_other_way_round() {
    let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let cache = cache();
    let of = |fields: Option<&str>| Entry {
        fields: fields.map(|fields| names(fields).into()),
        ..entry(&cache, "a", "t", cache.tags().mark())
    };
    for (held, wanted, covers) in [
        (Some("id name price"), "id name", true),
        (Some("id name price"), "id name price", true),
        (Some("id name"), "id name price", false),
        (Some("id name"), "", false),
        (None, "id name", true),
        (None, "", true),
    ] {
        assert_eq!(of(held).covers(&names(wanted)), covers, "{held:?} for {wanted:?}");
    }
}

#[test]
fn the_store_is_bounded_by_bytes() {
    let cache = Cache::new(CacheOptions { max_bytes: 100_000, ..CacheOptions::default() });
    for key in 0..10_000 {
        keep(&cache, &key.to_string(), entry(&cache, "0123456789", "t", cache.tags().mark()));
    }
    cache.settle();
    assert!(cache.bytes() <= 100_000, "{}", cache.bytes());
    assert!(cache.bytes() > 50_000, "{}", cache.bytes());
}

#[test]
fn an_entry_is_asked_for_again_by_one_at_a_time() {
    let cache = Cache::new(CacheOptions { max_refreshes: 2, ..CacheOptions::default() });
    let key = |key: &str| EntryKey { domain: domain(), key: key.into() };
    let first = cache.begin_refresh(key("1")).expect("the first");
    assert!(cache.begin_refresh(key("1")).is_none(), "somebody does already");
    let _second = cache.begin_refresh(key("2")).expect("another one");
    assert!(cache.begin_refresh(key("3")).is_none(), "too many");
    drop(first);
    assert!(cache.begin_refresh(key("1")).is_some());
}

#[test]
fn nothing_of_an_open_tag_is_alive_and_what_was_not_named_comes_back() {
    let cache = cache();
    let tags = cache.tags();
    let (open, other) = ([tags.slot("cart:1")], [tags.slot("cart:2")]);
    keep(&cache, "1", entry(&cache, "one", "cart:1", tags.mark()));
    keep(&cache, "2", entry(&cache, "two", "cart:2", tags.mark()));
    tags.open(&open);
    tags.open(&open);
    keep(&cache, "1", entry(&cache, "one again", "cart:1", tags.mark()));
    assert_eq!(
        (found(&cache, "1", None, 0).as_str(), found(&cache, "2", None, 0).as_str()),
        ("Invalidated", "fresh two")
    );
    tags.close(&open);
    assert_eq!(found(&cache, "1", None, 0), "Invalidated", "one write is still under way");
    tags.close(&open);
    assert_eq!(found(&cache, "1", None, 0), "fresh one again", "it was not named");
    tags.open(&open);
    tags.invalidate(&open);
    assert!(!tags.is_alive(&open, tags.mark()), "open also after it was named");
    tags.close(&open);
    assert_eq!(found(&cache, "1", None, 0), "Invalidated", "it was named");
    assert!(tags.is_alive(&open, tags.mark()) && tags.is_alive(&other, tags.mark()));
}

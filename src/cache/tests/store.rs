use super::{NOW, SHARED, kept, seconds};
use crate::cache::tags::{CLOCK_SKEW, Tags};
use crate::cache::{Cache, CacheOptions, Domain, Entry, EntryKey, Fetch, LookUpTerms, Lookup, Mark, Miss, Tag};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

fn cache() -> Arc<Cache> {
    Cache::new(CacheOptions::default())
}

fn domain() -> Domain {
    Domain::of(&[b"catalog", b"scope"], true)
}

/// An entry that holds for a minute, about one tag.
fn entry(body: &'static str, tag: &str, since: Mark) -> Entry {
    let freshness = kept("cache-control: max-age=60, stale-while-revalidate=30", 200, SHARED, None).expect("kept");
    let tags = [Tag::of(tag)].into();
    let body = Bytes::from_static(body.as_bytes());
    Entry { body, status: 200, fields: None, freshness, headers: None, tags, since }
}

/// A clock that stands still, so that the order of moments is all that tells them apart.
fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

fn keep(cache: &Cache, key: &str, entry: Entry) {
    cache.keep(EntryKey { domain: domain(), key: key.into() }, entry);
}

fn look_up(cache: &Cache, domain: &Domain, key: &str, wanted: &LookUpTerms<'_>) -> Lookup {
    let Fetch::Ready(mut entries) = cache.first().get(domain, &[key]) else { panic!("memory need not wait") };
    cache.judge(entries.pop().expect("an item for each key"), wanted)
}

fn found(cache: &Cache, key: &str, not_before: Option<Mark>, later: u64) -> String {
    let wanted = LookUpTerms { now: Instant::now() + seconds(later), fields: &[], not_before };
    match look_up(cache, &domain(), key, &wanted) {
        Lookup::Fresh(entry) => format!("fresh {}", String::from_utf8_lossy(&entry.body)),
        Lookup::Revalidate(entry) => format!("old {}", String::from_utf8_lossy(&entry.body)),
        Lookup::Miss(why, _) => format!("{why:?}"),
    }
}

#[test]
fn an_entry_is_found_by_its_key_and_domain_alone() {
    let cache = cache();
    keep(&cache, "7", entry("a", "t", cache.tags().mark()));
    assert_eq!(found(&cache, "7", None, 0), "fresh a");
    assert_eq!(found(&cache, "8", None, 0), "Absent");
    assert_eq!(found(&cache, "7", None, 60), "old a");
    assert_eq!(found(&cache, "7", None, 90), "Expired");
    let wanted = LookUpTerms { now: Instant::now(), fields: &[], not_before: None };
    for other in [&[b"catalog".as_slice(), b"other"][..], &[b"catalogscope", b""], &[b"catalo", b"gscope"]] {
        assert!(matches!(look_up(&cache, &Domain::of(other, true), "7", &wanted), Lookup::Miss(Miss::Absent, None)));
    }
}

#[test]
fn an_entry_is_dead_once_its_tag_was_invalidated_after_its_request_was_sent() {
    let cache = cache();
    let tag = Tag::of("cart:1");
    let before = cache.tags().mark();
    keep(&cache, "1", entry("old", "cart:1", before));
    assert_eq!(found(&cache, "1", None, 0), "fresh old");
    cache.invalidate(&[tag], date());
    assert_eq!(found(&cache, "1", None, 0), "Invalidated");
    // It was read while the write was under way, and is stored after it.
    keep(&cache, "1", entry("old", "cart:1", before));
    assert_eq!(found(&cache, "1", None, 0), "Invalidated");
    keep(&cache, "1", entry("new", "cart:1", cache.tags().mark()));
    assert_eq!(found(&cache, "1", None, 0), "fresh new");
    // An answer that was overtaken does not take the newer one's place.
    keep(&cache, "1", entry("old", "cart:1", before));
    assert_eq!(found(&cache, "1", None, 0), "fresh new");
    cache.invalidate(&[Tag::of("cart:2")], date());
    assert_eq!(found(&cache, "1", None, 0), "fresh new", "another's tag");
}

#[test]
fn a_dead_entry_stays_dead_whatever_is_invalidated_after_it() {
    let cache = cache();
    keep(&cache, "1", entry("old", "cart:1", cache.tags().mark()));
    cache.invalidate(&[Tag::of("cart:1")], date());
    for other in 0..200_000 {
        cache.invalidate(&[Tag::of(&format!("other:{other}"))], date());
    }
    assert_eq!(found(&cache, "1", None, 0), "Invalidated");
}

#[test]
fn who_has_written_takes_nothing_older() {
    let cache = cache();
    keep(&cache, "1", entry("old", "t", cache.tags().mark()));
    let written = cache.tags().advance(date());
    assert_eq!(found(&cache, "1", Some(written), 0), "Written");
    assert_eq!(found(&cache, "1", None, 0), "fresh old", "others may");
    keep(&cache, "1", entry("new", "t", cache.tags().mark()));
    assert_eq!(found(&cache, "1", Some(written), 0), "fresh new");
}

#[test]
fn more_properties_serve_fewer_and_never_the_other_way_round() {
    let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let cache = cache();
    let of = |fields: Option<&str>| Entry {
        fields: fields.map(|fields| names(fields).into()),
        ..entry("a", "t", cache.tags().mark())
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
        keep(&cache, &key.to_string(), entry("0123456789", "t", cache.tags().mark()));
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
    let (open, other) = ([Tag::of("cart:1")], [Tag::of("cart:2")]);
    keep(&cache, "1", entry("one", "cart:1", tags.mark()));
    keep(&cache, "2", entry("two", "cart:2", tags.mark()));
    tags.open(&open);
    tags.open(&open);
    keep(&cache, "1", entry("one again", "cart:1", tags.mark()));
    assert_eq!(
        (found(&cache, "1", None, 0).as_str(), found(&cache, "2", None, 0).as_str()),
        ("Invalidated", "fresh two")
    );
    tags.close(&open);
    assert_eq!(found(&cache, "1", None, 0), "Invalidated", "one write is still under way");
    tags.close(&open);
    assert_eq!(found(&cache, "1", None, 0), "fresh one again", "it was not named");
    tags.open(&open);
    cache.invalidate(&open, date());
    assert!(!tags.is_alive(&open, tags.mark()), "open also after it was named");
    tags.close(&open);
    assert_eq!(found(&cache, "1", None, 0), "Invalidated", "it was named");
    assert!(tags.is_alive(&open, tags.mark()) && tags.is_alive(&other, tags.mark()));
}

#[test]
fn an_invalidation_kills_what_was_asked_for_before_it_whatever_the_clock_shows() {
    let cache = cache();
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(seconds);
    let tag = [Tag::of("cart:1")];
    let asked = cache.tags().mark_at(at(60));
    cache.invalidate(&tag, at(0));
    assert!(!cache.tags().is_alive(&tag, asked), "the clock was put back in between");
    let asked = cache.tags().mark_at(at(0));
    assert!(cache.tags().is_alive(&tag, asked), "it was asked for after the invalidation");
    // Another process says when it invalidated something.
    cache.tags().name(&tag, Mark::at(at(90)));
    assert!(!cache.tags().is_alive(&tag, cache.tags().mark_at(at(0)).earlier(seconds(1))));
    assert!(cache.tags().is_alive(&tag, cache.tags().mark()), "what is asked for from now on is later");
    cache.tags().name(&tag, Mark::at(at(30)));
    assert!(cache.tags().is_alive(&tag, cache.tags().mark_at(at(90))), "old news change nothing");
}

#[test]
fn moments_order_what_was_done_in_one_process_and_follow_the_clock_between_two() {
    let tags = Tags::default();
    let date = date();
    let moments: Vec<Mark> = (0..1_000).map(|_| tags.advance(date)).collect();
    assert!(moments.is_sorted_by(|one, next| one < next), "each is later, though the clock stands still");
    assert!(moments[0] >= Mark::at(date));
    assert!(moments[999] < Mark::at(date + Duration::from_millis(16)), "they stay close to the clock");
    assert_eq!(Tags::default().advance(date), moments[0], "another process counts the same");
    assert!(Mark::at(date + CLOCK_SKEW).earlier(CLOCK_SKEW) <= Mark::at(date));
}

#[test]
fn a_tag_is_the_same_number_in_every_process() {
    // SipHash-1-3 with a key of zeros; a change would let old and new processes miss each other's invalidations.
    let numbers = ["", "product:7", "product\0all"].map(|text| Tag::of(text).to_number());
    assert_eq!(numbers, [0xd1fb_a762_150c_532c, 0x9820_73c1_a2c6_d5f5, 0xfb81_194c_9327_129c]);
}

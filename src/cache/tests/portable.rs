use super::{NOW, SHARED, headers, kept, seconds};
use crate::cache::freshness::State;
use crate::cache::tags::CLOCK_SKEW;
use crate::cache::{Domain, Entry, Freshness, Mark, Moment, Tag, portable_key};
use bytes::Bytes;
use proptest::prelude::*;
use std::time::{Duration, Instant, SystemTime};

fn moment() -> Moment {
    Moment { now: Instant::now(), date: SystemTime::UNIX_EPOCH + NOW }
}

/// The same moment by the clocks of a process that began long before or after this one.
fn elsewhere(here: Moment, later: Duration) -> Moment {
    Moment { now: here.now + seconds(12_345) + later, date: here.date + later }
}

fn entry(at: Moment) -> Entry {
    let freshness = kept("cache-control: max-age=60, stale-if-error=5\nage: 10", 200, SHARED, None).expect("kept");
    Entry {
        body: Bytes::from_static(b"{\"id\":7}"),
        status: 200,
        fields: Some(["id".to_owned(), "name".to_owned()].into()),
        freshness: Freshness { received: at.now, ..freshness },
        headers: Some(Box::new(headers("etag: \"1\"\nvary: a\nvary: b"))),
        tags: [Tag::of("product:7"), Tag::of("\0all")].into(),
        since: Mark::at(at.date),
    }
}

#[test]
fn an_entry_is_the_same_in_another_process() {
    let here = moment();
    let entry = entry(here);
    let there = elsewhere(here, Duration::ZERO);
    let read = Entry::of_portable(&entry.to_portable(here), there).expect("an entry");
    assert_eq!((&read.body, read.status, &read.fields), (&entry.body, 200, &entry.fields));
    assert_eq!((&read.headers, &read.tags), (&entry.headers, &entry.tags));
    assert_eq!(read.freshness, Freshness { received: there.now, ..entry.freshness });
}

#[test]
fn an_entry_ages_while_it_travels_and_wherever_it_lies() {
    let here = moment();
    // It came five seconds ago.
    let entry = entry(Moment { now: here.now - seconds(5), ..here });
    let bytes = entry.to_portable(here);
    for (later, age, state) in [(0, 15, State::Fresh), (44, 59, State::Fresh), (45, 60, State::Stale)] {
        let there = elsewhere(here, seconds(later));
        let read = Entry::of_portable(&bytes, there).expect("an entry");
        assert_eq!(read.freshness.age(there.now), seconds(age), "{later} s later");
        assert_eq!(read.freshness.state(there.now), state, "{later} s later");
    }
    let early = Moment { date: here.date - seconds(30), ..elsewhere(here, Duration::ZERO) };
    let read = Entry::of_portable(&bytes, early).expect("an entry");
    assert_eq!(read.freshness.age(early.now), seconds(10), "a clock that is late makes it no younger than it came");
}

#[test]
fn an_entry_that_travels_is_older_in_the_order_of_invalidations_by_as_much_as_clocks_may_differ() {
    let here = moment();
    let read = Entry::of_portable(&entry(here).to_portable(here), here).expect("an entry");
    assert!(read.since <= Mark::at(here.date - CLOCK_SKEW));
    assert!(read.since > Mark::at(here.date - CLOCK_SKEW - Duration::from_millis(1)));
}

#[test]
fn a_key_is_the_same_bytes_in_every_process_and_no_two_are_alike() {
    let key = |parts: &[&[u8]], key| portable_key(&Domain::of(parts, true), key);
    assert_eq!(key(&[b"a"], "7"), *b"\x09\0\0\0\x01\0\0\0\0\0\0\0a7");
    assert_ne!(key(&[b"a"], "77"), key(&[b"a7"], "7"));
}

#[test]
fn what_is_no_entry_of_this_version_is_none() {
    let here = moment();
    let bytes = entry(here).to_portable(here);
    for length in 0..bytes.len() {
        assert!(Entry::of_portable(&bytes[..length], here).is_none(), "cut after {length} bytes");
    }
    assert!(Entry::of_portable(&[&bytes[..], b"x"].concat(), here).is_none(), "longer");
    let mut other = bytes;
    other[0] += 1;
    assert!(Entry::of_portable(&other, here).is_none(), "another version");
}

proptest! {
    #[test]
    fn bytes_of_anybody_panic_nowhere(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..300_usize) {
        let here = moment();
        let _ = Entry::of_portable(&bytes, here);
        // And as a part of an entry.
        let mut entry = entry(here).to_portable(here);
        let at = at.min(entry.len());
        entry.splice(at..(at + bytes.len()).min(entry.len()), bytes);
        let _ = Entry::of_portable(&entry, here);
    }
}

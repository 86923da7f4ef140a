use super::{SHARED, guess, headers, kept, seconds};
use crate::cache::freshness::State;
use crate::cache::{CacheKind, Exchange, Freshness, assess, condition, kept_headers, merged};
use std::time::{Duration, Instant, SystemTime};

const DATE: &str = "date: Sun, 06 Nov 1994 08:49:37 GMT\n";

#[test]
fn freshness_lifetime_follows_rfc_9111() {
    for (section, kind, text, expected) in [
        ("§4.2.1", SHARED, "cache-control: max-age=60", 60),
        ("§5.2.2.10: before max-age", SHARED, "cache-control: max-age=60, s-maxage=5", 5),
        ("§5.2.2.10: not for one caller", CacheKind::Private, "cache-control: max-age=60, s-maxage=5", 60),
        ("§5.3: max-age before Expires", SHARED, "cache-control: max-age=60\nexpires: 0", 60),
        ("§5.3: from Date", SHARED, "expires: Sun, 06 Nov 1994 08:50:37 GMT", 60),
        ("RFC 9110 §5.6.7: obsolete dates", SHARED, "expires: Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("RFC 9110 §5.6.7: and older ones", SHARED, "expires: Sun Nov  6 08:50:37 1994", 60),
        ("§1.2.2: beyond all numbers", SHARED, "cache-control: max-age=99999999999", 1 << 31),
    ] {
        let freshness = kept(&format!("{DATE}{text}"), 200, kind, None);
        assert_eq!(freshness.map(|freshness| freshness.lifetime), Ok(seconds(expected)), "{section}: {text}");
    }
    // An answer that is stale from the start is kept if it has a validator.
    for (section, text) in [
        ("§4.2.1: no number", "cache-control: max-age=soon"),
        ("§5.3: no date", "expires: 0"),
        ("§5.3: said in two ways", "expires: Sun, 06 Nov 1994 08:50:37 GMT\nexpires: Sun, 06 Nov 1994 09:50:37 GMT"),
        ("§5.3: in the past", "expires: Sun, 06 Nov 1994 08:49:36 GMT"),
        ("§5.2.2.4", "cache-control: no-cache, max-age=60"),
        ("§5.4", "pragma: no-cache"),
    ] {
        let freshness = kept(&format!("{DATE}{text}\netag: \"1\""), 200, SHARED, Some(guess()));
        assert_eq!(freshness.map(|freshness| freshness.lifetime), Ok(Duration::ZERO), "{section}: {text}");
    }
}

#[test]
fn age_follows_rfc_9111() {
    for (section, text, delay, expected) in [
        ("§4.2.3: fresh from the service", "", 0, 0),
        ("§4.2.3: age_value", "age: 7", 0, 7),
        ("§4.2.3: response_delay", "age: 7", 3, 10),
        ("§4.2.3: apparent_age", "date: Sun, 06 Nov 1994 08:49:17 GMT", 0, 20),
        ("§4.2.3: the greater of both", "age: 30\ndate: Sun, 06 Nov 1994 08:49:17 GMT", 0, 30),
        ("§4.2.3: a clock that is ahead", "date: Sun, 06 Nov 1994 08:59:17 GMT", 0, 0),
        ("§5.1: of several, the first", "age: 7, 100\nage: 50", 0, 7),
        ("§5.1: no number is passed over", "age: old", 0, 0),
        ("§1.2.2: beyond all numbers", "age: 18446744073709551615", 3, (1 << 31) + 3),
    ] {
        let headers = headers(&format!("cache-control: max-age=99999999999\n{text}\netag: \"1\""));
        let sent = Instant::now();
        let received = sent + seconds(delay);
        let date = SystemTime::UNIX_EPOCH + super::NOW;
        let exchange = Exchange { status: 200, headers: &headers, sent, received, date };
        let freshness = assess(&exchange, SHARED, None).expect("kept");
        assert_eq!(freshness.age(received), seconds(expected), "{section}: {text}");
        assert_eq!(freshness.age(received + seconds(9)), seconds(expected + 9), "{section}: resident_time");
    }
}

#[test]
fn the_services_clock_has_no_part_in_the_graphs_rule() {
    let old = kept("date: Sun, 06 Nov 1994 08:00:00 GMT\netag: \"1\"", 200, SHARED, Some(guess())).expect("kept");
    assert_eq!((old.lifetime, old.initial_age), (seconds(60), Duration::ZERO));
}

#[test]
fn what_is_stale_is_served_only_where_it_may() {
    use State::{Fresh, Revalidate, Stale};
    for (section, text, at, expected, on_error) in [
        ("§4.2", "max-age=60", 59, Fresh, true),
        ("§4.2: an age of its lifetime is stale", "max-age=60", 60, Stale, false),
        ("RFC 5861 §3", "max-age=60, stale-while-revalidate=30", 60, Revalidate, false),
        ("RFC 5861 §3", "max-age=60, stale-while-revalidate=30", 89, Revalidate, false),
        ("RFC 5861 §3: not for longer", "max-age=60, stale-while-revalidate=30", 90, Stale, false),
        ("RFC 5861 §3: from the start", "max-age=0, stale-while-revalidate=30", 0, Revalidate, false),
        ("RFC 5861 §4", "max-age=60, stale-if-error=30", 89, Stale, true),
        ("RFC 5861 §4: not for longer", "max-age=60, stale-if-error=30", 90, Stale, false),
        ("§5.2.2.2", "max-age=60, must-revalidate, stale-while-revalidate=30, stale-if-error=30", 60, Stale, false),
        ("§5.2.2.8", "max-age=60, proxy-revalidate, stale-while-revalidate=30", 60, Stale, false),
        ("§5.2.2.10", "s-maxage=60, stale-while-revalidate=30, stale-if-error=30", 60, Stale, false),
        ("§5.2.2.4", "no-cache, stale-while-revalidate=30, stale-if-error=30", 0, Stale, false),
    ] {
        let freshness = kept(&format!("cache-control: {text}\netag: \"1\""), 200, SHARED, None).expect("kept");
        let now = freshness.received + seconds(at);
        assert_eq!(freshness.state(now), expected, "{section}: {text}, {at} s old");
        assert_eq!(freshness.holds_on_error(now, Duration::ZERO), on_error, "{section}: {text}, {at} s old");
    }
    let unsaid = kept("cache-control: max-age=60", 200, SHARED, None).expect("kept");
    let now = unsaid.received + seconds(80);
    assert!(unsaid.holds_on_error(now, seconds(30)), "the configuration says so where the service does not");
    let said = Freshness { stale_if_error: Some(Duration::ZERO), ..unsaid };
    assert!(!said.holds_on_error(now, seconds(30)), "the service wins");
}

#[test]
fn an_answer_is_asked_for_by_its_validators() {
    for (section, text, expected) in [
        ("§4.3.1", "etag: \"1\"", "if-none-match: \"1\""),
        ("§4.3.1", "last-modified: Sun, 06 Nov 1994 08:49:37 GMT", "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
        ("§4.3.1: both", "etag: W/\"1\"\nlast-modified: x", "if-none-match: W/\"1\"\nif-modified-since: x"),
    ] {
        let sent = condition(&headers(text)).expect("a validator");
        let sent: http::HeaderMap = sent.into_iter().collect();
        assert_eq!(sent, headers(expected), "{section}: {text}");
    }
    assert_eq!(condition(&headers("cache-control: max-age=60")), None);
}

#[test]
fn what_still_holds_gets_the_new_headers() {
    for (section, old, told, expected) in [
        (
            "§3.2: replaced",
            "cache-control: max-age=1\netag: \"1\"",
            "cache-control: max-age=60",
            Some("cache-control: max-age=60\netag: \"1\""),
        ),
        ("§3.2: added", "etag: \"1\"", "expires: 0", Some("etag: \"1\"\nexpires: 0")),
        ("§4.2.3: the old age is over", "etag: \"1\"\nage: 9\ndate: x", "", Some("etag: \"1\"")),
        ("§4.3.4: weak or not", "etag: W/\"1\"", "etag: \"1\"", Some("etag: \"1\"")),
        ("§4.3.4: another answer", "etag: \"1\"", "etag: \"2\"", None),
    ] {
        assert_eq!(merged(&headers(old), &headers(told)), expected.map(headers), "{section}: {old} + {told}");
    }
}

#[test]
fn only_headers_that_decide_are_kept() {
    let all = headers("cache-control: max-age=1\netag: \"1\"\nset-cookie: secret=1\nx-other: 1\ndate: x");
    assert_eq!(kept_headers(&all), headers("cache-control: max-age=1\netag: \"1\"\nset-cookie:\ndate: x"));
    assert!(kept_headers(&headers("date: x\nx-other: 1")).is_empty(), "who says nothing of caching costs nothing");
}

use super::{headers, seconds};
use crate::cache::directives::Directives;

#[test]
fn directives_are_read_as_rfc_9111_says() {
    let none = Directives::default();
    let max_age = |count| Directives { max_age: Some(seconds(count)), ..none };
    for (section, value, expected) in [
        ("§5.2", "max-age=60", max_age(60)),
        ("§5.2: names in any case", "Max-Age=60", max_age(60)),
        ("§5.2: a quoted value", "max-age=\"60\"", max_age(60)),
        ("RFC 9110 §5.6.1: empty members", ",, max-age=60 ,,", max_age(60)),
        ("§5.2.3: unknown ones are passed over", "ext=\"a, no-store\", max-age=60, x", max_age(60)),
        ("§5.2.3: escapes in them", "ext=\"\\\", no-store\", max-age=60", max_age(60)),
        ("§5.2.3: an open quote ends with the field", "max-age=60, ext=\"no-store", max_age(60)),
        ("§4.2.1: no number is stale", "max-age=soon", max_age(0)),
        ("§4.2.1: a sign is no digit", "max-age=-1", max_age(0)),
        ("§4.2.1: nor is a point", "max-age=60.5", max_age(0)),
        ("§4.2.1: nor is nothing", "max-age=", max_age(0)),
        ("§4.2.1: nor is no value", "max-age", max_age(0)),
        ("§4.2.1: of two, the shorter", "max-age=60, max-age=5", max_age(5)),
        ("§1.2.2: beyond all numbers", "max-age=99999999999999999999999", max_age(1 << 31)),
        ("§5.2: no space before `=`", "max-age =60", none),
        ("§5.2.2.4: names of fields count as none", "no-cache=\"set-cookie\"", Directives { no_cache: true, ..none }),
        ("§5.2.2.7: here too", "private=\"a, b\"", Directives { private: true, ..none }),
        ("§5.2.1.2: any time", "max-stale", Directives { max_stale: Some(seconds(1 << 31)), ..none }),
        ("§5.2.1.2", "max-stale=7", Directives { max_stale: Some(seconds(7)), ..none }),
        (
            "RFC 5861",
            "stale-while-revalidate=3, stale-if-error=4",
            Directives { stale_while_revalidate: Some(seconds(3)), stale_if_error: Some(seconds(4)), ..none },
        ),
    ] {
        let found = Directives::of(&headers(&format!("cache-control: {value}")));
        assert_eq!(found, expected, "{section}: {value}");
    }
}

#[test]
fn several_fields_are_one_list() {
    let found = Directives::of(&headers("cache-control: max-age=60\ncache-control: no-store"));
    assert!(found.no_store && found.max_age == Some(seconds(60)));
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[ -~\\x80-\\xff]{0,80}") {
        if let Ok(value) = http::HeaderValue::from_bytes(text.as_bytes()) {
            let _ = Directives::of(&[(http::header::CACHE_CONTROL, value)].into_iter().collect());
        }
    }
}

use super::{Json, MAX_DEPTH, Number, ReadError, Value, check, is_deeper_than, member, to_integer};
use proptest::prelude::*;

fn read(text: &str) -> Result<Value, ReadError> {
    Value::read(text.as_bytes())
}

#[test]
fn numbers_keep_their_text() {
    for digits in ["0", "-0", "1.0", "1e400", "-1E-7", "12345678901234567.25", "123456789012345678901234567890"] {
        let text = format!(r#"{{"a":[{digits}]}}"#);
        assert_eq!(read(&text).unwrap().to_string(), text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap().to_string(), text);
        assert_eq!(serde_json::to_string(&read(&text).unwrap()).unwrap(), text);
    }
    for wrong in ["", "-", "01", "1.", ".5", "1e", "+1", "NaN", " 1", "1 ", "1,"] {
        assert_eq!(Number::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn equal_names_are_refused_where_that_is_asked_for() {
    for (text, is_unique) in [
        (r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}"#, true),
        (r#"{"a":1,"a":1}"#, false),
        (r#"{"a":1,"\u0061":2}"#, false),
        (r#"[{"b":{"a":1,"c":2,"a":3}}]"#, false),
    ] {
        let wanted = if is_unique { read(text) } else { Err(ReadError::Repeated) };
        assert_eq!(Value::read_unique(text.as_bytes()), wanted, "{text}");
        assert!(read(text).is_ok(), "{text}");
    }
}

#[test]
fn numbers_are_equal_by_value() {
    let equal = [
        vec!["1", "1.0", "1e0", "10e-1", "0.1e1", "1.000e+0", "100E-2"],
        vec!["0", "-0", "0.0", "0e999999999999999999999999999999999999999999", "-0.000E5"],
        vec!["-12.5", "-1.25e1", "-125e-1"],
        vec!["1e400", "10e399", "0.001e403", "1E+400"],
        vec!["9007199254740993", "9007199254740993.0", "9.007199254740993e15"],
        vec!["9007199254740992", "9007199254740992.0"],
        vec!["0.1", "1e-1", "0.10"],
        vec!["0.1000000000000000055511151231257827"],
        vec!["123456789012345678901234567890", "12345678901234567890123456789e1"],
        vec!["1e99999999999999999999999999999999999999999"],
        vec!["5e-324"],
        vec!["4.9406564584124654e-324"],
    ];
    for (at, group) in equal.iter().enumerate() {
        for (number, other_group) in equal.iter().enumerate() {
            for one in group {
                for other in other_group {
                    let is_equal = read(one).unwrap().is_equal(&read(other).unwrap());
                    assert_eq!(is_equal, at == number, "{one} and {other}");
                }
            }
        }
    }
    assert!(read(r#"{"a":[1.0],"b":2}"#).unwrap().is_equal(&read(r#"{"b":2e0,"a":[1]}"#).unwrap()));
    assert!(!read(r#"["1"]"#).unwrap().is_equal(&read("[1]").unwrap()));
}

#[test]
fn integers_are_told_exactly() {
    for (text, integer) in [
        ("1.0", Some(1)),
        ("-1e3", Some(-1000)),
        ("1200e-2", Some(12)),
        ("-0.0", Some(0)),
        ("1.5", None),
        ("1e-1", None),
        ("1.00000000000000000000000000001", None),
        ("18446744073709551615", Some(u64::MAX.into())),
        ("18446744073709551616", None),
        ("-9223372036854775808", Some(i64::MIN.into())),
        ("-9223372036854775809", None),
        ("0e400", Some(0)),
        ("1e400", None),
        ("1e99999999999999999999999999999999999999999", None),
    ] {
        assert_eq!(to_integer(text), integer, "{text}");
    }
}

#[test]
fn half_of_a_surrogate_pair_is_no_text_and_no_error_of_grammar() {
    for text in
        [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ude00\ud83d""#, r#"{"a":["\uD800"]}"#, r#"{"\udfff":1}"#]
    {
        assert_eq!(read(text), Err(ReadError::HalfSurrogate), "{text}");
        let mut cursor = Json::new(text.as_bytes()).unwrap();
        assert_eq!(cursor.skip(), Ok(0..text.len()));
    }
    assert_eq!(read(r#""\ud83d\ude00\u00e9\n\/\"\\\u0000""#).unwrap(), Value::from("😀é\n/\"\\\0"));
    // The halves stay apart from each other and from all text.
    let decoded = |text: &str| Json::new(text.as_bytes()).unwrap().string().unwrap().decode().into_owned();
    assert_ne!(decoded(r#""\ud800""#), decoded(r#""\ud801""#));
    assert_ne!(decoded(r#""\ud800""#), decoded(r#""\ufffd""#));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}1{}", r#"[{"a":"#.repeat(depth / 2), "}]".repeat(depth / 2));
    assert!(read(&nested(MAX_DEPTH as usize)).is_ok());
    assert_eq!(read(&nested(MAX_DEPTH as usize + 2)), Err(ReadError::TooDeep));
    assert_eq!(read(&"[".repeat(1_000_000)), Err(ReadError::TooDeep));
}

#[test]
fn what_other_readers_take_for_a_mark_of_their_own_is_an_object() {
    for name in ["$serde_json::private::Number", "$serde_json::private::RawValue"] {
        let text = format!(r#"{{"{name}":"[1]"}}"#);
        assert_eq!(read(&text).unwrap().to_string(), text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap().to_string(), text);
    }
}

#[test]
fn depth_counts_nesting_outside_of_strings() {
    for (body, depth) in [
        ("1", 0),
        ("[]", 1),
        (r#"[[],{"a":[]},[]]"#, 3),
        (r#"{"a":"[[[[\"[["}"#, 1),
        (r#"["\\",[1]]"#, 2),
        (r#"]]][["#, 2),
        (r#"["unended [["#, 1),
    ] {
        assert!(!is_deeper_than(body.as_bytes(), depth), "{body} within {depth}");
        assert!(depth == 0 || is_deeper_than(body.as_bytes(), depth - 1), "{body} over {depth}");
    }
}

#[test]
fn what_is_skipped_is_nested_no_deeper_than_what_is_read() {
    let nest = |open: &str, close: &str, depth: usize| [open.repeat(depth), "1".into(), close.repeat(depth)].concat();
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[1,{\"a\":[],\"b\":", "}]")] {
        let levels = open.matches(['[', '{']).count() - open.matches(']').count();
        for depth in [1, 60, 1_000_000] {
            let is_allowed = depth * levels <= MAX_DEPTH as usize;
            assert_eq!(check(nest(open, close, depth).as_bytes()).is_ok(), is_allowed, "{open} {depth} times");
        }
    }
    assert!(check(nest("[", "]", 128).as_bytes()).is_ok());
    assert!(check(nest("[", "]", 129).as_bytes()).is_err());
    // Whether a level was entered or skipped makes no difference.
    let text = nest("[", "]", 129);
    let mut json = Json::new(text.as_bytes()).unwrap();
    (0..100).for_each(|_| json.enter().unwrap());
    assert!(json.skip().is_err());
}

#[test]
fn a_member_is_found_by_its_path() {
    let path = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let text = r#"{"a": {"b": [1, 2]}, "\u0063": 3, "d": 1, "d": {"b": null}}"#;
    for (at, expected) in [
        ("a", Some(r#"{"b": [1, 2]}"#)),
        ("a.b", Some("[1, 2]")),
        ("c", Some("3")),
        ("d.b", Some("null")),
        ("a.c", None),
        ("c.a", None),
    ] {
        assert_eq!(member(text, &path(at)), expected, "{at}");
    }
    assert_eq!(member("[1]", &[]), Some("[1]"));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_read_and_written_as_by_serde_json(json in any_json()) {
        let text = json.to_string();
        let value = read(&text).unwrap();
        prop_assert_eq!(value.to_string(), text.as_str());
        prop_assert_eq!(&value, &Value::from(json));
        prop_assert!(value.is_equal(&value));
    }

    #[test]
    fn what_is_no_json_is_refused(text in "[-+0-9eE.,:\\[\\]{}\"\\\\ tfnulaes]{0,12}") {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(read(&text) != Err(ReadError::NotJson), is_json);
    }
}

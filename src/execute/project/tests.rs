use super::compare::{Case, Draw, NAMES, name};
use crate::plan::{Capture, ObjectCapture, SlotId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Odd values, each right or wrong in its own way. Most of the wrong ones look like JSON unless they are read closely.
const ODD: [&str; 46] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "12.5",
    "1e5",
    "1E+5",
    "-1.5e-3",
    "1e999",
    "-1e999",
    "123456789012345678901234567890",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "1e+",
    "+1",
    "0x1",
    "nul",
    "nulll",
    "True",
    "NaN",
    "\"\"",
    "\"a\"",
    "\"b\\n\\u00e9\\\"\\/\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\u{e9}\u{1f600}\"",
    "\"\t\"",
    "\"a long text with a \\\\ in it, and more than two words\"",
    "\"a long text with a\u{1f} in it, and more than two words\"",
    "\"not closed",
    "[]",
    "{}",
    "[1,2,]",
    "{\"a\":1,}",
];

/// Writes a body that mostly fits a capture.
fn fit(capture: &Capture, draw: &mut Draw<'_>, depth: u32, out: &mut String) {
    if depth > 8 || draw.below(12) == 1 {
        return odd(draw, out);
    }
    match capture {
        Capture::Leaf(_) => match draw.below(6) {
            0..=2 => out.push_str(["1", "\"a\"", "\"1\"", "2", "3", "\"b\""][draw.below(6) as usize]),
            3 => object(&[], draw, depth, out),
            _ => odd(draw, out),
        },
        Capture::Object(of) => object(&[of], draw, depth, out),
        Capture::Abstract(of) => object(&of.variants.iter().collect::<Vec<_>>(), draw, depth, out),
        Capture::Index { item, .. } | Capture::List { item, .. } | Capture::Items { item, .. } => {
            out.push('[');
            for at in 0..draw.below(6) {
                out.push_str(if at > 0 { "," } else { "" });
                space(draw, out);
                fit(item, draw, depth + 1, out);
            }
            space(draw, out);
            out.push(']');
        }
        Capture::Many(all) => match all.get(draw.below(4) as usize) {
            Some(capture) => fit(capture, draw, depth, out),
            None => odd(draw, out),
        },
    }
}

fn object(like: &[&ObjectCapture], draw: &mut Draw<'_>, depth: u32, out: &mut String) {
    let wanted: Vec<_> = like.iter().flat_map(|object| &object.properties).collect();
    out.push('{');
    for at in 0..draw.below(7) {
        out.push_str(if at > 0 { "," } else { "" });
        space(draw, out);
        let known = wanted.get(draw.below(wanted.len() as u8 + 2) as usize);
        match (known, draw.below(8)) {
            (None, 0) => {
                out.push_str(["\"\\ud83d\"", "\"\\u0069d\"", "\"\u{1f}\"", "1", "\"other\""][draw.below(5) as usize])
            }
            (None, _) => out.push_str(&serde_json::to_string(name(draw)).unwrap()),
            (Some((name, _)), _) => out.push_str(&serde_json::to_string(name).unwrap()),
        }
        space(draw, out);
        out.push(':');
        space(draw, out);
        match known {
            Some((_, capture)) => fit(capture, draw, depth + 1, out),
            None => odd(draw, out),
        }
    }
    out.push('}');
}

fn odd(draw: &mut Draw<'_>, out: &mut String) {
    // Most are taken from the values that are JSON; otherwise hardly any body would be.
    let odd = ODD.iter().filter(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
    let odd: Vec<_> = if draw.below(12) == 1 { ODD.iter().collect() } else { odd.collect() };
    out.push_str(odd[draw.below(odd.len() as u8) as usize]);
}

fn space(draw: &mut Draw<'_>, out: &mut String) {
    out.push_str(["", "", "", " ", "\n", "\r\n\t  "][draw.below(6) as usize]);
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Remove(usize),
    Insert(usize, u8),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(&b"\"\\{}[],:0-9.eEu \n\x00\x1f\x7f\xc3\xff"[..])];
    prop_oneof![
        (any::<usize>(), byte.clone()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        any::<usize>().prop_map(Damage::Remove),
        (any::<usize>(), byte).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<usize>().prop_map(Damage::Cut),
    ]
}

fn apply(damage: &Damage, body: &mut Vec<u8>) {
    let len = body.len().max(1);
    match *damage {
        Damage::Insert(at, byte) => body.insert(at % len.min(body.len() + 1), byte),
        _ if body.is_empty() => {}
        Damage::Flip(at, byte) => body[at % len] = byte,
        Damage::Remove(at) => drop(body.remove(at % len)),
        Damage::Cut(at) => body.truncate(at % len),
    }
}

#[test]
fn the_scanner_leaves_what_the_oracle_leaves() {
    let script = vec(any::<u8>(), 0..80);
    let cases = (script, vec(any::<u8>(), 0..300), vec(damage(), 0..3));
    let json = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 20_000, ..Config::default() });
    runner
        .run(&cases, |(script, fill, damages)| {
            let case = Case::new(&script);
            let mut text = String::new();
            fit(&case.capture, &mut Draw(fill.iter()), 0, &mut text);
            let mut body = text.into_bytes();
            damages.iter().for_each(|damage| apply(damage, &mut body));
            json.set(json.get() + u32::from(serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok()));
            case.compare(&body).map_err(TestCaseError::fail)
        })
        .unwrap();
    // The bodies are neither all JSON nor all malformed.
    assert!((4_000..16_000).contains(&json.get()), "{} of 20,000 bodies are JSON", json.get());
}

#[test]
fn odd_values_mean_the_same_wherever_they_stand() {
    // An object, a list, a leaf, an abstract object, and a list of which one item is taken, with everything unknown.
    let places: Vec<Case> =
        (0..=255).step_by(5).map(|byte| Case::new(&[0, byte, byte / 3, byte / 7, 1, 2, 3, 6, 9, 8, 0])).collect();
    for odd in ODD {
        for case in &places {
            let mut bodies = vec![
                odd.to_owned(),
                format!(" {odd} "),
                format!("[{odd}]"),
                format!("[1,{odd},2]"),
                format!("{odd} x"),
            ];
            for name in NAMES {
                let name = serde_json::to_string(name).unwrap();
                bodies.push(format!("{{{name}:{odd}}}"));
                bodies.push(format!("{{\"other\":{odd},{name}:[{odd},{{{name}:{odd}}}]}}"));
                bodies.push(format!("{{{name}:1,{name}:{odd}}}"));
            }
            for body in bodies {
                case.compare(body.as_bytes()).unwrap_or_else(|difference| panic!("{difference}"));
            }
        }
    }
}

#[test]
fn nesting_is_bounded_whether_it_is_kept_copied_or_skipped() {
    let nest = |open: &str, middle: &str, depth: usize| [&open.repeat(depth), middle, &"]".repeat(depth)].concat();
    // A list is kept as text, is skipped because an object is wanted, or is kept list by list.
    let copied = Case::new(&[0, 0]);
    let skipped = Case::new(&[0, 3, 1, 1, 1]);
    let kept = (0..140).fold(Capture::Leaf(SlotId(0)), |item, _| Capture::Index { index: 0, item: Box::new(item) });
    let kept = Case { capture: kept, pairing: None, widths: vec![1, 1], max_items: u32::MAX };
    for case in [&copied, &skipped, &kept] {
        for depth in [1, 63, 64, 65, 126, 127, 128, 129, 10_000] {
            for (open, middle) in [("[", ""), ("[1,", "2"), ("[", "1"), ("[[],", "{}")] {
                let body = nest(open, middle, depth);
                case.compare(body.as_bytes()).unwrap();
                case.compare(&body.as_bytes()[..body.len() - 1]).unwrap();
                // `{}` is a level too, and so is `[]` beside the inner lists.
                let levels = depth + usize::from(middle == "{}");
                assert_eq!(case.is_read(body.as_bytes()), levels <= 128, "{levels} levels of {case:?}");
            }
        }
    }
    // After a member that nobody wants, and in an object whose type must be found first.
    for script in [&[0, 3, 1, 1, 1][..], &[0, 9, 1, 0, 0, 0]] {
        for depth in [127, 128, 1_000_000] {
            let body = format!("{{\"other\":{}}}", nest("[", "", depth));
            let case = Case::new(script);
            case.compare(body.as_bytes()).unwrap();
            assert_eq!(case.is_read(body.as_bytes()), depth < 128, "{depth} levels of {case:?}");
        }
    }
}

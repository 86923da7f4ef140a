//! Properties that hold for all mappings.

use super::{Mapping, MappingText, Use, parse};
use crate::diagnostic::{Finding, Sources};
use proptest::prelude::*;

fn parsed(text: &str, used: Use) -> Result<Mapping, Box<Finding>> {
    let literal = format!("\"\"\"{text}\"\"\"");
    let mut sources = Sources::default();
    let file = sources.add("a.graphql", literal.as_str());
    parse(&MappingText::of_literal(file, &literal, 0), used)
}

#[test]
fn mappings_print_as_they_are_meant() {
    for (used, text, printed) in [
        (Use::Answer, "$.items", "$.items"),
        (Use::Answer, "id  name: a.b?.c", "id  name: a.b?.c"),
        (Use::Answer, "$.content { id lines: items { qty } }", "$.content { id  lines: items { qty } }"),
        (Use::Answer, "a: { b c }, d: list[0].x->first", "a: { b  c }  d: list[0].x->first"),
        (Use::Answer, "a: $(next->eq(null)->not)", "a: next->eq(null)->not"),
        (Use::Answer, "a: b ?? $('x') c: $args.d", "a: b ?? $(\"x\")  c: $args.d"),
        (Use::Answer, "t: kind->match([['a', 'A'], ['b', 'B']])", "t: kind->match([[\"a\", \"A\"], [\"b\", \"B\"]])"),
        (Use::Answer, "skus: errors->map(@.sku.x)", "skus: errors->map(@.sku.x)"),
        (Use::Answer, "a: 'x-y'.\"z w\"", "a: \"x-y\".\"z w\""),
        (
            Use::Request,
            "Idempotency-Key: $args.key  a.b: $batch->size",
            "Idempotency-Key: $args.key  a.b: $batch->size",
        ),
        (Use::Request, "a: [1, $claims.sub] b: { c: true }", "a: [$(1), $claims.sub]  b: { c: $(true) }"),
        (Use::Request, "$args.input", "$args.input"),
        (Use::Answer, "a: $(b.c).d", "a: b.c.d"),
        (Use::Answer, "a: $($($.b)[0])", "a: $.b[0]"),
        (Use::Answer, r#"a: $("\u00e9\/\"\\")"#, r#"a: $("é/\"\\")"#),
        (Use::Answer, "a: $(1.5e-7)", "a: $(1.5e-7)"),
    ] {
        assert_eq!(parsed(text, used).map(|mapping| mapping.to_string()), Ok(printed.to_owned()), "{text}");
    }
}

#[test]
fn what_is_outside_the_subset_is_refused_by_name() {
    for (used, text, code) in [
        (Use::Answer, "", "C001"),
        (Use::Answer, "a { b", "C001"),
        (Use::Answer, "a: 'x", "C001"),
        (Use::Answer, "a: $env.X", "C002"),
        (Use::Answer, "a: $request.headers", "C002"),
        (Use::Answer, "...rest", "C003"),
        (Use::Answer, "*", "C003"),
        (Use::Answer, "a  $.b", "C003"),
        (Use::Answer, "a: @", "C003"),
        (Use::Answer, "a: $(b ?? c)", "C003"),
        (Use::Request, "a: $args.x { y }", "C003"),
        (Use::Answer, "a: b->entries", "C004"),
        (Use::Answer, &"a { ".repeat(40), "C005"),
        (Use::Answer, &format!("a: {}b{}", "$(".repeat(9_000), ")".repeat(9_000)), "C005"),
        (Use::Request, &format!("a: {}", "[".repeat(9_000)), "C005"),
        (Use::Answer, &format!("a: $({}", "[".repeat(9_000)), "C005"),
        (Use::Answer, &"a ".repeat(40_000), "C005"),
        (Use::Answer, "a b a", "C006"),
        (Use::Answer, "id: $(a b)", "C001"),
        (Use::Answer, "id: $(a, b)", "C001"),
        (Use::Answer, "id: $(a", "C001"),
        (Use::Answer, "id: $(a))", "C001"),
        (Use::Answer, "id: $()", "C001"),
        (Use::Answer, "id: $(1 2)", "C001"),
        (Use::Answer, "id: $('a' b)", "C001"),
        (Use::Answer, "id: $(a { b })", "C003"),
        (Use::Answer, "id: $('a').b", "C003"),
        (Use::Answer, "id: $('a')->size", "C003"),
        (Use::Answer, "id: { a }.b", "C003"),
        (Use::Answer, "id: { a }[0]", "C003"),
        (Use::Request, "id: { a: 1 }.b", "C003"),
        (Use::Request, "id: [1, 2]->size", "C003"),
        (Use::Request, "id: 5.x", "C001"),
        (Use::Request, "id: 12abc", "C001"),
        (Use::Request, "id: 1.2.3", "C001"),
        (Use::Request, "id: 01", "C001"),
        (Use::Request, "$args.input $args.other", "C001"),
        (Use::Request, "id: $args.id x", "C001"),
        (Use::Answer, r#"a: $("\q")"#, "C001"),
        (Use::Answer, r#"a: $("\u12")"#, "C001"),
        (Use::Answer, r#"a: $("\ud83d")"#, "C001"),
        (Use::Answer, "a: $({ b: 1, b: 2 })", "C006"),
        (Use::Answer, "a: b->match()", "C001"),
        (Use::Answer, "a: b->match([])", "C001"),
        (Use::Answer, "a: b->match(['x', 1], ['x', 2])", "C006"),
        (Use::Answer, "a: b->match(['x', 1, 2])", "C001"),
        (Use::Answer, "a: b->first(1)", "C001"),
        (Use::Answer, "a: b->eq(1, 2)", "C001"),
        (Use::Answer, "a: b->map()", "C001"),
        (Use::Answer, "a..b", "C001"),
        (Use::Answer, "a.", "C001"),
        (Use::Answer, "a ??", "C001"),
        (Use::Answer, "a: b }", "C001"),
        (Use::Answer, "a[-1]", "C001"),
        (Use::Answer, "a[0", "C001"),
    ] {
        let code_found = parsed(text, used).map_err(|finding| finding.code.as_str()).map(|mapping| mapping.to_string());
        assert_eq!(code_found, Err(code), "{}", text.chars().take(40).collect::<String>());
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,6}"
}

fn path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        name().prop_map(|name| format!(".{name}")),
        (0u32..9).prop_map(|index| format!("[{index}]")),
        Just("?".to_owned()),
        Just(".\"a b\\\"c\"".to_owned()),
    ];
    let end = prop_oneof![
        Just(String::new()),
        Just("->first".to_owned()),
        Just("->size".to_owned()),
        Just("->match([[\"a\", 1], [null, true]])".to_owned()),
        Just(" ?? $([1, {\"a\": \"b\"}])".to_owned()),
    ];
    (prop_oneof![name(), Just("$".to_owned())], prop::collection::vec(step, 0..4), end)
        .prop_map(|(start, steps, end)| format!("{start}{}{end}", dedup(&steps.concat())))
}

fn fields() -> impl Strategy<Value = String> {
    let leaf = path().prop_map(|path| path);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop::collection::btree_map(name(), inner, 1..4).prop_map(|members| {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            format!("{{ {} }}", members.join("  "))
        })
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_again_gives_the_same(name in name(), value in fields()) {
        let text = format!("{name}: {value}");
        let printed = parsed(&text, Use::Answer).map(|mapping| mapping.to_string());
        prop_assert!(printed.is_ok(), "{text}: {printed:?}");
        let printed = printed.unwrap_or_default();
        let again = parsed(&printed, Use::Answer).map(|mapping| mapping.to_string());
        prop_assert_eq!(again, Ok(printed));
    }

    #[test]
    fn no_text_panics_and_every_span_lies_inside(text in "[a-c$@.:{}()\\[\\]?>\"'\\\\ \n0-9é*-]{0,60}") {
        for used in [Use::Answer, Use::Request] {
            if let Err(finding) = parsed(&text, used) {
                for label in finding.labels {
                    prop_assert!(label.span.start <= label.span.end);
                    prop_assert!(label.span.end as usize <= text.len() + 6);
                }
            }
        }
    }
}

/// Replaces `??` by `?`, because `??` is an operator of its own and two optional marks never stand side by side.
fn dedup(steps: &str) -> String {
    let mut steps = steps.to_owned();
    while steps.contains("??") {
        steps = steps.replace("??", "?");
    }
    steps
}

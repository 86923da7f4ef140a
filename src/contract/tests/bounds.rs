//! Bounds: no file makes the reader panic, hang or use unbounded memory.

use super::{read_text, with_schemas};
use crate::contract::Contract;
use proptest::prelude::*;
use std::fmt::Write as _;

fn codes(findings: &str) -> Vec<&str> {
    findings.lines().filter(|line| !line.starts_with(' ')).map(|line| &line[..4]).collect()
}

#[test]
fn deep_nesting_is_a_finding() {
    for text in ["[".repeat(200_000), "{a: ".repeat(200_000), "- ".repeat(10_000)] {
        let (contract, findings) = read_text(&text);
        assert!(contract.is_none());
        assert_eq!(codes(&findings), ["E003"], "{}: {findings}", &text[..5]);
    }
}

#[test]
fn large_files_are_refused() {
    assert_eq!(codes(&read_text(&"#".repeat(64 * 1024 * 1024 + 1)).1), ["E002"]);
}

#[test]
fn alias_bombs_cost_nothing() {
    let mut text = "openapi: 3.1.0\npaths: {}\na0: &a0 {type: object}\n".to_owned();
    for level in 1..100 {
        let before = level - 1;
        let _ = writeln!(
            text,
            "a{level}: &a{level} {{allOf: [*a{before}, *a{before}], properties: {{x: *a{before}, y: *a{before}}}}}"
        );
    }
    text.push_str("components: {schemas: {A: *a99}}\n");
    let (_, findings) = read_text(&text);
    assert_eq!(codes(&findings), ["E021"]);

    // Merge keys copy entries, and the number of copies is bounded.
    let mut text = "openapi: 3.1.0\npaths: {}\nbase: &b {".to_owned();
    (0..2_000).for_each(|key| text.push_str(&format!("k{key}: 1, ")));
    text.push_str("}\nmany:\n");
    (0..2_000).for_each(|key| text.push_str(&format!("  m{key}: {{<<: *b}}\n")));
    assert_eq!(codes(&read_text(&text).1), ["E002"]);
}

#[test]
fn chains_end() {
    let mut refs = String::new();
    let mut extends = String::new();
    for level in 0..3_000 {
        let next = level + 1;
        let _ = writeln!(refs, "    S{level}: {{$ref: '#/components/schemas/S{next}'}}");
        let _ =
            writeln!(extends, "    S{level}: {{allOf: [{{$ref: '#/components/schemas/S{next}'}}], description: x}}");
    }
    let end = "    S3000: {type: string}\n";
    let (_, findings) = read_text(&with_schemas("3.0.0", &(refs + end)));
    assert!(codes(&findings).iter().all(|code| *code == "E012"), "{findings}");
    let (_, findings) = read_text(&with_schemas("3.0.0", &(extends + end)));
    assert_eq!(codes(&findings), ["E003"]);
}

#[test]
fn too_many_schemas_are_a_finding() {
    let mut schemas = String::new();
    (0..100_001).for_each(|index| schemas.push_str(&format!("    S{index}: {{type: string}}\n")));
    assert_eq!(codes(&read_text(&with_schemas("3.0.0", &schemas)).1), ["E021"]);
}

/// Random text that mostly looks like a contract.
fn contract_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "openapi",
        "paths",
        "components",
        "schemas",
        "A",
        "B",
        "get",
        "/a/{id}",
        "parameters",
        "responses",
        "200",
        "content",
        "application/json",
        "schema",
        "type",
        "object",
        "string",
        "null",
        "properties",
        "allOf",
        "oneOf",
        "$ref",
        "'#/components/schemas/A'",
        "'#/components/schemas/B'",
        "items",
        "enum",
        "required",
        "discriminator",
        "propertyName",
        "mapping",
        "minimum",
        "1.5",
        "-9223372036854775808",
        "true",
        "3.1.0",
        "&a",
        "*a",
        "<<",
        "ä",
        "",
        "requestBody",
        "headers",
        "Sunset",
        "example",
        "name",
        "in",
        "path",
        "nullable",
        "~",
        "|",
        ">",
        "!!str",
        "\"\\ud83d\"",
        "'",
        "\"",
        "---",
        "#",
    ]);
    let glue = prop::sample::select(vec![
        ": ", ":\n  ", "\n", "\n  ", "\n    ", "\n- ", "{", "}", "[", "]", ", ", " ", "\t", "\r\n",
    ]);
    prop::collection::vec((word, glue), 0..60).prop_map(|parts| {
        let body: String = parts.into_iter().flat_map(|(word, glue)| [word, glue]).collect();
        body
    })
}

/// Random trees of schema keywords that are well formed.
fn schema_tree() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "{type: string}",
        "{type: [integer, 'null'], minimum: 3}",
        "{$ref: '#/components/schemas/A'}",
        "{$ref: '#/components/schemas/B', nullable: true}",
        "{}",
        "true",
        "{const: a}",
        "{enum: [a, 1, null]}",
        "[]",
        "7",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 60, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| items.join(", "));
        (prop::sample::select(vec!["allOf", "oneOf", "anyOf"]), list, inner.clone(), inner).prop_map(|(key, list, a, b)| {
            format!("{{{key}: [{list}], properties: {{a: {a}, b: {b}}}, items: {b}, discriminator: {{propertyName: a, mapping: {{x: A}}}}}}")
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_an_answer(text in "\\PC*|[\\x00-\\x7f]{0,200}") {
        let (contract, findings) = read_text(&text);
        prop_assert!(contract.is_some() || !findings.is_empty());
    }

    #[test]
    fn contract_like_text_gives_an_answer(text in contract_like(), is_started in any::<bool>()) {
        let start = if is_started { "openapi: 3.1.0\npaths:\n  " } else { "" };
        let (contract, findings) = read_text(&format!("{start}{text}"));
        prop_assert!(contract.is_some() || !findings.is_empty());
    }

    #[test]
    fn any_tree_of_schemas_gives_an_answer(a in schema_tree(), b in schema_tree(), is_old in any::<bool>()) {
        let version = if is_old { "3.0.0" } else { "3.1.0" };
        let (contract, findings) = read_text(&with_schemas(version, &format!("    A: {a}\n    B: {b}\n")));
        prop_assert!(contract.is_some() || !findings.is_empty());
        for schema in contract.iter().flat_map(Contract::schemas) {
            if let crate::contract::SchemaKind::OneOf { variants, .. } = &schema.kind {
                prop_assert!(variants.len() > 1);
            }
        }
    }
}

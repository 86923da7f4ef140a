//! The rules are bounded and always give the same errors. Their errors are compared with those of graphql-js in
//! `tests/it`.

use super::explain;
use apollo_compiler::Schema;
use apollo_compiler::ast::Document;
use apollo_compiler::validation::Valid;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

fn schema() -> Valid<Schema> {
    let text =
        "type Query { a(x: Int, in: In): Query b: Int u: U } union U = Query | Other type Other { b: String c: U }
        input In { x: Int in: In list: [In!] }";
    Schema::parse_and_validate(text, "schema.graphql").unwrap_or_else(|error| panic!("{}", error.errors))
}

fn parsed(text: String) -> Document {
    Document::parse(text, "operation").unwrap_or_else(|error| panic!("{}", error.errors))
}

/// Documents of about 60 KB that cause as much work as such documents can.
fn towers() -> Vec<(&'static str, String)> {
    let spreads = |count: usize| (0..count).map(|number| format!("...F{number} ")).collect::<String>();
    let mut chain = String::from("{ ...F0 nope }");
    for number in 0..1_500 {
        let _ = write!(chain, " fragment F{number} on Query {{ a {{ ...F{} x: b }} ...F{0} }}", number + 1);
    }
    let mut grid = format!("{{ {} nope }}", spreads(100));
    for number in 0..100 {
        let _ = write!(grid, " fragment F{number} on Query {{ x{number}: b a {{ {} }} }}", spreads(100));
    }
    let mut operations = String::new();
    for number in 0..800 {
        let _ = write!(operations, "query Q{number}($x: Int) {{ ...F0 }} ");
    }
    operations.push_str("fragment F0 on Query { ");
    (0..800).for_each(|number| _ = write!(operations, "x{number}: a(x: $y) {{ b }} "));
    operations.push('}');
    let same = format!("{{ {} }}", "x: a(x: 1) { b } x: a(x: 2) { u { ... on Query { b } } } ".repeat(1_000));
    let nested = format!("{{ {}b nope{} }}", "a { a ".repeat(150), " }".repeat(150));
    let literal = format!("{{ a(in: {}{{ y: 1 }}{}) {{ b }} }}", "{ in: ".repeat(150), " }".repeat(150));
    let wide = format!("{{ a(in: {{ list: [{}] }}) {{ b }} }}", "{ x: 1, x: \"1\", y: $z } ".repeat(2_000));
    let cycle: String =
        (0..500).map(|number| format!("fragment F{number} on Query {{ ...F{} b }} ", (number + 1) % 500)).collect();
    vec![
        ("chain", chain),
        ("grid", grid),
        ("operations", operations),
        ("same", same),
        ("nested", nested),
        ("literal", literal),
        ("wide", wide),
        ("cycle", format!("{{ ...F0 }} {cycle}")),
    ]
}

#[test]
fn errors_work_and_time_are_bounded() {
    let schema = schema();
    for (name, text) in towers() {
        let document = parsed(text);
        let start = Instant::now();
        let errors = explain(&document, &schema);
        // The bound allows for a build without optimization on a busy machine.
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
        assert!(!errors.is_empty() && errors.len() <= 20, "{name}: {} errors", errors.len());
        assert!(errors.iter().all(|error| error.message.len() < 1_000 && error.locations.len() <= 100), "{name}");
    }
}

#[test]
fn the_same_document_has_the_same_errors() {
    let schema = schema();
    let text = "{ nope ...A ...B ...Gone x: b x: a { b } } fragment A on Query { y: b } fragment B on Other { c { z } }
        fragment C on Query { b } query ($v: Int, $w: Nope) { b @gone @skip(if: $u) }";
    let first = explain(&parsed(text.to_owned()), &schema);
    assert!(first.len() > 8, "{first:#?}");
    for _ in 0..20 {
        assert_eq!(explain(&parsed(text.to_owned()), &schema), first);
    }
}

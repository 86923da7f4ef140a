//! Documents that are refused: invalid ones, hostile ones, and those that grow when they are lowered.

use super::{GRAPH, lowered_by, shown};
use crate::operation::{Limits, prepare};
use crate::view::testing::Project;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn invalid_documents_are_refused_with_code_and_place() {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    let errors = |document: &str| lowered_by(&project, &view, document, &json!({}));
    for (document, expected) in [
        ("{ user(id: 1) { id }", "GRAPHQL_PARSE_FAILED 1:21 "),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED 1:3 "),
        ("{ user { id } }", "GRAPHQL_VALIDATION_FAILED 1:3 "),
        ("{ user(id: 1) }", "GRAPHQL_VALIDATION_FAILED 1:3 "),
        ("query A { __typename } query B { __typename }", "OPERATION_NOT_FOUND the document has several"),
        ("fragment F on User { id }", "GRAPHQL_VALIDATION_FAILED 1:1 "),
        ("", "GRAPHQL_PARSE_FAILED"),
        // Errors that the compiler does not find:
        (
            "{ find(filter: {text: \"a\", text: \"b\"}) { id } }",
            "GRAPHQL_VALIDATION_FAILED 1:17 1:28 input field `text` is given twice",
        ),
        ("query($n: Int) { find(filter: {price: {most: $n}}) { id } }", "GRAPHQL_VALIDATION_FAILED 1:7 1:46"),
    ] {
        let found = errors(document);
        assert!(found.starts_with(expected), "{document}\n{found}");
    }
    let named = prepare(&view, &Limits::default(), "query A { __typename }", Some("B")).unwrap_err();
    assert_eq!(shown(named), "OPERATION_NOT_FOUND the document has no operation `B`\n");
}

#[test]
fn hostile_documents_are_refused_soon() {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    let repeat = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<String>();
    let bomb = "{ ...F0 } ".to_owned()
        + &repeat(60, &|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1))
        + "fragment F60 on Query { __typename }";
    let chain = "{ ...F0 } ".to_owned()
        + &repeat(900, &|n| format!("fragment F{n} on Query {{ ...F{} }} ", n + 1))
        + "fragment F900 on Query { __typename }";
    let abstract_bomb = "{ search(text: \"x\") { ...N } } fragment N on Product { owner { id ... on Team { members { boss { boss { id } } } } } }";
    for (what, document, expected) in [
        ("bytes", " ".repeat(70_000), "LIMIT_EXCEEDED the document has 70000 bytes"),
        ("tokens", "{".to_owned() + &"a ".repeat(20_000) + "}", "LIMIT_EXCEEDED the document has too many tokens"),
        ("brackets", "{a".repeat(3_000), "LIMIT_EXCEEDED the document has too many nested brackets"),
        (
            "lists",
            format!("{{ any(json: {}) }}", "[".repeat(5_000)),
            "LIMIT_EXCEEDED the document has too many nested brackets",
        ),
        (
            "depth",
            "{ user(id: 1) ".to_owned() + &"{ boss ".repeat(60) + "{ id }" + &"}".repeat(61),
            "LIMIT_EXCEEDED the document has 62 nested fields",
        ),
        (
            "aliases",
            format!("{{ user(id: 1) {{ {} }} }}", repeat(3_000, &|n| format!("a{n}: id "))),
            "LIMIT_EXCEEDED the document has 3000 aliases",
        ),
        (
            "root fields",
            format!("{{ {} }}", repeat(300, &|n| format!("a{n}: __typename "))),
            "LIMIT_EXCEEDED the document has 300 root fields",
        ),
        (
            "directives",
            format!("{{ user(id: 1) {{ id {} }} }}", "@skip(if: true) ".repeat(900)),
            "LIMIT_EXCEEDED the document has 900 directives",
        ),
        ("fragment bomb", bomb, "LIMIT_EXCEEDED the document has 1152921504606846976 root fields"),
        ("fragment chain", chain, "LIMIT_EXCEEDED the document has too many fragments in a chain"),
        (
            "fragment circle",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("fine", abstract_bomb.to_owned(), "query"),
    ] {
        let start = Instant::now();
        let found = lowered_by(&project, &view, &document, &json!({}));
        assert!(found.starts_with(expected), "{what}: {found:.300}");
        assert!(start.elapsed() < Duration::from_secs(1), "{what}: {:?}", start.elapsed());
    }
}

#[test]
fn documents_just_within_the_limits_take_bounded_time() {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    let aliases: String = (0..900).map(|n| format!("a{n}: orders(first: {n}) {{ id }} ")).collect();
    let chain: String = (0..95).map(|n| format!("fragment F{n} on User {{ id ...F{} }} ", n + 1)).collect();
    let conflicts: String = (0..900).map(|n| format!("a{}: orders(first: {n}) {{ id }} ", n % 30)).collect();
    for (what, document, expected) in [
        ("equal fields", format!("{{ user(id: 1) {{ {} }} }}", "id ".repeat(4_900)), "query"),
        ("aliases", format!("{{ user(id: 1) {{ {aliases} }} }}"), "query"),
        ("conflicts", format!("{{ user(id: 1) {{ {conflicts} }} }}"), "GRAPHQL_VALIDATION_FAILED"),
        ("depth", "{ user(id: 1) ".to_owned() + &"{ boss ".repeat(30) + "{ id }" + &"}".repeat(31), "query"),
        ("chain", format!("{{ user(id: 1) {{ ...F0 }} }} {chain} fragment F95 on User {{ id }}"), "query"),
    ] {
        let start = Instant::now();
        let found = lowered_by(&project, &view, &document, &json!({}));
        assert!(found.starts_with(expected), "{what}: {found:.300}");
        assert!(start.elapsed() < Duration::from_secs(2), "{what}: {:?}", start.elapsed());
    }
}

#[test]
fn an_operation_that_grows_with_its_types_is_refused() {
    let types: String = (0..30).map(|n| format!("type T{n} implements N {{ id: ID! next: N }} ")).collect();
    let graph = format!("interface N {{ id: ID! next: N }} type Query {{ n: N }} {types}");
    let mut project = Project::new(&graph);
    let view = project.view(&graph);
    let document = "{ n { ".to_owned() + &"next { ".repeat(20) + "id" + &"}".repeat(22);
    let start = Instant::now();
    let found = lowered_by(&project, &view, &document, &json!({}));
    assert_eq!(found, "LIMIT_EXCEEDED the operation, for all types it may meet, has more than 20000 entries\n");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

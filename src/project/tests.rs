//! What a project's own operations are checked for.

use super::{Files, assemble};
use crate::diagnostic::one_line;
use std::path::Path;

/// The findings of the demo's phone client, with one more operation and a budget.
fn findings_with(operation: &str, budget: u32) -> Vec<String> {
    let mut files = Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let config = files.get("bff-mobile/bff.yaml").unwrap().to_string();
    files.insert("bff-mobile/bff.yaml", config.replace("calls: 24", &format!("calls: {budget}")));
    files.insert("bff-mobile/operations/tried.graphql", operation);
    let assembled = assemble(&files, "mobile", &[], &|_| None);
    let tried = assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources));
    tried.filter(|line| line.contains("tried.graphql")).collect()
}

#[test]
fn operations_are_checked_against_schema_and_budget() {
    let card = "query Card($more: Boolean!) {\n  card(id: \"1\") { title inStock @include(if: $more) }\n}\n";
    for (operation, budget, expected) in [
        (card, 20, None),
        (
            card,
            1,
            Some("bff-mobile/operations/tried.graphql:1:7: E115 `Card` needs up to 2 calls; the client's budget is 1"),
        ),
        ("{\n  card(id: \"1\") { email }\n}\n", 20, Some("bff-mobile/operations/tried.graphql:2:19: E117 ")),
        ("{ card(id: \"1\"", 20, Some("bff-mobile/operations/tried.graphql:1:")),
    ] {
        let found = findings_with(operation, budget);
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(start) => assert!(found.iter().any(|line| line.starts_with(start)), "{start}: {found:#?}"),
        }
    }
}

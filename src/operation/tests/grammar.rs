//! Syntax that the parser does not handle, variables in directives, and documents with several operations.

use super::{GRAPH, lowered_by};
use crate::view::testing::Project;
use serde_json::json;

fn check(cases: &[(&str, &str)]) {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    for (document, expected) in cases {
        let found = lowered_by(&project, &view, document, &json!({ "n": 1, "yes": true }));
        assert!(found.starts_with(expected), "{document}\n{found}");
    }
}

#[test]
fn executable_definitions_have_descriptions() {
    check(&[
        ("\"Says who.\" query Q { user(id: 1) { id } }", "query Q"),
        ("\"\"\"\nSays \\\"\"\" who.\n\"\"\" { user(id: 1) { id } }", "GRAPHQL_PARSE_FAILED"),
        (
            "query Q(\"How many.\" $n: Int = 3 \"\"\"Whether.\"\"\" $yes: Boolean!) { products(first: $n) { id @include(if: $yes) } }",
            "query Q",
        ),
        // The string is a default, not a description.
        (
            "query Q($a: String = \"x\" $n: Int!) { products(first: $n) { id } search(text: $a) { __typename } }",
            "query Q",
        ),
        ("{ user(id: 1) { ...F } } \"All of it. é\" fragment F on User { id }", "query"),
        ("{ \"no\" user(id: 1) { id } }", "GRAPHQL_PARSE_FAILED"),
        // Locations stay the same.
        (
            "\"\"\"Ünicode,\ntwo lines\"\"\" query { user(id: 1) { nope } }",
            "GRAPHQL_VALIDATION_FAILED 2:36 type `User`",
        ),
    ]);
}

#[test]
fn commas_are_ignored_wherever_they_stand() {
    check(&[
        ("{ user(id: 1) { ... , on User { id } } }", "query"),
        ("{ ... ,# a, b {\n, @include(if: true) { user(id: 1) { id } } }", "query"),
        (",{, user(,id:, 1,), {, ... , F, } ,} , fragment, F, on, User, {, id, }", "query"),
        ("{ user(id: 1) { ... ,\n ,on User { nope } } }", "GRAPHQL_VALIDATION_FAILED 2:13 type `User`"),
    ]);
}

#[test]
fn arguments_have_values() {
    check(&[
        ("{ user(id id: 1) { id } }", "GRAPHQL_PARSE_FAILED 1:11 expected `:` and a value after `id`"),
        ("{\r user(id: \"é\" first) { id } }", "GRAPHQL_PARSE_FAILED 2:20 expected `:` and a value after `first`"),
        ("{ user(id: 1 first) { id } }", "GRAPHQL_PARSE_FAILED 1:19 expected `:` and a value after `first`"),
        ("{ user(id: 1) @skip(if: false if) { id } }", "GRAPHQL_PARSE_FAILED 1:33 "),
        ("{ find(filter: {text limit: 3}) { id } }", "GRAPHQL_PARSE_FAILED"),
        ("query($n: Int = 1 @nope(a)) { products(first: $n) { id } }", "GRAPHQL_PARSE_FAILED 1:26 "),
        (
            "{ find(filter: {text: \"if(\", category: BOOKS, price: {most: 3}, limit: 3}) { id } any(json: [1, {a: [{b: $}]}]) }",
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            "{ find(filter: {text: \"if(\", category: BOOKS, price: {most: 3}, limit: 3}) { id } any(json: [1, {a: [{b: X}]}]) }",
            "query",
        ),
    ]);
}

#[test]
fn variables_in_directives_must_fit() {
    check(&[
        ("query($yes: Boolean = true) { user(id: 1) { id @include(if: $yes) } }", "query"),
        (
            "query($yes: Boolean = null) { user(id: 1) { id @include(if: $yes) } }",
            "GRAPHQL_VALIDATION_FAILED 1:7 1:61 variable `$yes` of type `Boolean` cannot be used where `Boolean!`",
        ),
    ]);
}

#[test]
fn each_operation_of_a_document_must_be_valid() {
    let unchosen = "query A { user(id: 1) { id } } query B { find(filter: {text: \"a\", text: \"b\"}) { id } }";
    check(&[(unchosen, "GRAPHQL_VALIDATION_FAILED 1:56 1:67 input field `text` is given twice")]);
}

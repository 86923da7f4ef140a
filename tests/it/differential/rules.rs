//! Compares the places of validation errors with those of graphql-js. There are documents for every rule of GraphQL §5,
//! which a mock engine executes. The number of errors, their order and all places of each must be equal.

use super::oracle::Oracle;
use crate::random::Random;
use bespoke::internals::diagnostic::Sources;
use bespoke::internals::engine::{GraphQlEngine, Request, Response};
use bespoke::internals::mock::{MockEngine, MockOptions};
use bespoke::internals::policy::Caller;
use bespoke::internals::view;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many times each document is written again with other white space, other comments and another order of
/// definitions.
const SPELLINGS: u64 = 4;

fn schema() -> String {
    let rules = include_str!("../../differential/rules.graphql");
    let subscription = "type Subscription { changed(id: ID!): Node ticks(every: Int = 1): Int! }";
    format!("{rules}\n{subscription}\n{}\n", super::invalid::DEFER)
}

fn engine() -> MockEngine {
    let mut sources = Sources::default();
    let file = sources.add("rules.graphql", schema());
    let (view, found) = view::plain(&sources, file);
    let view = view.unwrap_or_else(|| panic!("{found:#?}"));
    MockEngine::new(view, MockOptions::default()).expect("no scalars")
}

/// The places of each validation error, in order, and all errors of the answer. There are no places if the document was
/// executed.
async fn ours(engine: &MockEngine, document: &str) -> (Vec<Vec<(u64, u64)>>, Value) {
    let request = Request { query: document.to_owned(), ..Request::default() };
    let Response { body, .. } =
        engine.execute(request, Arc::new(Caller::default()), Instant::now() + Duration::from_secs(10)).await;
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    let number = |place: &Value, name: &str| place[name].as_u64().expect("a number");
    let places = |error: &Value| {
        let places = error["locations"].as_array().map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| (number(place, "line"), number(place, "column"))).collect()
    };
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let refused = errors.iter().filter(|error| error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED");
    (refused.map(places).collect(), answer["errors"].clone())
}

/// Writes the same document in another way: with lines, blanks and comments before tokens, and definitions in another
/// order.
fn respelled(document: &str, seed: u64) -> String {
    let mut random = Random::new(seed ^ 0x5E11);
    let mut text = String::new();
    let mut is_string = false;
    for letter in document.chars() {
        is_string ^= letter == '"';
        if letter == ' ' && !is_string {
            match random.below(6) {
                0 => text.push_str("\n  "),
                1 => text.push_str(" # é { ( $x\n"),
                // The parser reads `extend ,` as a syntax error, although commas are ignored (GraphQL §2.1.7).
                2 if !text.ends_with("extend") => text.push_str(" , "),
                3 => text.push_str("\t \r\n"),
                _ => text.push(' '),
            }
        } else {
            text.push(letter);
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_each_rule_stand_where_graphql_js_has_them() {
    let engine = engine();
    let oracle = Oracle::judge(&[("rules", schema().as_str())]).await;
    let mut documents: Vec<(&str, String)> = Vec::new();
    for (number, &(rule, document)) in (0..).zip(DOCUMENTS) {
        documents.push((rule, document.to_owned()));
        documents.extend((1..=SPELLINGS).map(|seed| (rule, respelled(document, number * 31 + seed))));
    }
    assert!(documents.len() >= 379, "{} documents", documents.len());
    let sent: Vec<String> = documents.iter().map(|(_, document)| document.clone()).collect();
    let (mut refused, mut differences) = (0, Vec::new());
    for ((rule, document), theirs) in documents.iter().zip(oracle.validate("rules", &sent).await) {
        let (ours, errors) = ours(&engine, document).await;
        let (why, theirs) = theirs.map(|refusal| (refusal.message, refusal.places)).unwrap_or_default();
        refused += usize::from(!theirs.is_empty());
        if ours != theirs {
            differences.push(format!(
                "{rule}\n{document}\nwe say {errors}\n at {ours:?}\ngraphql-js says {why}\n at {theirs:?}"
            ));
        }
    }
    println!("{} documents, {refused} refused, {} differ", documents.len(), differences.len());
    let few: Vec<_> = differences.iter().take(12).map(String::as_str).collect();
    assert!(few.is_empty(), "{} differ\n{}", differences.len(), few.join("\n----\n"));
    assert!(refused * 3 > documents.len() * 2, "{refused} of {} are refused", documents.len());
}

#[tokio::test]
async fn an_error_says_what_was_probably_meant() {
    let engine = engine();
    for (document, expected) in [
        (r#"{ nod(id: 1) { id } }"#, "type `Query` does not have a field `nod`; did you mean `node`?"),
        (
            r#"{ node(id: 1) { size } }"#,
            "type `Node` does not have a field `size`; did you mean to use an inline fragment on `Box` or `Note`?",
        ),
        (r#"{ node(i: 1, id: 1) { id } }"#, "the argument `i` is not supported by `Query.node`; did you mean `id`?"),
        (r#"{ node(id: 1) { ... on Usr { id } } }"#, "cannot find type `Usr` in this document; did you mean `User`?"),
        (r#"{ count(kind: ADMIM) }"#, "value `ADMIM` does not exist on `Kind`; did you mean `ADMIN`?"),
        (r#"{ count @skp(if: true) }"#, "cannot find directive `@skp` in this document; did you mean `skip`?"),
        (r#"query($kind: Kind) { count(kind: $kid) }"#, "variable `$kid` is not defined; did you mean `$kind`?"),
        (
            r#"{ find(filter: { limt: 3 }) { __typename } }"#,
            "field `limt` does not exist on `Filter`; did you mean `limit`?",
        ),
        (r#"{ named }"#, "field `named` of type `Named` must have a subselection set; did you mean `named { … }`?"),
    ] {
        let (_, errors) = ours(&engine, document).await;
        assert_eq!(errors[0]["message"], expected, "{document}: {errors}");
    }
}

/// The rule that a document is about, and the document. Some are valid.
const DOCUMENTS: &[(&str, &str)] = &[
    ("executable definitions", "{ count } type Pet { name: String }"),
    ("executable definitions", "{ count } extend type User { age: Int } scalar Day schema { query: Query }"),
    ("executable definitions", "query One { count } directive @mine on FIELD query Two { count }"),
    ("operation names", "query One { count } query One { count }"),
    ("operation names", "query One { count } mutation One { remove(id: 1) } query Two { count } query One { count }"),
    ("lone anonymous operation", "{ count } { count }"),
    ("lone anonymous operation", "query Named { count } { count } mutation { remove(id: 1) }"),
    ("subscription root", "subscription { ticks changed(id: 1) { id } }"),
    ("subscription root", "subscription Many { a: ticks b: ticks a: ticks ... { c: ticks } }"),
    ("subscription root", "subscription { ...Roots } fragment Roots on Subscription { ticks again: ticks }"),
    ("subscription root", "subscription { __typename }"),
    ("subscription root", "subscription Named { ticks __typename }"),
    ("subscription root", "subscription ($x: Boolean!) { ticks @skip(if: $x) }"),
    (
        "subscription root",
        "subscription ($x: Boolean!) { ... @include(if: $x) { ticks } ... on Subscription { more: ticks @skip(if: $x) } }",
    ),
    ("fields exist", "{ nothing }"),
    ("fields exist", "{ nothing { below { more } } count }"),
    ("fields exist", "{ node(id: 1) { size ... on Box { size kind } } }"),
    ("fields exist", "{ find { id } }"),
    ("fields exist", "{ find { __typename ... on User { nope } } }"),
    ("fields exist", "{ alias: nothing other: node(id: 1) { wrong: size2 } }"),
    ("fields exist", "fragment Lost on User { nope } { node(id: 1) { ...Lost } }"),
    ("fields exist", "mutation { count }"),
    ("fields exist", "{ named { id owner { name kind { x } nope } } }"),
    ("leaves", "{ count { id } }"),
    ("leaves", "{ node(id: 1) }"),
    ("leaves", "{ find named { name { first } owner } }"),
    ("leaves", "{ node(id: 1) { id(x: 1) @skip(if: true) { y } } }"),
    ("leaves", "{ count(kind: GUEST) @include(if: true) { x } }"),
    ("leaves", "{ kinds: named { ... on User { kind { a } } } }"),
    ("merging", "{ count count: node(id: 1) { id } }"),
    ("merging", "{ x: count x: count(near: 1) }"),
    ("merging", "{ x: count(near: 1) x: count(near: 2) x: count(near: 3) }"),
    ("merging", "{ x: count(near: 1, flag: true) x: count(flag: true, near: 1) }"),
    (
        "merging",
        "{ find(filter: { limit: 1, kind: ADMIN }) { __typename } find(filter: { kind: ADMIN, limit: 1 }) { __typename } }",
    ),
    ("merging", "{ named { name: id name } }"),
    ("merging", "{ named { id } named { id: name } }"),
    ("merging", "{ named { owner { id } } named { owner { id: name } } }"),
    ("merging", "{ named { owner { x: id y: id } } named { owner { x: name y: name } } }"),
    ("merging", "{ find { ... on Box { size } ... on Note { size } } }"),
    ("merging", "{ find { ... on Box { x: name } ... on Note { x: id } } }"),
    ("merging", "{ find { ... on User { x: name } ... on Note { x: name } } }"),
    ("merging", "{ find { ... on Box { x: name } ... on Note { x: name } } }"),
    ("merging", "{ find { ... on User { x: kind } ... on Note { x: at } } }"),
    ("merging", "{ find { ... on User { x: boxes { id } } ... on Note { x: owner { id } } } }"),
    ("merging", "{ find { ... on Box { parent { id } } ... on Note { parent { ... on User { id: name } } } } }"),
    ("merging", "{ named { ...A ...B } } fragment A on Named { x: id } fragment B on Named { x: name }"),
    ("merging", "{ named { x: owner { id } ...A } } fragment A on Named { ...B } fragment B on Named { x: name }"),
    (
        "merging",
        "{ a: named { ...A } b: named { ...A ...B } } fragment A on Named { x: id ...C } fragment B on Named { x: name ...C } fragment C on Named { x: id }",
    ),
    ("merging", "query One { named { x: id x: name } } query Two { named { x: name x: id } }"),
    ("merging", "query ($a: Float, $b: Float) { x: count(near: $a) x: count(near: $b) }"),
    ("merging", "{ named { ... on User { boxes(first: 1) { id } } ... on User { boxes(first: 2) { name } } } }"),
    ("merging", "{ named { ... on User { boxes(first: 1) { id } } ... on Note { boxes: at } } }"),
    ("merging", "{ named { ... { x: id } ... @include(if: true) { x: name } } }"),
    (
        "merging",
        "{ node(id: 1) { owner { ...Loop } } } fragment Loop on User { x: id owner { ...Again } } fragment Again on User { x: name owner { x: id x: name } }",
    ),
    ("argument names", "{ node(id: 1, nope: 2) { id } }"),
    ("argument names", "{ count(kinds: ADMIN, nears: 1) @skip(if: true, unless: false) }"),
    ("argument names", "{ unknown(with: 1) { a(b: 2) } }"),
    ("argument names", "{ ... @include(if: true, x: $y) { count } }"),
    ("argument twice", "{ node(id: 1, id: 2) { id } }"),
    ("argument twice", "{ count(near: 1, kind: ADMIN, near: 2, kind: GUEST, near: 3) }"),
    ("argument twice", "{ count @skip(if: true, if: false) }"),
    ("required arguments", "{ node { id } }"),
    ("required arguments", "{ nodes { id } thing { __typename } }"),
    ("required arguments", "{ count @skip }"),
    ("required arguments", "{ named { ... on User { boxes { id } } ... @include { id } } }"),
    ("required arguments", "mutation { add { id } remove }"),
    ("fragment names", "{ named { ...A } } fragment A on Named { id } fragment A on Named { name }"),
    (
        "fragment names",
        "{ named { ...A } } fragment A on Named { id } fragment A on Named { name } fragment A on User { id }",
    ),
    ("type conditions", "{ named { ... on Nobody { id { x } } ...A } } fragment A on Nothing { id }"),
    ("type conditions", "{ named { ... on Kind { id } ... on Stamp { id } ... on Filter { id } } }"),
    ("type conditions", "{ named { ...A } } fragment A on Int { id }"),
    ("fragments are used", "{ count } fragment A on User { id }"),
    (
        "fragments are used",
        "{ count } fragment A on User { ...B } fragment B on User { ...C } fragment C on User { id }",
    ),
    (
        "fragments are used",
        "query One { named { ...A } } query Two { named { ...B } } fragment A on Named { id } fragment B on Named { id } fragment C on Named { id }",
    ),
    ("fragments exist", "{ named { ...Nope } }"),
    ("fragments exist", "{ named { ...A ...Nope @skip(if: true) } } fragment A on Named { ...NopeToo }"),
    ("fragment cycles", "{ named { ...A } } fragment A on Named { ...A }"),
    (
        "fragment cycles",
        "{ named { ...A } } fragment A on Named { owner { ...B } } fragment B on User { ...C } fragment C on User { owner { ...A } }",
    ),
    (
        "fragment cycles",
        "{ named { ...A } } fragment A on Named { ...B ...C } fragment B on Named { ...A } fragment C on Named { ...A ...B }",
    ),
    ("fragment cycles", "{ named { ...A } } fragment A on Named { ... on Named { id ...A } owner { id } }"),
    ("possible fragments", "{ named { ... on Box { id } } }"),
    ("possible fragments", "{ find { ... on Query { count } } node(id: 1) { ... on Named { ... on Box { id } } } }"),
    ("possible fragments", "{ named { ...A } } fragment A on Box { ...B } fragment B on User { id }"),
    (
        "possible fragments",
        "{ find { ...A } } fragment A on Node { ... on Thing { ... on Mutation { remove(id: 1) } } }",
    ),
    ("possible fragments", "{ thing(by: { id: 1 }) { ... on Named { id } ... on Node { id } ... on User { id } } }"),
    ("values", "{ node(id: 1.5) { id } }"),
    ("values", "{ node(id: true) { id } }"),
    ("values", "{ node(id: ADMIN) { id } }"),
    ("values", "{ node(id: null) { id } }"),
    ("values", "{ count(near: \"1\") y: count(near: 3) z: count(near: ADMIN) }"),
    (
        "values",
        "{ count(kind: \"ADMIN\") x: count(kind: OWNER) y: count(kind: 1) z: count(kind: null) w: count(kind: [ADMIN]) }",
    ),
    ("values", "{ count(flag: 1) x: count(flag: \"true\") y: count(flag: null) }"),
    ("values", "{ nodes(ids: 1) { id } x: nodes(ids: [1, null, 2.5, \"a\"]) { id } }"),
    ("values", "{ nodes(ids: [[1]], first: 99999999999) { id } x: nodes(ids: [], first: \"1\") { id } }"),
    ("values", "{ find(deep: [[1], 2, null, [null], [[3]]]) { __typename } }"),
    ("values", "{ count(at: { any: [1, \"x\", { y: 2 }] }) x: count(at: WHATEVER) }"),
    ("values", "{ find(filter: 1) { __typename } x: find(filter: [{ limit: 1 }]) { __typename } }"),
    (
        "values",
        "query ($x: Int = \"1\", $y: [Kind!] = [ADMIN, null, OTHER], $z: Filter = { limit: null }) { a: nodes(ids: [1], first: $x, kinds: $y) { id } find(filter: $z) { __typename } }",
    ),
    ("values", "{ named(name: 1) { id } x: named(name: ADMIN) { id } y: named(name: \"\"\"block\"\"\") { id } }"),
    ("values", "{ count(all: { id: 1 }) x: count(all: [{ id: 1, flag: null }, 2]) }"),
    ("input fields exist", "{ find(filter: { nope: 1, limit: 2, not: { also: { x: 1 } } }) { __typename } }"),
    ("input fields exist", "{ count(all: [{ id: 1, range: { most: 1, more: 2 } }]) }"),
    ("input field twice", "{ find(filter: { limit: 1, limit: 2, limit: 3 }) { __typename } }"),
    ("input field twice", "{ find(filter: { not: { limit: 1, kind: ADMIN, limit: 2 }, not: {} }) { __typename } }"),
    ("input field twice", "{ count(at: { a: 1, a: 2, b: [{ c: 1, c: 2 }] }) unknown(x: { y: 1, y: 2 }) }"),
    ("required input fields", "{ find(filter: { price: {} }) { __typename } }"),
    ("required input fields", "{ count(all: [{}, { flag: true }, { id: 1, range: { least: 1 } }]) }"),
    ("one of", "{ thing(by: {}) { __typename } }"),
    ("one of", "{ thing(by: { id: 1, name: \"a\" }) { __typename } x: thing(by: { id: null }) { __typename } }"),
    ("one of", "{ find(filter: { by: { id: 1, nope: 2 } }) { __typename } }"),
    (
        "one of",
        "query ($id: ID, $safe: ID!) { find(by: { id: $id }) { __typename } x: find(by: { id: $safe }) { __typename } }",
    ),
    ("one of", "query ($id: ID!, $name: String!) { find(by: { id: $id, name: $name }) { __typename } }"),
    ("directives exist", "{ count @nope }"),
    (
        "directives exist",
        "query Q($x: Int @nope) @gone { count @skip(if: true) @other(x: $x) nodes(ids: [1], first: $x) { id } }",
    ),
    ("directive places", "query @skip(if: true) { count }"),
    ("directive places", "query ($x: Int @include(if: true)) { nodes(ids: [1], first: $x) { id @deprecated } }"),
    ("directive places", "{ named { ...A @specifiedBy(url: \"x\") } } fragment A on Named @skip(if: true) { id }"),
    ("directive twice", "{ count @skip(if: true) @include(if: true) @skip(if: false) @skip(if: true) }"),
    (
        "directive twice",
        "{ named { ... @include(if: true) @include(if: false) { id } ...A @skip(if: true) @skip(if: true) } } fragment A on Named { id }",
    ),
    ("variable twice", "query ($x: Int, $x: Int) { nodes(ids: [1], first: $x) { id } }"),
    (
        "variable twice",
        "query ($x: Int, $y: [ID!]!, $x: String, $y: Int, $x: Int) { nodes(ids: $y, first: $x) { id } }",
    ),
    ("variable types", "query ($x: User) { count(near: $x) }"),
    ("variable types", "query ($x: [Thing!]!, $y: Node, $z: Nope) { count(near: $x, kind: $y, at: $z) }"),
    ("variables are defined", "{ node(id: $id) { id } }"),
    (
        "variables are defined",
        "query Q($a: ID!) { node(id: $a) { ...A } } fragment A on Node { owner { boxes(first: $b, kind: $c) { id @skip(if: $d) } } }",
    ),
    (
        "variables are defined",
        "query One { ...A } query Two($x: Boolean!) { ...A } fragment A on Query { count(flag: $x) ...B } fragment B on Query { near: count(near: $y) }",
    ),
    (
        "variables are defined",
        "{ find(filter: { price: { most: $most, least: [$least] }, ids: [$id] }) { __typename } }",
    ),
    ("variables are used", "query ($x: Int) { count }"),
    ("variables are used", "query Q($x: Float, $y: Float, $z: [Int!] = [1]) { count(near: $y) }"),
    (
        "variables are used",
        "query One($x: Boolean!) { ...A } query Two($y: Int) { count } fragment A on Query { count(flag: $x) }",
    ),
    ("variables fit", "query ($x: String) { node(id: $x) { id } }"),
    ("variables fit", "query ($x: ID) { node(id: $x) { id } nodes(ids: [$x]) { id } }"),
    ("variables fit", "query ($x: ID = 1) { node(id: $x) { id } y: nodes(ids: [$x]) { id } }"),
    ("variables fit", "query ($x: Boolean, $y: Int = 3) { count(flag: $x) z: count(near: $y) }"),
    ("variables fit", "query ($x: [ID]) { nodes(ids: $x) { id } }"),
    ("variables fit", "query ($x: [ID]!) { nodes(ids: $x) { id ... @skip(if: $x) { id } } }"),
    ("variables fit", "query ($x: Int) { find(filter: { limit: $x, price: { most: $x } }) { __typename } }"),
    (
        "variables fit",
        "query One($x: Int) { ...A } query Two($x: ID!) { ...A } fragment A on Query { node(id: $x) { id } }",
    ),
    ("variables fit", "query ($x: Boolean = null) { count @skip(if: $x) y: count @include(if: $x) }"),
    ("variables fit", "query ($x: Filter, $y: Required!) { find(filter: $y) { __typename } count(all: [$x]) }"),
    (
        "deferred",
        "{ named { ... @defer(label: \"a\") { id } ...A @defer(label: \"a\") } } fragment A on Named { name }",
    ),
    ("deferred", "query ($x: String) { named { ... @defer(label: $x) { id } ... @defer(label: null) { name } } }"),
    (
        "deferred",
        "mutation { ... @defer { remove(id: 1) } ...A @defer } fragment A on Mutation { more: remove(id: 2) ... @defer(if: false) { x: remove(id: 3) } }",
    ),
    (
        "deferred",
        "subscription { changed(id: 1) { ... @defer { id } ...A } } fragment A on Node { ... @defer(if: true) { owner { id } } }",
    ),
    (
        "deferred",
        "subscription ($x: Boolean!) { changed(id: 1) { ... @defer(if: $x) { id } ... @defer(if: false) { id } } }",
    ),
    ("deferred", "{ count @defer named @defer { id } }"),
    ("introspection", "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"),
    (
        "introspection",
        "{ __type(name: \"User\") { ...T } } fragment T on __Type { interfaces { ...U } } fragment U on __Type { possibleTypes { fields { name } } }",
    ),
    ("introspection", "{ __type { name } x: __schema { nope queryType } }"),
    (
        "valid",
        "query Q($ids: [ID!]!, $k: Kind = ADMIN) { nodes(ids: $ids) { id owner { ...A } } count(kind: $k) } fragment A on User { name boxes(kind: $k) { size parent { __typename } } }",
    ),
    (
        "valid",
        "{ find(filter: { price: { most: 1 }, names: [[\"a\"], \"b\", null], by: { ids: [1, \"2\"] } }) { __typename ... on Node { id } } }",
    ),
    (
        "valid",
        "mutation M($in: Required!) { add(input: $in) { id } again: add(input: { id: 1 }, by: { name: \"x\" }) { id } }",
    ),
    (
        "valid",
        "subscription S($id: ID!) { changed(id: $id) { id ... on User { name } ...More } } fragment More on Node { owner { id } }",
    ),
    (
        "several at once",
        "query Q($unused: Int, $x: Nope) { nope named(nme: 1) { id { x } owner } node(id: $y) { ...Gone ... on Kind { id } } } fragment Unused on User { id }",
    ),
    (
        "several at once",
        "query Q($a: Int!, $a: Int) @skip { count(near: \"x\", near: 2) @nope @skip(if: 1) @skip(if: true) count(kind: GUEST) }",
    ),
];

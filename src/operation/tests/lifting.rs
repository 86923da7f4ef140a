//! Lifting of literals: which documents have the same shape, and what each document has of its own.

use super::{GRAPH, shown};
use crate::compose::Bounds;
use crate::contract::{NumberBound, NumberBounds};
use crate::operation::{GivenVariables, Lifted, Limits, Variables, prepare};
use crate::view::View;
use crate::view::testing::Project;
use bytes::Bytes;

const CLIENT: &str = r#"
type Query {
  user(id: ID!): User
  product(id: ID!): Product
  products(category: Topic @from(path: "category"), first: Int! = 5): [Product!]!
  search(text: String!): [Hit!]!
  find(filter: Filter): [Product!]!
  pinned(text: String, most: Int!): [Product!]! @from(path: "find(filter: {text: $text, price: {most: $most}})")
  any(json: JSON): JSON
}
type User { id: ID!  name: String!  orders(first: Int! = 10): [Order!]! }
type Order { id: ID! }
type Product { id: ID!  name: String! }
type Shop { title: String! }
type Team { title: String! }
union Hit = Product | Shop | Team
enum Topic @view(of: "Category") { READING @from(path: "BOOKS")  PLAYING @from(path: "GAMES") }
input Filter { category: Topic  price: Range  limit: Int! = 50  text: String }
input Range { least: Int! = 0  most: Int! }
scalar JSON
"#;

fn lifted(view: &View, document: &str) -> Lifted {
    prepare(view, &Limits::default(), document, None).unwrap_or_else(|errors| panic!("{}", shown(errors))).lift()
}

fn coerced(lifted: &Lifted, given: &str) -> Variables {
    let given = GivenVariables::new(Bytes::copy_from_slice(given.as_bytes()));
    lifted.shape.coerce_of(&lifted.own, &given).unwrap_or_else(|errors| panic!("{}", shown(errors)))
}

/// Lowers the shape of a document and shows it as text.
fn lowered(project: &Project, lifted: &Lifted, given: &str) -> String {
    let variables = coerced(lifted, given);
    let outcomes = lifted.shape.outcomes(&variables);
    let result = lifted.shape.lower_of(&lifted.own, &outcomes).and_then(|operation| {
        lifted.shape.check_bounds_of(&lifted.own, &operation, &variables)?;
        Ok(operation.to_text(&project.graph))
    });
    result.unwrap_or_else(shown)
}

#[test]
fn documents_that_differ_in_literal_values_are_of_one_shape() {
    let mut project = Project::new(GRAPH);
    let view = project.view(CLIENT);
    for (first, second, are_alike) in [
        (r#"{ product(id: "1") { id } }"#, "query # one\n{product(id:2),{id}}", true),
        (r#"{ product(id: "1") { id } }"#, r#"{ product(id: "1") { name } }"#, false),
        (r#"{ search(text: "a") { __typename } }"#, r#"{ search(text: """b""") { __typename } }"#, true),
        ("{ products(category: READING) { id } }", "{ products(category: PLAYING) { id } }", true),
        ("{ products(category: READING) { id } }", "{ products(category: null) { id } }", false),
        ("{ find(filter: {text: \"a\"}) { id } }", "{ find(filter: {price: {most: 3}, limit: 1}) { id } }", true),
        ("{ any(json: [1, {a: 2.50}]) }", "{ any(json: \"x\") }", true),
        // In a value that contains a variable, the parts without variables are lifted.
        (
            "query($t: String) { find(filter: {text: $t, price: {most: 1}}) { id } }",
            "query($t: String) { find(filter: {text: $t, price: {most: 2}}) { id } }",
            true,
        ),
        ("query($t: JSON) { any(json: [1, $t, {a: 1}]) }", "query($t: JSON) { any(json: [2, $t, {a: 3}]) }", true),
        ("query($t: JSON) { any(json: [1, $t]) }", "query($t: JSON) { any(json: [$t, 1]) }", false),
        // Equal values make one call, different values make two.
        (
            "{ a: user(id: 1) { id } b: user(id: 1) { name } }",
            "{ a: user(id: 2) { id } b: user(id: \"2\") { name } }",
            true,
        ),
        (
            "{ a: user(id: 1) { id } b: user(id: 1) { name } }",
            "{ a: user(id: 1) { id } b: user(id: 2) { name } }",
            false,
        ),
        // A variable's default belongs to the document. Whether it has a default belongs to the shape.
        (
            "query($t: String! = \"a\") { search(text: $t) { __typename } }",
            "query($t: String! = \"b\") { search(text: $t) { __typename } }",
            true,
        ),
        (
            "query($n: Int = 3) { products(first: $n) { id } }",
            "query($n: Int = null) { products(first: $n) { id } }",
            false,
        ),
        ("query($n: Int = 3) { products(first: $n) { id } }", "query($n: Int!) { products(first: $n) { id } }", false),
        // Directives decide what is asked for, so their arguments stay.
        ("{ user(id: 1) { id name @skip(if: true) } }", "{ user(id: 1) { id name @skip(if: false) } }", false),
        // A declared variable has the name that lifting would otherwise choose.
        ("{ user(id: 1) { id } }", "query($_l0: ID!) { user(id: $_l0) { id } }", false),
        // Other operations of the document and fragments that are not spread make no difference.
        (
            "{ user(id: 1) { ...F } } fragment F on User { id }",
            "fragment F on User { id } { user(id: 2) { ...F } }",
            true,
        ),
        ("query A { user(id: 1) { id } }", "query B { user(id: 1) { id } }", false),
        ("{ __type(name: \"User\") { name } }", "{ __type(name: \"Shop\") { name } }", false),
    ] {
        let (one, other) = (lifted(&view, first), lifted(&view, second));
        assert_eq!(one.key == other.key, are_alike, "{first}\n{second}\n{}\n{}", one.key, other.key);
    }
}

#[test]
fn the_shape_with_a_documents_values_asks_what_the_document_asks() {
    let mut project = Project::new(GRAPH);
    let view = project.view(CLIENT);
    for (document, given, expected) in [
        (r#"{ product(id: 7) { id } }"#, "", "product(id: $0)|\"7\""),
        (
            "{ products(category: PLAYING, first: 3) { id } }",
            "",
            "products(category: $0, sort: \"NEWEST\", first: $1 ?? 5)|\"GAMES\" 3",
        ),
        (
            "query($t: String) { find(filter: {text: $t, price: {most: 2}}) { id } }",
            r#"{"t": "x"}"#,
            "find(filter: {price: $1, limit: 50, text: $0})|{\"least\":0,\"most\":2}",
        ),
        (
            "query($m: Int = 9) { pinned(text: \"a\", most: $m) { id } }",
            "",
            "find(filter: {price: {least: 0, most: $0}, limit: 50, text: $1})|\"a\"",
        ),
        ("{ any(json: {a: [1.50, 12345678901234567890]}) }", "", "any(json: $0)|{\"a\":[1.50,12345678901234567890]}"),
    ] {
        let lifted = lifted(&view, document);
        let text = lowered(&project, &lifted, given);
        let asked = text.lines().nth(1).unwrap_or_default().trim().trim_start_matches("#0 ").to_owned();
        let literals: Vec<_> = lifted.own.literals.iter().map(|text| text.as_str()).collect();
        assert_eq!(format!("{asked}|{}", literals.join(" ")), expected, "{document}\n{text}");
    }
}

#[test]
fn bounds_of_literals_name_the_argument_where_it_stands() {
    let bounds = |most: i32| {
        let numbers = NumberBounds { maximum: Some(NumberBound::inclusive(most)), ..NumberBounds::default() };
        Bounds { numbers, ..Bounds::default() }
    };
    let mut project = Project::new(GRAPH).bounded("Query", "products", "first", bounds(100)).bounded(
        "User",
        "orders",
        "first",
        bounds(10),
    );
    let view = project.view(CLIENT);
    for (document, given, expected) in [
        ("{ products(first: 100) { id } }", "", ""),
        (
            "{\n  products(first: 500) { id } }",
            "",
            "ARGUMENT_OUT_OF_RANGE 2:12 `Query.products(first:)`: 500 is above the maximum 100\n",
        ),
        // One value is given to two arguments with different bounds.
        (
            "{ products(first: 50) { id } user(id: 1) { orders(first: 50) { id } } }",
            "",
            "ARGUMENT_OUT_OF_RANGE 1:51 `User.orders(first:)`: 50 is above the maximum 10\n",
        ),
        (
            "query($n: Int!) { products(first: $n) { id } }",
            r#"{"n": 101}"#,
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$n`: 101 is above the maximum 100\n",
        ),
    ] {
        let found = lowered(&project, &lifted(&view, document), given);
        match expected {
            "" => assert!(found.starts_with("query"), "{found}"),
            expected => assert_eq!(found, expected, "{document}"),
        }
    }
}

#[test]
fn each_document_has_its_own_places() {
    let mut project = Project::new(GRAPH);
    let view = project.view(CLIENT);
    let (one, other) = (
        lifted(&view, "{ user(id: 1) { ...F orders { id } } } fragment F on User { name }"),
        lifted(&view, "fragment F on User { name }\nquery {\n  user(id: \"123456\") { ...F\n    orders { id } } }"),
    );
    assert_eq!(one.key, other.key);
    let operation = one.shape.lower_of(&one.own, &one.shape.outcomes(&coerced(&one, ""))).unwrap();
    let fields = operation.outputs.iter().flat_map(|object| &object.variants).flat_map(|variant| &variant.fields);
    let places: Vec<_> = fields
        .map(|field| (field.response_name.as_str(), one.own.location(field.site), other.own.location(field.site)))
        .collect();
    assert_eq!(
        places,
        [
            ("user", Some((1, 3)), Some((3, 3))),
            ("name", Some((1, 61)), Some((1, 22))),
            ("orders", Some((1, 22)), Some((4, 5))),
            ("id", Some((1, 31)), Some((4, 14))),
        ]
    );
}

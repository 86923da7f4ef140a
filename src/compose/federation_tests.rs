//! GraphQL sources: keys, `@requires`, `@provides`, `@external`, shared and conflicting fields.

use super::tests::composed_services;

const LINK: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@requires", "@provides", "@external", "@shareable", "@tag", "@inaccessible", "@override"])"#;

fn graph(files: &[(&str, &str)]) -> String {
    let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (*name, format!("{LINK}\n{text}"))).collect();
    composed_services(&files)
}

#[test]
fn subgraphs_offer_their_types_by_key() {
    let accounts = r#"
      type Query { me: User @tag(name: "x") media: [Media!]! }
      type User @key(fields: "id") @key(fields: "email organization { id }") {
        id: ID!
        email: String!
        organization: Organization!
        secret: String @inaccessible
      }
      type Organization @key(fields: "id") { id: ID! name: String! @shareable }
      union Media = Book | Film
      type Book { title: String! @shareable }
      type Film { title: String! length: Int! }
      type _Service { sdl: String! }
      scalar _Any
    "#;
    let products = r#"
      schema { query: Root }
      type Root { top: [Product!]! @provides(fields: "maker { name }") _service: Int }
      type Product @key(fields: "sku") {
        sku: ID!
        weight: Int! @external
        shipping: Int! @requires(fields: "weight maker { name }")
        maker: Organization!
      }
      type Organization @key(fields: "id", resolvable: false) { id: ID! name: String! @external }
    "#;
    let stock = r#"extend type Product @key(fields: "sku") { sku: ID! @external weight: Int! }"#;
    insta::assert_snapshot!(graph(&[("accounts", accounts), ("products", products), ("stock", stock)]));
}

#[test]
fn fields_with_two_owners_or_two_types_are_found() {
    let a = r#"type Query { a: A } type A @key(fields: "id") { id: ID! name: String size: Int } enum E { X }"#;
    let b = r#"type A @key(fields: "id") { id: ID! name: String size: [Int] @shareable old: E @override(from: "c") }"#;
    let c = r#"type A @key(fields: "id nme") { id: ID! old: E } input E { x: Int }"#;
    insta::assert_snapshot!(graph(&[("a", a), ("b", b), ("c", c)]));
}

#[test]
fn what_a_type_provides_of_itself_is_one_shape() {
    let tree = r#"
      type Query { root: Category }
      type Category @key(fields: "id") {
        id: ID!
        name: String! @external
        parent: Category @provides(fields: "name parent { name }")
      }
    "#;
    let names = r#"type Category @key(fields: "id") { id: ID! name: String! }"#;
    insta::assert_snapshot!(graph(&[("tree", tree), ("names", names)]));
}

#[test]
fn long_chains_of_types_do_not_exhaust_the_stack() {
    let chain: String = (0..5_000).map(|n| format!("type T{n} {{ next: T{} }}\n", n + 1)).collect();
    let text = format!("type Query {{ first: T0 }}\n{chain}type T5000 {{ id: ID }}");
    assert!(graph(&[("chain", &text)]).starts_with("Query"));
    let bound = format!(
        r#"extend schema @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"]) @source(name: "chain")
        type Query {{ first: T0 @connect(http: {{ GET: "/first" }}) }} {chain} type T5000 {{ id: ID }}"#
    );
    let found = composed_services(&[("chain", bound)]);
    assert!(found.starts_with("C005 types are nested more than 64 levels deep in one answer"), "{found}");
}

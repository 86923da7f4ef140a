//! GraphQL sources: keys, `@requires`, `@provides`, `@external`, and shared and conflicting fields.

use super::{client_schema, composed_services};

const LINK: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@requires", "@provides", "@external", "@shareable", "@tag", "@inaccessible", "@override", "@listSize"])"#;

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

fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let text = graph(files);
    let heads =
        text.lines().filter(|line| line.starts_with('E') && line.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
    heads.map(str::to_owned).collect()
}

#[test]
fn inputs_are_what_all_services_agree_on() {
    let a = r#"
      type Query { find(filter: Filter, kind: Kind, first: Int = 5, only: Int, id: ID = 7, ids: [ID!] = 7): Int @shareable }
      input Filter { x: Int y: Int = 7 kind: Sort inner: Inner = { z: 1, id: 2 } }
      input Inner { z: Int id: ID }
      enum Kind { A B }
      enum Sort { UP DOWN }"#;
    let b = r#"
      type Query { find(filter: Filter!, kind: Kind, first: Int = 5, id: ID = "7", ids: [ID!] = 7): Int @shareable sort: Int }
      input Filter { x: Int! = 1 inner: Inner = { z: 1, id: 2 } }
      input Inner { z: Int id: ID }
      enum Kind { B C }"#;
    // The defaults of `id` are written differently, so they are not the same.
    assert_eq!(findings(&[("a", a), ("b", b)]), ["E211 `id` of `Query.find` has two defaults"]);
    let b = b.replace("id: ID = \"7\"", "id: ID = 7");
    insta::assert_snapshot!(graph(&[("a", a), ("b", &b)]));
    let files = [format!("{LINK}\n{a}"), format!("{LINK}\n{b}")];
    insta::assert_snapshot!(client_schema(&files));
}

#[test]
fn inputs_that_cannot_be_merged_are_found() {
    let query = "type Query { a(x: Int): Int @shareable }";
    for (a, b, found) in [
        (
            "type Query { a(x: Int!): Int @shareable }",
            "type Query { a: Int @shareable }",
            "E211 the argument `x` of `Query.a` is required here, and `b` does not have it",
        ),
        (
            "type Query { a(x: Int = 1): Int @shareable }",
            "type Query { a(x: Int = 2): Int @shareable }",
            "E211 `x` of `Query.a` has two defaults",
        ),
        (query, "type Query { a(x: [Int]): Int @shareable }", "E203 `x` of `Query.a` has two types, `Int` and `[Int]`"),
        (
            "type Query { a(f: F): Int } input F { x: Int! y: Int }",
            "type Query { b(f: F): Int } input F { y: Int }",
            "E211 the field `x` of `F` is required here, and `b` does not have it",
        ),
        (
            "type Query { a(f: F): Int } input F { x: Int }",
            "type Query { b(f: F): Int } input F { y: Int }",
            "E211 the services that declare the input `F` have no field of it in common",
        ),
        (
            "type Query { a(f: E): Int } enum E { X }",
            "type Query { b: Int } enum E { Y }",
            "E211 the services that declare the enum `E` have no value of it in common",
        ),
        (
            "type Query { a(f: E): Int } enum E { X Y }",
            "type Query { b: E } enum E { Y }",
            "E211 `E` is sent and answered, and `b` does not know its value `X`",
        ),
    ] {
        let found_here = findings(&[("a", a), ("b", b)]);
        assert_eq!(found_here.first().map(String::as_str), Some(found), "{a}\n{b}\n{found_here:#?}");
    }
    // Optional inputs are left out; enum values that are only answered are united; hidden fields may differ.
    for (a, b) in [
        (query, "type Query { a: Int @shareable }"),
        ("type Query { a(x: Int! = 1): Int @shareable }", "type Query { a: Int @shareable }"),
        ("type Query { a: E } enum E { X }", "type Query { b: E } enum E { Y }"),
        ("type Query { a(f: E): E } enum E { X @inaccessible Y }", "type Query { b: E } enum E { Y }"),
    ] {
        assert_eq!(findings(&[("a", a), ("b", b)]), Vec::<String>::new(), "{a}\n{b}");
    }
}

#[test]
fn what_is_inaccessible_stays_in_the_graph() {
    let a = r#"
      type Query { item: Item secret: Item @inaccessible any: [Any!] list(first: Int = 3 @inaccessible, kind: Kind): Int }
      type Item @key(fields: "code owner { id }") { code: ID! @inaccessible owner: Owner! @inaccessible name: String kind: Kind }
      type Owner @inaccessible { id: ID! }
      union Any = Item | Owner
      interface Hidden @inaccessible { id: ID! }
      type Shown implements Hidden { id: ID! }
      enum Kind { A B @inaccessible }
      input In { a: Int b: Int = 1 @inaccessible }"#;
    let b =
        r#"type Item @key(fields: "code owner { id }") { code: ID! owner: Owner! left: Int } type Owner { id: ID! }"#;
    insta::assert_snapshot!(graph(&[("a", a), ("b", b)]));
    let files = [format!("{LINK}\n{a}"), format!("{LINK}\n{b}")];
    insta::assert_snapshot!(client_schema(&files));
}

#[test]
fn clients_see_nothing_that_names_what_is_inaccessible() {
    for (sdl, found) in [
        (
            "type Query { a: A } type A @inaccessible { id: ID }",
            "E212 clients see `Query.a`, but its type `A` is `@inaccessible`",
        ),
        (
            "type Query { a(e: E): Int } enum E @inaccessible { X }",
            "E212 clients see `Query.a(e:)`, but its type `E` is `@inaccessible`",
        ),
        (
            "type Query { a: E } enum E { X @inaccessible }",
            "E212 clients see `E`, but all that it has is `@inaccessible`",
        ),
        (
            "type Query { a(x: Int! @inaccessible): Int }",
            "E211 `x` of `Query.a` is required, so it cannot be `@inaccessible`: no client could give it",
        ),
        (
            "type Query { a(f: F): Int } input F { x: Int! @inaccessible y: Int }",
            "E211 `x` of `F` is required, so it cannot be `@inaccessible`: no client could give it",
        ),
    ] {
        assert_eq!(findings(&[("a", sdl)]).first().map(String::as_str), Some(found), "{sdl}");
    }
}

#[test]
fn sizes_stand_on_lists_and_name_arguments_that_say_how_many() {
    let check = |field: &str| graph(&[("a", &format!("type Query {{ {field} }} type A {{ id: ID! }}"))]);
    for field in [
        "a(first: Int, last: Int): [A] @listSize(slicingArguments: [\"first\", \"last\"])",
        "a(first: Int! = 3): [A!]! @listSize(slicingArguments: [\"first\"], assumedSize: 3, maxSize: 9)",
    ] {
        assert!(check(field).starts_with("Query"), "{}", check(field));
    }
    for (field, message) in [
        ("a: A @listSize(maxSize: 3)", "C003 `@listSize` stands on `Query.a`, which is no list"),
        (
            "a(first: Int): [A] @listSize(slicingArguments: [\"frist\"])",
            "C003 `Query.a` has no argument `frist` of the type `Int`",
        ),
        (
            "a(first: [Int]): [A] @listSize(slicingArguments: [\"first\"])",
            "C003 `Query.a` has no argument `first` of the type `Int`",
        ),
    ] {
        assert!(check(field).contains(message), "{field}: {}", check(field));
    }
}

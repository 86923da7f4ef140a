//! The thirteen rules of lowering, with their numbers.

use super::{GRAPH, SHOP, lowered, lowered_with, shown};
use crate::operation::{GivenVariables, JsonText, Limits, prepare};
use crate::view::testing::Project;
use insta::assert_snapshot;
use serde_json::{Value as Json, json};

#[test]
fn an_identity_view_lowers_to_the_same_fields() {
    assert_snapshot!(lowered(GRAPH, r#"query Q { user(id: "123") { name orders { total } } }"#), @r#"
    query Q
      #0 user(id: "123")
        #1 name
        #2 orders(first: 10)
          #3 total
    answer
      Query
        user: Object = #0
          User
            name: String! = #1
            orders: [Object!]! = #2
              Order
                total: Float! = #3
    "#);
}

#[test]
fn rule_1_a_dot_nests_so_that_one_field_gathers_several_roots() {
    assert_snapshot!(lowered(SHOP, r#"{ home { __typename popular { title } me(id: 7) { name } } }"#), @r#"
    query
      #0 products(sort: "POPULAR", first: 3)
        #1 name
      #2 user(id: "7")
        #3 name
    answer
      Query
        home: Object! = .
          Home of Query
            __typename: __typename
            popular: [Object!]! = #0
              ProductCard of Product
                title: String! = #1
            me: Object = #2
              Me of User
                name: String! = #3
    "#);
}

#[test]
fn rule_2_lists_in_a_path_nest_unless_indexed() {
    assert_snapshot!(lowered(SHOP, r#"{ user(id: "1") { totals quantities last } }"#), @r#"
    query
      #0 user(id: "1")
        #1 orders(first: 10)
          #2 total
          #3 lines
            #4 qty
        #5 orders(first: 1)
          #6 total
    answer
      Query
        user: Object = #0
          Me of User
            totals: [Float!]! = #1.#2
            quantities: [[Int!]!]! = #1.#3.#4
            last: Float = #5[0].#6
    "#);
}

#[test]
fn rule_3_null_on_the_path_gives_the_default() {
    assert_snapshot!(lowered(SHOP, r#"{ user(id: "1") { bossName } }"#), @r#"
    query
      #0 user(id: "1")
        #1 boss
          #2 name
    answer
      Query
        user: Object = #0
          Me of User
            bossName: String! = #1.#2 ?? "nobody"
    "#);
}

#[test]
fn rule_4_answers_are_completed_by_client_types() {
    let client = r#"
        type Query { user(id: ID!): Me }
        type Me @view(of: "User") { name: String  orders: [Order] }
        type Order { total: Float }
    "#;
    assert_snapshot!(lowered(client, r#"{ user(id: "1") { name orders { total } } }"#), @r#"
    query
      #0 user(id: "1")
        #1 name
        #2 orders(first: 10)
          #3 total
    answer
      Query
        user: Object = #0
          Me of User
            name: String = #1
            orders: [Object] = #2
              Order
                total: Float = #3
    "#);
}

#[test]
fn rule_5_entries_have_the_clients_names_and_coordinates() {
    let mut project = Project::new(GRAPH);
    let view = project.view(SHOP);
    let prepared =
        prepare(&view, &Limits::default(), r#"{ u: user(id: "1") { r: recent { number } } }"#, None).unwrap();
    let variables = prepared.coerce(&GivenVariables::default()).unwrap();
    let operation = prepared.lower(&prepared.outcomes(&variables)).unwrap();
    let entries: Vec<_> = operation
        .outputs
        .iter()
        .flat_map(|object| &object.variants)
        .flat_map(|variant| &variant.fields)
        .map(|field| format!("{} {}", field.response_name, field.coordinate))
        .collect();
    assert_eq!(entries, ["u Query.user", "r Me.recent", "number OrderCard.number"]);
}

#[test]
fn rule_6_arguments_pass_by_name_unless_pinned_and_client_defaults_win() {
    assert_snapshot!(lowered(SHOP, "{ cards { id } many: cards(first: 9) { id } latest(first: 2) { id } }"), @r#"
    query
      #0 products(sort: "POPULAR", first: 5)
        #1 id
      #2 products(sort: "POPULAR", first: 9)
        #3 id
      #4 products(category: "BOOKS", sort: "NEWEST", first: 2)
        #5 id
    answer
      Query
        cards: [Object!]! = #0
          ProductCard of Product
            id: ID! = #1
        many: [Object!]! = #2
          ProductCard of Product
            id: ID! = #3
        latest: [Object!]! = #4
          ProductCard of Product
            id: ID! = #5
    "#);
}

#[test]
fn rule_7_variables_and_literals_are_renamed_into_graph_vocabulary() {
    let document = "query($kind: Topic = READING, $first: Int!) { a: cards(kind: $kind, first: $first) { id } b: cards(kind: PLAYING) { id } }";
    assert_snapshot!(lowered_with(SHOP, document, json!({"first": 4})), @r#"
    query
      #0 products(category: $0, sort: "POPULAR", first: $1 ?? 5)
        #1 id
      #2 products(category: "GAMES", sort: "POPULAR", first: 5)
        #3 id
    answer
      Query
        a: [Object!]! = #0
          ProductCard of Product
            id: ID! = #1
        b: [Object!]! = #2
          ProductCard of Product
            id: ID! = #3
    "#);
    let coerced = |variables: Json| {
        let mut project = Project::new(GRAPH);
        let view = project.view(SHOP);
        let prepared = prepare(&view, &Limits::default(), document, None).unwrap();
        prepared
            .coerce(&variables.as_object().unwrap().into())
            .map(|variables| json!(variables.declared().iter().flatten().map(JsonText::to_json).collect::<Vec<_>>()))
            .map_err(shown)
    };
    assert_eq!(coerced(json!({"first": 4})), Ok(json!(["BOOKS", 4])));
    assert_eq!(coerced(json!({"first": 4, "kind": "PLAYING"})), Ok(json!(["GAMES", 4])));
    let error = coerced(json!({"first": 4, "kind": "GAMES"})).unwrap_err();
    assert_eq!(error, "BAD_USER_INPUT 1:7 variable `$kind`: expected `Topic`, found \"GAMES\"\n");
}

#[test]
fn rule_7_holds_inside_input_objects() {
    let client = r#"
        type Query { find(by: Search @from(path: "filter")): [Product!]! }
        type Product { id: ID! }
        enum Topic @view(of: "Category") { READING @from(path: "BOOKS") }
        input Search @view(of: "Filter") { topic: Topic = READING @from(path: "category")  cost: Cost @from(path: "price")  max: Int! = 5 @from(path: "limit") }
        input Cost @view(of: "Range") { most: Int! }
    "#;
    assert_snapshot!(lowered(client, "{ find(by: {cost: {most: 3}}) { id } }"), @r#"
    query
      #0 find(filter: {"category":"BOOKS","price":{"most":3,"least":0},"limit":5})
        #1 id
    answer
      Query
        find: [Object!]! = #0
          Product
            id: ID! = #1
    "#);
    assert_snapshot!(lowered_with(client, "query($most: Int!, $max: Int) { find(by: {cost: {most: $most}, max: $max}) { id } }", json!({"most": 1})), @r#"
    query
      #0 find(filter: {category: "BOOKS", price: {most: $0, least: 0}, limit: $1 ?? 5})
        #1 id
    answer
      Query
        find: [Object!]! = #0
          Product
            id: ID! = #1
    "#);
    assert_snapshot!(lowered_with(client, "query($by: Search) { find(by: $by) { id } }", json!({"by": {"topic": null}})), @r"
    query
      #0 find(filter: $0)
        #1 id
    answer
      Query
        find: [Object!]! = #0
          Product
            id: ID! = #1
    ");
}

#[test]
fn rule_8_equal_fields_with_equal_arguments_are_asked_for_once() {
    let document = r#"{
      a: user(id: "1") { name }
      b: user(id: 1) { recent { total } totals last }
      c: user(id: "2") { name }
      cards { cents currency }
    }"#;
    assert_snapshot!(lowered(SHOP, document), @r#"
    query
      #0 user(id: "1")
        #1 name
        #2 orders(first: 3)
          #3 total
        #4 orders(first: 10)
          #5 total
        #6 orders(first: 1)
          #7 total
      #8 user(id: "2")
        #9 name
      #10 products(sort: "POPULAR", first: 5)
        #11 price
          #12 amount
          #13 currency
    answer
      Query
        a: Object = #0
          Me of User
            name: String! = #1
        b: Object = #0
          Me of User
            recent: [Object!]! = #2
              OrderCard of Order
                total: Float! = #3
            totals: [Float!]! = #4.#5
            last: Float = #6[0].#7
        c: Object = #8
          Me of User
            name: String! = #9
        cards: [Object!]! = #10
          ProductCard of Product
            cents: Int! = #11.#12
            currency: String! = #11.#13
    "#);
}

#[test]
fn rule_8_does_not_join_mutations() {
    assert_snapshot!(lowered(GRAPH, r#"mutation { a: pay(order: "1") { id } b: pay(order: "1") { id total } }"#), @r#"
    mutation
      #0 pay(order: "1")
        #1 id
      #2 pay(order: "1")
        #3 id
        #4 total
    answer
      Mutation
        a: Object! = #0
          Order
            id: ID! = #1
        b: Object! = #2
          Order
            id: ID! = #3
            total: Float! = #4
    "#);
}

const HITS: &str = r#"
type Query { search(text: String!): [Result!]!  first(text: String!): Found @from(path: "hit")  product(id: ID!): Card }
union Result @view(of: "Hit", others: OMIT) = Card | Store
union Found @view(of: "Hit") = Card | Store
type Card @view(of: "Product") { title: String! @from(path: "name")  owner: Owner }
type Store implements Owner @view(of: "Shop") { id: ID!  title: String! }
interface Owner @view(of: "Node") { id: ID! }
"#;

#[test]
fn rule_9_typename_is_the_clients_and_members_are_views() {
    let document = r#"{ search(text: "x") { __typename ... on Card { title } ... on Store { id } } }"#;
    assert_snapshot!(lowered(HITS, document), @r#"
    query
      #0 search(text: "x")
        on Product
          #1 name
        on Shop
          #2 id
    answer
      Query
        search: [Object!]! = #0
          Card of Product
            __typename: __typename
            title: String! = #1
          Store of Shop
            __typename: __typename
            id: ID! = #2
          others omitted
    "#);
}

#[test]
fn rule_10_unlisted_members_are_null_or_omitted() {
    let document =
        r#"{ first(text: "x") { ... on Card { title owner { id } } } search(text: "x") { ... on Owner { id } } }"#;
    assert_snapshot!(lowered(HITS, document), @r#"
    query
      #0 hit(text: "x")
        on Product
          #1 name
          #2 owner
            on Shop
              #3 id
        on Shop
      #4 search(text: "x")
        on Product
        on Shop
          #5 id
    answer
      Query
        first: Object = #0
          Card of Product
            title: String! = #1
            owner: Object = #2
              Store of Shop
                id: ID! = #3
          Store of Shop
        search: [Object!]! = #4
          Card of Product
          Store of Shop
            id: ID! = #5
          others omitted
    "#);
}

#[test]
fn rule_11_enum_values_are_mapped_and_unlisted_ones_are_absent() {
    let client = r#"
        type Query { user(id: ID!): User }
        type User { kind: Role! }
        enum Role @view(of: "Kind") { BOSS @from(path: "ADMIN") }
    "#;
    assert_snapshot!(lowered(client, r#"{ user(id: "1") { kind } }"#), @r#"
    query
      #0 user(id: "1")
        #1 kind
    answer
      Query
        user: Object = #0
          User
            kind: enum(ADMIN→BOSS)! = #1
    "#);
}

#[test]
fn rule_13_introspection_shows_the_clean_schema() {
    let mut project = Project::new(GRAPH);
    let view = project.view(SHOP);
    let document = r#"query($d: Boolean!) { s: __schema @include(if: $d) { directives { name } types { name } } t: __type(name: "Topic") { enumValues { name } } __typename }"#;
    let prepared = prepare(&view, &Limits::default(), document, None).unwrap();
    let variables = prepared.coerce(&json!({"d": true}).as_object().unwrap().into()).unwrap();
    let answer = prepared.introspect(&view, &variables).unwrap();
    assert_eq!(answer["t"], r#"{"enumValues":[{"name":"READING"},{"name":"PLAYING"}]}"#);
    let schema: Json = serde_json::from_str(&answer["s"]).unwrap();
    let names = schema.to_string();
    assert!(names.contains("ProductCard") && names.contains("deprecated"), "{names}");
    assert!(!names.contains("\"view\"") && !names.contains("\"from\"") && !names.contains("\"link\""), "{names}");
    assert_eq!(answer.len(), 2);
    assert_snapshot!(prepared.lower(&prepared.outcomes(&variables)).unwrap().to_text(&project.graph), @r"
    query
    answer
      Query
        s: introspection
        t: introspection
        __typename: __typename
    ");
}

#[test]
fn too_deep_introspection_is_refused() {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    let document = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    let errors = prepare(&view, &Limits::default(), document, None).unwrap_err();
    let why = "introspection asks for too many lists of types inside of one another";
    assert_eq!(shown(errors), format!("GRAPHQL_VALIDATION_FAILED 1:3 {why}\n"));
    let document = "{ __schema { types { fields { type { fields { name } } } } } }";
    assert!(prepare(&view, &Limits::default(), document, None).is_ok());
}

#[test]
fn the_root_fields_of_a_mutation_cannot_be_deferred() {
    for document in [
        r#"mutation { ... @defer { pay(order: "1") { id } } }"#,
        r#"mutation { ...F @defer } fragment F on Mutation { pay(order: "1") { id } }"#,
        r#"mutation { ... { ... on Mutation @defer(if: false) { pay(order: "1") { id } } } }"#,
        r#"mutation { ...F } fragment F on Mutation { ... @defer { pay(order: "1") { id } } }"#,
    ] {
        let text = lowered(GRAPH, document);
        assert!(text.starts_with("GRAPHQL_VALIDATION_FAILED"), "{document}: {text}");
    }
    let below = lowered(GRAPH, r#"mutation { pay(order: "1") { id ... @defer { total } } }"#);
    assert!(below.starts_with("mutation"), "{below}");
}

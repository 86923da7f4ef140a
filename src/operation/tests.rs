//! The thirteen rules of lowering, merging and order, coercion, limits.

use super::{Limits, RequestError, prepare};
use crate::compose::Bounds;
use crate::view::View;
use crate::view::testing::Project;
use insta::assert_snapshot;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

const GRAPH: &str = r#"
type Query {
  user(id: ID!): User
  product(id: ID!): Product
  products(category: Category, sort: Sort! = NEWEST, first: Int! = 20): [Product!]!
  search(text: String!): [Hit!]!
  hit(text: String!): Hit
  find(filter: Filter): [Product!]!
  any(json: JSON): JSON
}
type Mutation { pay(order: ID!): Order!  ship(order: ID!): Order! }
type User { id: ID!  name: String!  orders(first: Int! = 10): [Order!]!  kind: Kind!  boss: User }
type Order { id: ID! total: Float! lines: [Line!]!  user: User! }
type Line { qty: Int! product: Product }
type Product { id: ID!  name: String!  price: Money!  images: [Image!]  owner: Node }
type Money { amount: Int! currency: String! }
type Image { url: String! width: Int! }
interface Node { id: ID! }
type Shop implements Node { id: ID! title: String! }
type Team implements Node { id: ID! title: String! members: [User!]! }
union Hit = Product | Shop | Team
enum Category { BOOKS GAMES FOOD }
enum Sort { NEWEST POPULAR }
enum Kind { ADMIN CUSTOMER }
input Filter { category: Category  price: Range  limit: Int! = 50  text: String }
input Range { least: Int! = 0  most: Int! }
scalar JSON
"#;

/// The lowered operation, or the errors, as text.
fn lowered_with(client: &str, document: &str, variables: Json) -> String {
    let mut project = Project::new(GRAPH);
    let view = project.view(client);
    lowered_by(&project, &view, document, &variables)
}

fn lowered(client: &str, document: &str) -> String {
    lowered_with(client, document, json!({}))
}

fn lowered_by(project: &Project, view: &View, document: &str, variables: &Json) -> String {
    let run = || {
        let prepared = prepare(view, &Limits::default(), document, None)?;
        let variables = prepared.coerce(variables.as_object().unwrap())?;
        let operation = prepared.lower(&prepared.outcomes(&variables))?;
        prepared.check_bounds(&operation, &variables)?;
        Ok(operation.to_text(&project.graph))
    };
    run().unwrap_or_else(shown)
}

fn shown(errors: Vec<RequestError>) -> String {
    let one = |error: &RequestError| {
        let places: Vec<_> = error.locations.iter().map(|(line, column)| format!("{line}:{column} ")).collect();
        format!("{} {}{}\n", error.code, places.concat(), error.message)
    };
    errors.iter().map(one).collect()
}

const SHOP: &str = r#"
type Query {
  home: Home!  @from(path: ".")
  user(id: ID!): Me
  cards(kind: Topic @from(path: "category"), first: Int! = 5): [ProductCard!]!  @from(path: "products(sort: POPULAR)")
  latest(first: Int!): [ProductCard!]!  @from(path: "products(first: $first, category: BOOKS)")
}
type Home @view(of: "Query") {
  popular: [ProductCard!]!  @from(path: "products(sort: POPULAR, first: 3)")
  me(id: ID!): Me  @from(path: "user(id: $id)")
}
type Me @view(of: "User") {
  name: String!
  recent: [OrderCard!]!  @from(path: "orders(first: 3)")
  totals: [Float!]!  @from(path: "orders.total")
  quantities: [[Int!]!]!  @from(path: "orders.lines.qty")
  last: Float  @from(path: "orders(first: 1)[0].total")
  bossName: String!  @from(path: "boss.name", default: "nobody")
}
type OrderCard @view(of: "Order") { number: ID! @from(path: "id")  total: Float! }
type ProductCard @view(of: "Product") {
  id: ID!
  title: String!  @from(path: "name")
  cents: Int!  @from(path: "price.amount")
  currency: String!  @from(path: "price.currency")
  thumb: String  @from(path: "images[0].url")
}
enum Topic @view(of: "Category") { READING @from(path: "BOOKS")  PLAYING @from(path: "GAMES") }
"#;

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
    let variables = prepared.coerce(&Default::default()).unwrap();
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
        prepared.coerce(variables.as_object().unwrap()).map(|variables| json!(variables.0)).map_err(shown)
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
    let variables = prepared.coerce(json!({"d": true}).as_object().unwrap()).unwrap();
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
    let prepared = prepare(&view, &Limits::default(), document, None).unwrap();
    let errors = prepared.introspect(&view, &Default::default()).unwrap_err();
    assert_eq!(shown(errors), "LIMIT_EXCEEDED 1:54 Maximum introspection depth exceeded\n");
}

#[test]
fn equal_response_names_merge_and_keep_the_order_of_first_appearance() {
    let document = r#"
      query {
        user(id: "1") { ...A id ... on User { name orders { lines { qty } } } }
        user(id: "1") { id orders { total id } name }
      }
      fragment A on User { name ...B }
      fragment B on User { orders { id } }
    "#;
    assert_snapshot!(lowered(GRAPH, document), @r#"
      query
        #0 user(id: "1")
          #1 name
          #2 orders(first: 10)
            #3 id
            #4 lines
              #5 qty
            #6 total
          #7 id
      answer
        Query
          user: Object = #0
            User
              name: String! = #1
              orders: [Object!]! = #2
                Order
                  id: ID! = #3
                  lines: [Object!]! = #4
                    Line
                      qty: Int! = #5
                  total: Float! = #6
              id: ID! = #7
      "#);
}

#[test]
fn fields_of_interfaces_and_unions_are_lowered_per_concrete_type() {
    let document = r#"{
      search(text: "x") { __typename ... on Node { id } ... on Team { title members { name } } ... on Product { owner { id ... on Shop { title } } } }
    }"#;
    assert_snapshot!(lowered(GRAPH, document), @r#"
    query
      #0 search(text: "x")
        on Product
          #1 owner
            on Shop
              #2 id
              #3 title
            on Team
              #4 id
        on Shop
          #5 id
        on Team
          #6 id
          #7 title
          #8 members
            #9 name
    answer
      Query
        search: [Object!]! = #0
          Product
            __typename: __typename
            owner: Object = #1
              Shop
                id: ID! = #2
                title: String! = #3
              Team
                id: ID! = #4
          Shop
            __typename: __typename
            id: ID! = #5
          Team
            __typename: __typename
            id: ID! = #6
            title: String! = #7
            members: [Object!]! = #8
              User
                name: String! = #9
    "#);
}

#[test]
fn skip_and_include_are_decided_by_outcomes() {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    let document = r#"
      query($a: Boolean!, $b: Boolean = true, $id: ID!) {
        user(id: $id) { id @skip(if: $a) ...F @include(if: $b) name @include(if: true) kind @skip(if: true) }
      }
      fragment F on User { orders { total @skip(if: $a) id } }
    "#;
    let prepared = prepare(&view, &Limits::default(), document, None).unwrap();
    let names: Vec<_> = prepared.conditions().iter().map(|id| id.0).collect();
    assert_eq!(names, [0, 1]);
    let outcomes = |variables: Json| prepared.outcomes(&prepared.coerce(variables.as_object().unwrap()).unwrap());
    let first = outcomes(json!({"a": true, "id": "1"}));
    assert_eq!(first, outcomes(json!({"a": true, "b": true, "id": "2"})));
    let second = outcomes(json!({"a": false, "b": false, "id": "1"}));
    assert_ne!(first, second);
    assert_snapshot!(prepared.lower(&first).unwrap().to_text(&project.graph), @r"
    query
      #0 user(id: $2)
        #1 orders(first: 10)
          #2 id
        #3 name
    answer
      Query
        user: Object = #0
          User
            orders: [Object!]! = #1
              Order
                id: ID! = #2
            name: String! = #3
    ");
    assert_snapshot!(prepared.lower(&second).unwrap().to_text(&project.graph), @r"
    query
      #0 user(id: $2)
        #1 id
        #2 name
    answer
      Query
        user: Object = #0
          User
            id: ID! = #1
            name: String! = #2
    ");
    let null = prepared.coerce(json!({"a": true, "b": null, "id": "1"}).as_object().unwrap()).unwrap_err();
    assert_eq!(shown(null), "BAD_USER_INPUT 2:27 variable `$b`: expected `Boolean!`, found null\n");
}

#[test]
fn variables_are_coerced_as_the_specification_has_it() {
    let coerce = |ty: &str, given: Option<Json>| {
        let plain = ty.split(" =").next().unwrap();
        let graph = format!(
            "type Query {{ take(v: {plain}): Int }}
            scalar JSON
            input Filter {{ category: Category  price: Range  limit: Int! = 50  text: String }}
            input Range {{ least: Int! = 0  most: Int! }}
            enum Category {{ BOOKS GAMES }}"
        );
        let view = Project::new(&graph).view(&graph);
        let document = format!("query($v: {ty}) {{ take(v: $v) }}");
        let prepared = prepare(&view, &Limits::default(), &document, None).map_err(shown)?;
        let variables = given.map(|given| json!({ "v": given })).unwrap_or(json!({}));
        let coerced = prepared.coerce(variables.as_object().unwrap()).map_err(shown)?;
        Ok::<_, String>(coerced.0[0].clone().map_or("absent".to_owned(), |json| json.to_string()))
    };
    for (ty, given, expected) in [
        ("Int", Some(json!(1)), Ok("1")),
        ("Int", Some(json!(1.0)), Ok("1")),
        ("Int", Some(json!(-2147483648)), Ok("-2147483648")),
        ("Int", Some(json!(2147483648_i64)), Err("expected `Int`, found 2147483648")),
        ("Int", Some(json!(1.5)), Err("expected `Int`, found 1.5")),
        ("Int", Some(json!("1")), Err("expected `Int`, found \"1\"")),
        ("Int", Some(json!(true)), Err("expected `Int`, found true")),
        ("Float", Some(json!(1)), Ok("1")),
        ("Float", Some(json!(1.5)), Ok("1.5")),
        ("Float", Some(json!("1.5")), Err("expected `Float`, found \"1.5\"")),
        ("String", Some(json!("a")), Ok("\"a\"")),
        ("String", Some(json!(1)), Err("expected `String`, found 1")),
        ("Boolean", Some(json!(true)), Ok("true")),
        ("Boolean", Some(json!("true")), Err("expected `Boolean`, found \"true\"")),
        ("ID", Some(json!(7)), Ok("\"7\"")),
        ("ID", Some(json!("x")), Ok("\"x\"")),
        ("ID", Some(json!(1.5)), Err("expected `ID`, found 1.5")),
        ("JSON", Some(json!({"a": [1, null]})), Ok("{\"a\":[1,null]}")),
        ("Category", Some(json!("BOOKS")), Ok("\"BOOKS\"")),
        ("Category", Some(json!("FOOD")), Err("expected `Category`, found \"FOOD\"")),
        ("Int", None, Ok("absent")),
        ("Int", Some(json!(null)), Ok("null")),
        ("Int = 3", None, Ok("3")),
        ("Int = 3", Some(json!(null)), Ok("null")),
        ("Int!", None, Err("expected `Int!`, found nothing")),
        ("Int!", Some(json!(null)), Err("expected `Int!`, found null")),
        ("[Int]", Some(json!(1)), Ok("[1]")),
        ("[[Int]]", Some(json!([1, [2], null])), Ok("[[1],[2],null]")),
        ("[Int!]", Some(json!([1, null])), Err("[1]`: expected `Int!`, found null")),
        ("[Int]!", Some(json!([])), Ok("[]")),
        ("Filter", Some(json!({})), Ok("{\"limit\":50}")),
        ("Filter", Some(json!({"price": {"most": 2}})), Ok("{\"price\":{\"least\":0,\"most\":2},\"limit\":50}")),
        ("Filter", Some(json!({"price": {}})), Err(".price`: field `most` of `Range` is required")),
        ("Filter", Some(json!({"limit": null})), Err(".limit`: expected `Int!`, found null")),
        ("Filter", Some(json!({"x": 1})), Err("`Filter` has no field `x`")),
        ("Filter", Some(json!(1)), Err("expected `Filter`, found 1")),
        ("Filter = {price: {most: 1}}", None, Ok("{\"price\":{\"least\":0,\"most\":1},\"limit\":50}")),
    ] {
        let found = coerce(ty, given.clone());
        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(expected), "{ty} {given:?}"),
            Err(why) => {
                let error = found.expect_err(ty);
                assert!(
                    error.starts_with("BAD_USER_INPUT 1:7 variable `$v") && error.trim_end().ends_with(why),
                    "{ty}: {error}"
                );
            }
        }
    }
}

#[test]
fn arguments_out_of_range_are_refused_before_any_call() {
    let bounds = Bounds { minimum: Some(1.0), maximum: Some(100.0), ..Bounds::default() };
    let text = Bounds { min_length: Some(2), pattern: Some("^[a-z]+$".to_owned()), ..Bounds::default() };
    let mut project =
        Project::new(GRAPH).bounded("Query", "products", "first", bounds).bounded("Query", "search", "text", text);
    let view = project.view(GRAPH);
    for (document, variables, expected) in [
        ("{ products(first: 100) { id } }", json!({}), ""),
        (
            "{ products(first: 500) { id } }",
            json!({}),
            "ARGUMENT_OUT_OF_RANGE 1:12 `Query.products(first:)`: 500 is above the maximum 100\n",
        ),
        (
            "{ products(first: 0) { id } }",
            json!({}),
            "ARGUMENT_OUT_OF_RANGE 1:12 `Query.products(first:)`: 0 is below the minimum 1\n",
        ),
        (
            "query($n: Int!) { products(first: $n) { id } a: products(first: $n) { name } }",
            json!({"n": 101}),
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$n`: 101 is above the maximum 100\n",
        ),
        ("query($n: Int) { products(first: $n) { id } }", json!({}), ""),
        (
            "query($t: String!) { search(text: $t) { __typename } }",
            json!({"t": "a"}),
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$t`: text of 1 characters is shorter than the minimum 2\n",
        ),
        (
            "query($t: String!) { search(text: $t) { __typename } }",
            json!({"t": "A1"}),
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$t`: the text does not match the pattern `^[a-z]+$`\n",
        ),
    ] {
        let found = lowered_by(&project, &view, document, &variables);
        match expected {
            "" => assert!(found.starts_with("query"), "{found}"),
            expected => assert_eq!(found, expected, "{document}"),
        }
    }
}

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
        // What the compiler does not find:
        (
            "{ find(filter: {text: \"a\", text: \"b\"}) { id } }",
            "GRAPHQL_VALIDATION_FAILED 1:34 argument `filter` of `find`: input field `text` is given twice",
        ),
        ("query($n: Int) { find(filter: {price: {most: $n}}) { id } }", "GRAPHQL_VALIDATION_FAILED 1:46"),
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

#[test]
fn one_of_inputs_take_exactly_one_field() {
    let graph = r#"
        directive @oneOf on INPUT_OBJECT
        type Query { find(by: By!): Int }
        input By @oneOf { id: ID  name: String }
    "#;
    let mut project = Project::new(graph);
    let view = project.view("type Query { find(by: By!): Int } input By { id: ID  name: String }");
    let run = |document: &str, variables: Json| lowered_by(&project, &view, document, &variables);
    assert!(run("{ find(by: {id: 1}) }", json!({})).starts_with("query"));
    let why = "exactly one field of `By` must be given, and not be null";
    let literal = run("{ find(by: {id: 1, name: null}) }", json!({}));
    assert_eq!(literal, format!("GRAPHQL_VALIDATION_FAILED 1:12 argument `by` of `find`: {why}\n"));
    let variable = run("query($by: By!) { find(by: $by) }", json!({"by": {"id": null}}));
    assert_eq!(variable, format!("BAD_USER_INPUT 1:7 variable `$by`: {why}\n"));
}

#[test]
fn a_variable_that_is_absent_takes_the_clients_default_then_the_graphs() {
    let client = r#"
        type Query { mine(first: Int! = 4): [Product!]! @from(path: "products")  theirs: [Product!]! @from(path: "products")  find(text: String): [Product!]! @from(path: "find(filter: {text: $text})") }
        type Product { id: ID! }
    "#;
    let document =
        "query($n: Int, $t: String) { mine(first: $n) { id } theirs { id } find(text: $t) { id } all: find { id } }";
    let text = lowered_with(client, document, json!({}));
    let asked: Vec<_> = text.lines().filter(|line| line.contains("#") && line.contains('(')).map(str::trim).collect();
    assert_eq!(
        asked,
        [
            "#0 products(sort: \"NEWEST\", first: $0 ?? 4)",
            "#2 products(sort: \"NEWEST\", first: 20)",
            "#4 find(filter: {limit: 50, text: $1})",
            "#6 find(filter: {\"limit\":50})",
        ]
    );
    let null = lowered_with(client, document, json!({"n": null}));
    assert_eq!(null, "BAD_USER_INPUT 1:7 variable `$n`: expected `Int!`, found null\n");
}

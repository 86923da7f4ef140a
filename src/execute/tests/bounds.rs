//! The bounds of an operation: bytes and values of its answer, and calls to services; and what is known of them before
//! it runs.

use super::kit::Kit;
use crate::execute::{Bounds, Wording};
use serde_json::{Value, json};

const SHOP: &str = r#"
type Query {
  user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }, selection: "id name friends { id name }")
  users: [Plain!]! @connect(http: { GET: "/users" }, selection: "id name")
  some: [User!]! @connect(http: { GET: "/users" }, selection: "id name") @listSize(maxSize: 3)
  few: [User] @connect(http: { GET: "/users" }, selection: "id name") @listSize(assumedSize: 1)
  must: User! @connect(http: { GET: "/users/1" }, selection: "id name")
  tags: [String] @connect(http: { GET: "/tags" }, selection: "$") @listSize(maxSize: 3)
  words: [String] @connect(http: { GET: "/tags" }, selection: "$")
  grid: [[Int]] @connect(http: { GET: "/grid" }, selection: "$")
}
type Plain { id: ID! name: String }
type User @key(fields: "id")
  @connect(http: { GET: "/details", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 },
    selection: "id name friends { id name } email") {
  id: ID!
  name: String
  friends: [User!] @listSize(maxSize: 2)
  email: String
}
"#;
const USERS: &str = r#"
    shop GET /users => 200 [{"id":1,"name":"one"},{"id":2,"name":"two"},{"id":3,"name":"three"}]
    shop GET /users/1 => 200 {"id":1,"name":"one","friends":[{"id":2,"name":"two"},{"id":3,"name":"three"}]}
    shop GET /tags => 200 ["a","b","c","d"]
    shop GET /grid => 200 [[1,2],[3,null],null]
    shop GET /details?id=1 => 200 [{"id":1,"email":"a@x"}]"#;

fn shop(bounds: Bounds) -> Kit {
    let mut kit = Kit::rest(&[("shop", SHOP)]);
    kit.bounds = bounds;
    kit
}

fn bytes(answer_bytes: usize) -> Bounds {
    Bounds { answer_bytes, ..Bounds::default() }
}

fn values(values: u64) -> Bounds {
    Bounds { values: Some(values), ..Bounds::default() }
}

/// The lines of the answer, without the calls.
fn answer(bounds: Bounds, query: &str) -> Vec<String> {
    let ran = shop(bounds).run(query, USERS);
    ran.lines().filter(|line| !line.starts_with('>')).map(str::to_owned).collect()
}

const TOO_LARGE: &str = "ANSWER_TOO_LARGE: the answer is larger than";

#[test]
fn an_answer_that_is_too_large_says_where() {
    let whole = r#"{"users":[{"name":"one"},{"name":"two"},{"name":"three"}]}"#;
    assert_eq!(answer(bytes(1_000), "{ users { name } }"), [whole]);
    let short = "; ask for shorter lists or fewer fields";
    for (most, path) in [(30, "users.1"), (45, "users.2"), (10, "users.0")] {
        let error = format!("! {path} {TOO_LARGE} {most} bytes{short}");
        assert_eq!(answer(bytes(most), "{ users { name } }"), ["null".to_owned(), error]);
    }
}

#[test]
fn only_the_field_of_the_root_that_is_too_large_is_lost() {
    let query = "{ a: user(id: 1) { name } b: user(id: 1) { friends { id name } } c: user(id: 1) { id } }";
    let got = answer(bytes(60), query);
    assert_eq!(got[0], r#"{"a":{"name":"one"},"b":null,"c":{"id":"1"}}"#);
    assert!(got[1].starts_with("! b.friends.1 ANSWER_TOO_LARGE"), "{got:?}");
    assert_eq!(got.len(), 2);
    // A non-null field that is too large makes the whole answer null.
    let got = answer(bytes(20), "{ user(id: 1) { id } must { id name } }");
    assert_eq!(got[0], "null", "{got:?}");
}

#[test]
fn a_long_text_is_not_written_beyond_the_bound() {
    let long = "x".repeat(600);
    let script = format!(r#"shop GET /users/1 => 200 {{"id":1,"name":"{long}"}}"#);
    let got = shop(bytes(1_500)).run("{ user(id: 1) { a: name b: name c: name } }", &script);
    assert!(got.contains("\nnull\n") || got.contains(r#"{"user":null}"#), "{got}");
    assert!(got.contains("! user.c ANSWER_TOO_LARGE"), "{got}");
}

#[test]
fn values_are_leaves_and_items_of_lists() {
    for (query, count) in [
        ("{ users { id name } }", 9),
        ("{ users { __typename } }", 6),
        ("{ words }", 5),
        ("{ grid }", 1 + 3 + 4),
        ("{ user(id: 1) { id friends { id } } }", 5),
    ] {
        let got = answer(values(count), query);
        assert_eq!(got.len(), 1, "{query} holds {count} values: {got:?}");
        let got = answer(values(count - 1), query);
        assert!(got[1].contains("OVER_BUDGET: the answer holds more than"), "{query} holds {count} values: {got:?}");
    }
}

#[test]
fn equal_objects_that_are_copied_count_each_time() {
    let posts = r#"
type Query { posts: [Post]! @connect(http: { GET: "/posts" }, selection: "user: { id: userId }")
  @listSize(assumedSize: 9) }
type Post { user: User }
type User @key(fields: "id", resolvable: false) { id: ID! }"#;
    let users = r#"
type User @key(fields: "id")
  @connect(http: { GET: "/users", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }) {
  id: ID! name: String! nick: String }"#;
    let script = r#"
        posts GET /posts => 200 [{"userId":7},{"userId":7},{"userId":7},{"userId":7},{"userId":7}]
        users GET /users?id=7 => 200 [{"id":7,"name":"seven"}]"#;
    let mut kit = Kit::rest(&[("posts", posts), ("users", users)]);
    // Each of the five posts is an item with two leaves.
    for (most, is_whole) in [(15, true), (14, false), (6, false)] {
        kit.bounds = values(most);
        let got = kit.run("{ posts { user { name nick } } }", script);
        assert_eq!(!got.contains("OVER_BUDGET"), is_whole, "{most} values: {got}");
    }
    kit.bounds = bytes(120);
    let got = kit.run("{ posts { user { name nick } } }", script);
    assert!(got.contains("! posts.2 ANSWER_TOO_LARGE"), "{got}");
}

#[test]
fn calls_are_bounded_where_no_plan_could_know_them() {
    let b = r#"type Order @key(fields: "id") { id: ID! total: Int }"#;
    let a = A.replace("type Order {", r#"type Order @key(fields: "id") {"#);
    let mut kit = Kit::graphql(&[("a", &a), ("b", b)]);
    let query = "{ user { free { id total } } }";
    assert!(kit.plan(query).contains("calls unbounded"));
    let script = r#"
        a * => 200 {"data":{"user":{"free":[{"id":1},{"id":2}]}}}
        b * => 200 {"data":{"_entities":[{"total":10},{"total":20}]}}"#;
    let mut run = |calls| {
        kit.bounds = Bounds { calls: Some(calls), ..Bounds::default() };
        kit.run(query, script)
    };
    assert!(run(2).contains(r#"{"user":{"free":[{"id":"1","total":10},{"id":"2","total":20}]}}"#));
    let got = run(1);
    assert!(
        !got.contains("> b") && got.contains(r#"{"user":{"free":[{"id":"1","total":null},{"id":"2","total":null}]}}"#)
    );
    let error = "OVER_BUDGET: the operation needs more than 1 calls, which is all that it may make";
    assert!([0, 1].iter().all(|at| got.contains(&format!("! user.free.{at}.total {error}"))), "{got}");
}

#[test]
fn declared_sizes_are_enforced_and_assumed_ones_are_not() {
    let got = answer(Bounds::default(), "{ tags }");
    assert_eq!(got, [r#"{"tags":null}"#, "! tags UPSTREAM_LIST_TOO_LONG: the service answered with more than 3 items"]);
    assert_eq!(answer(Bounds::default(), "{ some { id } }").len(), 1);
    let four = r#"shop GET /users => 200 [{"id":1},{"id":2},{"id":3},{"id":4}]"#;
    let got = shop(Bounds::default()).run("{ some { id } }", four);
    assert!(got.contains("! some UPSTREAM_LIST_TOO_LONG: the service answered with more than 3 items"), "{got}");
    let got = shop(values(99)).run("{ few { id } }", four);
    assert!(got.contains(r#"{"few":[{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"}]}"#), "{got}");
}

const A: &str = r#"
type Query { user: User orders(first: Int): [Order!]! @listSize(slicingArguments: ["first"], assumedSize: 20) node: Node }
type User @key(fields: "id") {
  id: ID!
  orders(first: Int): [Order!]! @listSize(slicingArguments: ["first"], maxSize: 60)
  free: [Order!]
}
type Order { id: ID! user: User! }
union Node = User | Order"#;

#[test]
fn a_list_that_is_longer_than_was_asked_for_is_an_error() {
    let mut kit = Kit::graphql(&[("a", A)]);
    let script = r#"a * => 200 {"data":{"orders":[{"id":1},{"id":2},{"id":3}]}}"#;
    let got = kit.run("{ orders(first: 2) { id } }", script);
    assert!(got.contains("! orders UPSTREAM_LIST_TOO_LONG: the service answered with more than 2 items"), "{got}");
    assert!(kit.run("{ orders(first: 3) { id } }", script).contains(r#"{"orders":[{"id":"1"},"#));
    kit.bounds = values(5);
    let got = kit.run("query($n: Int) { orders(first: $n) { id } }", script);
    assert!(got.contains("! orders.2 OVER_BUDGET"), "{got}");
}

#[test]
fn all_parts_of_an_answer_together_are_bounded() {
    let query = r#"{ user(id: 1) { name ... @defer(label: "a") { a: email } ... @defer(label: "b") { b: email } } }"#;
    let parts = |bounds: Bounds| {
        let parts = shop(bounds).delayed().parts(query, &json!({}), Wording::Current, USERS);
        parts.into_iter().map(|(_, part)| part).collect::<Vec<Value>>()
    };
    let all = parts(Bounds::default());
    let text = Value::from(all.clone()).to_string();
    assert!(text.contains(r#"{"a":"a@x"}"#) && text.contains(r#"{"b":"a@x"}"#), "{text}");
    for bounds in [values(2), bytes(50)] {
        let text = Value::from(parts(bounds)).to_string();
        assert!(text.contains(r#""name":"one""#) && text.contains(r#"{"a":"a@x"}"#), "{text}");
        assert!(!text.contains(r#"{"b":"#), "{text}");
        let code = if bounds.values.is_some() { "OVER_BUDGET" } else { "ANSWER_TOO_LARGE" };
        assert!(text.contains(code) && text.contains(r#""path":["user""#), "{text}");
    }
}

#[test]
fn errors_are_bounded_in_bytes() {
    let users: Vec<String> = (0..1_000).map(|id| format!(r#"{{"id":{id},"name":{{}}}}"#)).collect();
    let script = format!("shop GET /users => 200 [{}]", users.join(","));
    let alias = "a".repeat(20_000);
    let got = shop(Bounds::default()).run(&format!("{{ {alias}: users {{ name }} }}"), &script);
    assert!(got.lines().filter(|line| line.contains("UPSTREAM_SHAPE")).count() >= 20);
    assert!(got.len() < 3 << 20, "{} bytes", got.len());
}

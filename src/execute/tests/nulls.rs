//! Null propagation, result coercion, and values of wrong types.

use super::kit::Kit;
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn null_goes_up_to_the_nearest_nullable_place() {
    let shop = r#"
type Query { a: A @connect(http: { GET: "/a" }) b: A! @connect(http: { GET: "/b" }) }
type A { loose: [B] tight: [B!] must: [B!]! deep: [[Int!]!] leaf: Int! }
type B { n: Int! }"#;
    let kit = Kit::rest(&[("shop", shop)]);
    let script = r#"shop GET /a => 200 {"loose":[{"n":1},{"n":null},{},null],"tight":[{"n":1},{}],"deep":[[1],[2,null]],"must":[],"leaf":1}"#;
    assert_snapshot!(kit.run("{ a { loose { n } tight { n } must { n } deep } }", script));
    let script = r#"shop GET /a => 200 {"must":[{"n":1},{"n":"x"}],"leaf":2}"#;
    assert_snapshot!(kit.run("{ a { leaf must { n } } }", script));
    assert_snapshot!(kit.run("{ b { leaf } }", "shop GET /b => 200 {}"));
    assert_snapshot!(kit.run("{ b { leaf } }", "shop GET /b => -"));
}

#[test]
fn a_null_that_an_argument_does_not_take_fails_its_field_alone() {
    let shop = r#"
type Query {
  user: User @connect(http: { GET: "/user" })
  posts(first: Int! = 2): [Post!]
    @connect(http: { GET: "/posts", queryParams: "limit: $args.first" }) @listSize(slicingArguments: ["first"])
}
type User { id: ID! must(in: In! = { n: 1 }): Int! @connect(http: { GET: "/must", queryParams: "n: $args.in.n" }) }
input In { n: Int! = 7 }
type Post { id: ID! }"#;
    let kit = Kit::rest(&[("shop", shop)]);
    let script = r#"
        shop GET /user => 200 {"id":"u"}
        shop GET /posts?limit=3 => 200 [{"id":"p"}]"#;
    let query = "query($n: Int = 3) { user { id } null: posts(first: $n) { id } posts(first: 3) { id } }";
    assert_snapshot!(kit.run_with(query, &json!({ "n": null }), script), @r#"
    > shop GET /user
    > shop GET /posts?limit=3
    {"user":{"id":"u"},"null":null,"posts":[{"id":"p"}]}
    ! null BAD_USER_INPUT: null stands where the argument `first` takes none
    "#);
    let query = "query($n: Int) { user { id must(in: { n: $n }) } }";
    assert_snapshot!(kit.run_with(query, &json!({ "n": null }), script), @r#"
    > shop GET /user
    {"user":null}
    ! user.must BAD_USER_INPUT: null stands where the argument `in` takes none
    "#);
}

#[test]
fn values_of_another_kind_fail_where_they_stand() {
    let shop = r#"
type Query { a: A @connect(http: { GET: "/a" }) }
type A { x: B y: [B] z: Int w: [Int] ok: Int }
type B { n: Int }"#;
    let kit = Kit::rest(&[("shop", shop)]);
    let query = "{ a { x { n } y { n } z w ok } }";
    assert_snapshot!(kit.run(query, r#"shop GET /a => 200 {"x":[1],"y":{"n":1},"z":{"canary":1},"w":5,"ok":1}"#));
    assert_snapshot!(
        kit.run(query, r#"shop GET /a => 200 {"x":"canary","y":[7,null,{"n":1}],"z":[1],"w":[1,"canary"],"ok":1}"#)
    );
    assert_snapshot!(kit.run(query, r#"shop GET /a => 200 ["canary"]"#));
    assert_snapshot!(kit.run(query, r#"shop GET /a => 200 {"x":null,"y":null,"z":null,"w":null,"ok":1} trailing"#));
}

#[test]
fn leaves_are_coerced_by_the_clients_type() {
    let shop = r#"
type Query { v: V @connect(http: { GET: "/v" }) }
type V { id: ID int: Int float: Float string: String boolean: Boolean enum: E json: JSON }
enum E { A B }
scalar JSON"#;
    let kit = Kit::rest(&[("shop", shop)]);
    let mut text = String::new();
    for (field, tokens) in [
        ("id", r#""a" 7 -7 7.0 1e3 true {} 12345678901234567890"#),
        ("int", r#"7 -0 1.0 1e3 -2147483648 -2147483648.0 2147483647 2147483648 1.5 "7" true 99999999999 [] -0.0"#),
        ("float", r#"7 1.5 1e3 1e999 -1e999 "1.5" true 12345678901234567890"#),
        ("string", r#""a" "\u0041\n" 7 1.5 true false {} []"#),
        ("boolean", r#"true false 1 "true" []"#),
        ("enum", r#""A" "\u0041" "C" 1 true"#),
        ("json", r#"{"a":[1,null]} [] 1 "x" true"#),
    ] {
        for token in tokens.split(' ') {
            let answer =
                kit.run(&format!("{{ v {{ {field} }} }}"), &format!(r#"shop GET /v => 200 {{"{field}":{token}}}"#));
            let lines: Vec<&str> = answer.lines().skip(1).collect();
            text += &format!("{field} {token}: {}\n", lines.join("  ").replace(r#"{"v":"#, "").replace("}}", "}"));
        }
    }
    assert_snapshot!(text);
}

#[test]
fn the_deadline_fails_what_is_open_and_what_waits_for_it() {
    let shop = r#"
type Query { user: User @connect(http: { GET: "/user" }) slow: Int @connect(http: { GET: "/slow" }, selection: "$.n") }
type User @key(fields: "id") { id: ID! boss: User }"#;
    let other = r#"
type User @key(fields: "id")
  @connect(http: { GET: "/names", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }) { id: ID! name: String! code: ID }"#;
    let third = r#"
type User @key(fields: "id") { id: ID! code: ID
  badge: Int @connect(http: { GET: "/badges/{$this.code}" }, selection: "$.n") }"#;
    let kit = Kit::rest(&[
        ("shop", shop),
        ("other", other),
        ("third", &third.replace(" code: ID\n", "\n").replace("$this.code", "$this.id")),
    ])
    .slow();
    let script = r#"
        now shop GET /user => 200 {"id":1,"boss":{"id":2}}
        shop GET /slow => 200 {"n":1}
        other GET /names?id=1&id=2 => 200 []
        now third GET /badges/1 => 200 {"n":5}"#;
    assert_snapshot!(kit.run("{ user { name badge boss { id } } slow }", script.replace("id=1&id=2", "id=1").as_str()));
}

const SERVICE: &str = r#"
type Query {
  item(id: ID!): Item @connect(http: { GET: "/items/{$args.id}" }, on: [{ status: "404", null: true }])
  rate: Float @connect(http: { GET: "/rate" }, selection: "$.rate")
}
type Item { id: ID! name: String price: Price! tags: [String!]! parts: [Part!] kind: Kind stock: Int
  @connect(http: { GET: "/stock/{$this.id}" }, selection: "$.left") }
type Price { amount: Int! }
type Part { size: Int! }
enum Kind { A B }"#;

#[test]
fn a_default_stands_in_for_whatever_makes_its_path_null() {
    let client = r#"
type Query { card(id: ID!): Card @from(path: "item") rate: Float! @from(path: "rate", default: "1.5") }
type Card @view(of: "Item") {
  title: String! @from(path: "name", default: "?")
  cents: Int! @from(path: "price.amount", default: "0")
  loose: Int @from(path: "price.amount", default: "7")
  tags: [String!]! @from(path: "tags", default: "[]")
  sizes: [Int!]! @from(path: "parts.size", default: "[1]")
  kind: Kind! @from(path: "kind", default: "B")
  left: Int! @from(path: "stock", default: "0")
}
enum Kind { A B }"#;
    let kit = Kit::rest_with_client(&[("shop", SERVICE)], client);
    let right = r#"{"id":1,"name":"n","price":{"amount":2},"tags":["t"],"parts":[{"size":3}],"kind":"A"}"#;
    for (query, script, expected) in [
        ("{ rate }", "shop GET /rate => 500 ", "{\"rate\":1.5}\n! rate UPSTREAM_STATUS"),
        ("{ rate }", "shop GET /rate => - ", "{\"rate\":1.5}\n! rate UPSTREAM_UNREACHABLE"),
        ("{ rate }", r#"shop GET /rate => 200 {"rate":null}"#, "{\"rate\":1.5}\n"),
        ("{ rate }", r#"shop GET /rate => 200 {"rate":"x"}"#, "{\"rate\":1.5}\n! rate UPSTREAM_SHAPE"),
        (
            "{ card(id: 1) { title left } }",
            right,
            "{\"card\":{\"title\":\"n\",\"left\":0}}\n! card.left UPSTREAM_STATUS",
        ),
        (
            "{ card(id: 1) { title cents tags } }",
            r#"{"id":1,"price":{"amount":2},"tags":["t"]}"#,
            "{\"card\":{\"title\":\"?\",\"cents\":2,\"tags\":[\"t\"]}}\n",
        ),
        // A value that the graph promises and the answer lacks is reported (rule 4), and the default stands in.
        (
            "{ card(id: 1) { cents } }",
            r#"{"id":1,"price":null}"#,
            "{\"card\":{\"cents\":0}}\n! card.cents NULL_IN_NON_NULL: a value that must not be null is null behind `Card.cents`",
        ),
        ("{ card(id: 1) { loose } }", r#"{"id":1,"price":5}"#, "{\"card\":{\"loose\":7}}\n! card.loose UPSTREAM_SHAPE"),
        (
            "{ card(id: 1) { tags } }",
            r#"{"id":1,"tags":["a",null]}"#,
            "{\"card\":{\"tags\":[]}}\n! card.tags.1 NULL_IN_NON_NULL",
        ),
        (
            "{ card(id: 1) { sizes } }",
            r#"{"id":1,"parts":[{"size":3},{"size":"x"}]}"#,
            "{\"card\":{\"sizes\":[1]}}\n! card.sizes.1 UPSTREAM_SHAPE",
        ),
        (
            "{ card(id: 1) { kind } }",
            r#"{"id":1,"kind":"C"}"#,
            "{\"card\":{\"kind\":\"B\"}}\n! card.kind UPSTREAM_SHAPE",
        ),
    ] {
        let script = match script.starts_with('{') {
            true => format!("shop GET /items/1 => 200 {script}\nshop GET /stock/1 => 500 "),
            false => script.to_owned(),
        };
        let answer = kit.run(query, &script);
        let answer =
            answer.lines().filter(|line| !line.starts_with('>')).fold(String::new(), |all, line| all + line + "\n");
        assert!(answer.starts_with(expected), "{query} {script}: {answer}");
        assert_eq!(answer.matches("\n!").count(), expected.matches("\n!").count(), "{query} {script}: {answer}");
    }
}

#[test]
fn what_the_graph_promises_is_reported_where_the_client_allows_null() {
    let client = r#"
type Query { card(id: ID!): Card @from(path: "item") }
type Card @view(of: "Item") {
  cents: Int @from(path: "price.amount")
  tags: [String] @from(path: "tags")
  first: String @from(path: "tags[0]")
  name: String
}"#;
    let kit = Kit::rest_with_client(&[("shop", SERVICE)], client);
    let broken = "NULL_IN_NON_NULL: a value that must not be null is null behind `Card.";
    for (query, body, expected, errors) in [
        ("cents", r#"{"id":1,"price":null}"#, r#""cents":null"#, vec!["cents"]),
        ("cents", r#"{"id":1,"price":{"amount":null}}"#, r#""cents":null"#, vec!["cents"]),
        ("cents", r#"{"id":1,"price":{"amount":1}}"#, r#""cents":1"#, vec![]),
        ("tags", r#"{"id":1,"tags":["a",null]}"#, r#""tags":["a",null]"#, vec!["tags.1"]),
        ("tags", r#"{"id":1}"#, r#""tags":null"#, vec!["tags"]),
        // Such an item may be missing (rule 2), but an item that is there must not be null.
        ("first", r#"{"id":1,"tags":[]}"#, r#""first":null"#, vec![]),
        ("first", r#"{"id":1,"tags":[null]}"#, r#""first":null"#, vec!["first"]),
        ("name", r#"{"id":1,"name":null}"#, r#""name":null"#, vec![]),
    ] {
        let answer = kit.run(&format!("{{ card(id: 1) {{ {query} }} }}"), &format!("shop GET /items/1 => 200 {body}"));
        assert!(answer.contains(&format!(r#"{{"card":{{{expected}}}}}"#)), "{body}: {answer}");
        let reported: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("! card.")).collect();
        assert_eq!(reported.len(), errors.len(), "{body}: {answer}");
        for (reported, error) in reported.iter().zip(errors) {
            assert!(reported.starts_with(&format!("{error} {broken}")), "{body}: {answer}");
        }
    }
    // The card does not exist, so none of its fields was promised.
    assert!(kit.run("{ card(id: 1) { cents } }", "shop GET /items/1 => 404 ").ends_with("{\"card\":null}\n"));
}

//! What of the caller a call needs.

use super::kit::Kit;
use insta::assert_snapshot;
use serde_json::json;

const SHOP: &str = r#"
type Query {
  me: User @connect(http: { GET: "/users/{$claims.sub}" })
  mine: [Order] @connect(http: { GET: "/orders", queryParams: "user: $claims.sub  lang: $claims.lang ?? 'en'" })
  all: Int @connect(http: { GET: "/all" }, selection: "$.n")
}
type User { id: ID! }
type Order { id: ID! }
"#;

#[test]
fn anonymous_callers_get_no_answer_that_needs_a_claim() {
    let kit = Kit::rest(&[("shop", SHOP)]);
    assert_snapshot!(kit.check("{ me { id } mine { id } all }", r#"shop GET /all => 200 {"n":1}"#));
}

#[test]
fn a_claim_that_is_missing_is_never_left_out_of_a_request() {
    let script = r#"
        shop GET /all => 200 {"n":1}
        shop GET /users/7 => 200 {"id":7}
        shop GET /orders?user=7&lang=en => 200 [{"id":1}]"#;
    let query = "{ me { id } mine { id } all }";
    for claims in [json!({ "lang": "de" }), json!({ "sub": null }), json!({ "sub": { "x": 1 } })] {
        let answer = Kit::rest(&[("shop", SHOP)]).caller(claims).run(query, script);
        assert_eq!(answer.lines().filter(|line| line.starts_with('>')).count(), 1, "{answer}");
        assert!(answer.contains(r#"{"me":null,"mine":null,"all":1}"#), "{answer}");
    }
    assert_snapshot!(Kit::rest(&[("shop", SHOP)]).caller(json!({ "sub": 7 })).run(query, script));
}

#[test]
fn what_needs_a_known_caller_is_not_read_from_a_public_answer() {
    let sdl = r#"
type Query { user: User users: [User!] @listSize(assumedSize: 3) secret: Int @authenticated }
type User @key(fields: "id") { id: ID! email: String @authenticated salary: Int! @authenticated card: Card }
type Card @authenticated { number: String }"#;
    let kit = Kit::graphql(&[("a", sdl)]);
    let query = "{ user { id email card { number } } secret }";
    let script = r#"a * => 200 {"data":{"user":{"id":1,"email":"canary","card":{"number":"canary"}},"users":[{"id":1,"salary":1}],"secret":1}}"#;
    let answer = kit.check(query, script);
    assert!(!answer.contains("canary"), "{answer}");
    assert_snapshot!(answer);
    assert_snapshot!(kit.run("{ users { id salary } }", script));
    let known = Kit::graphql(&[("a", sdl)]).caller(json!({ "sub": 1 }));
    assert_snapshot!(known.run("{ user { email card { number } } secret }", script));
}

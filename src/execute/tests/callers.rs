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
